"""The pairs that a judge learns from and is measured on, as one Parquet file."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TRAIN, CALIBRATION, HOLDOUT = SPLITS = ("train", "calibration", "holdout")

# Sums of heavier pairs would leave the range of float32.
_HEAVIEST = 1e6

_SCHEMA = pa.schema(
    [
        pa.field("pair_id", pa.int64(), nullable=False),
        pa.field("query_id", pa.int64(), nullable=False),
        pa.field("query", pa.string(), nullable=False),
        pa.field("product", pa.string(), nullable=False),
        pa.field("label", pa.int32(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
    ]
)


class DatasetError(ValueError):
    """Pairs that cannot be trained on: names the file or pair, the column, the value and the way out."""


@dataclass(frozen=True)
class Example:
    """One labeled pair: the texts of prompts.py, the index of its label, the split it belongs to."""

    pair_id: int
    query_id: int
    query: str
    product: str
    label: int
    split: str
    weight: float = 1.0


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write the pairs as one Parquet file."""
    columns = {name: [getattr(example, name) for example in examples] for name in _SCHEMA.names}
    pq.write_table(pa.table(columns, schema=_SCHEMA), path)


def read_examples(path: Path) -> list[Example]:
    """Read what write_examples wrote; DatasetError names the file, the column and the first bad row."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"{path}: cannot be read as Parquet: {error}") from error
    missing = [name for name in _SCHEMA.names if name not in table.column_names]
    if missing:
        raise DatasetError(f"{path}: no column {missing[0]!r}; expected {', '.join(_SCHEMA.names)}")
    table = table.select(_SCHEMA.names)
    for name in _SCHEMA.names:
        if table[name].null_count:
            row = table[name].is_null().index(True).as_py()
            raise DatasetError(f"{path}: row {row + 1}, column {name!r}: expected a value, got null")
    try:
        rows: list[dict[str, Any]] = table.cast(_SCHEMA).to_pylist()
    except pa.ArrowInvalid as error:
        raise DatasetError(f"{path}: a column is of another type than expected: {error}") from error
    return [Example(**row) for row in rows]


def check_examples(examples: Sequence[Example], label_count: int) -> None:
    """DatasetError unless a judge can be trained on these pairs and honestly measured on their holdout.

    Pairs must not repeat, labels must exist, a query of the holdout must have no pair in another split, and
    the training split must hold two labels.
    """
    for example in examples:
        _check_example(example, label_count)
    for pair_id, times in Counter(example.pair_id for example in examples).items():
        if times > 1:
            raise DatasetError(f"pair {pair_id}: expected once, got it {times} times")
    held_out = {example.query_id for example in examples if example.split == HOLDOUT}
    for example in examples:
        if example.split != HOLDOUT and example.query_id in held_out:
            raise DatasetError(
                f"pair {example.pair_id}: its query {example.query_id} is in the holdout, "
                f"so it must not be in the split {example.split!r}"
            )
    learned = {example.label for example in examples if example.split == TRAIN}
    if len(learned) < 2:
        raise DatasetError(
            f"the training split needs pairs of two labels or more, got {len(learned)}: label more pairs first"
        )


def _check_example(example: Example, label_count: int) -> None:
    if not 0 <= example.label < label_count:
        raise DatasetError(f"pair {example.pair_id}: expected a label from 0 to {label_count - 1}, got {example.label}")
    if example.split not in SPLITS:
        raise DatasetError(f"pair {example.pair_id}: expected a split of {', '.join(SPLITS)}, got {example.split!r}")
    if not 0 < example.weight <= _HEAVIEST:
        raise DatasetError(
            f"pair {example.pair_id}: expected a weight above 0, at most {_HEAVIEST:g}, got {example.weight}"
        )


def digest(examples: Sequence[Example]) -> str:
    """SHA-256 over the pairs' whole content, the same for every order of them."""
    sha = hashlib.sha256()
    for example in sorted(examples, key=lambda one: one.pair_id):
        row = [getattr(example, name) for name in _SCHEMA.names]
        sha.update(json.dumps(row, ensure_ascii=True).encode() + b"\n")
    return sha.hexdigest()


def split_counts(examples: Sequence[Example], label_keys: Sequence[str]) -> dict[str, dict[str, int]]:
    """Pairs by split and label key, zeros included."""
    found = Counter((example.split, example.label) for example in examples)
    return {split: {key: found[split, label] for label, key in enumerate(label_keys)} for split in SPLITS}
