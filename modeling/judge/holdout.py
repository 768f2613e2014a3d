"""What two judges said of the holdout pairs, as one Parquet file. Loads no torch, so that everybody can read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from modeling.judge.dataset import HOLDOUT, DatasetError, Example

Floats = NDArray[np.float32]

HOLDOUT_FILE = "holdout.parquet"  # in a run's folder

_COLUMNS = ("pair_id", "query_id", "label", "challenger", "champion")


@dataclass(frozen=True)
class Holdout:
    """The holdout pairs, in the order of their ids, with what people and judges say of them.

    `pairs`, `queries` and `labels` (n,) are ids and people's label indices; `challenger` and `champion` (n, labels)
    are calibrated probabilities, the latter None where there was no champion to be measured.
    """

    pairs: NDArray[np.int64]
    queries: NDArray[np.int64]
    labels: NDArray[np.int64]
    challenger: Floats
    champion: Floats | None

    def __len__(self) -> int:
        return len(self.pairs)


def held_out(examples: Sequence[Example]) -> list[Example]:
    """The pairs of the holdout split."""
    return [example for example in examples if example.split == HOLDOUT]


def write_holdout(
    path: Path, examples: Sequence[Example], challenger: ArrayLike, champion: ArrayLike | None = None
) -> None:
    """Write what both judges said of the examples' holdout pairs: (pairs, labels), in the order of the examples.

    ValueError where that does not fit.
    """
    rows = held_out(examples)
    said = [np.asarray(one, dtype=np.float32) for one in (challenger, champion) if one is not None]
    if any(one.ndim != 2 or one.shape != (len(rows), said[0].shape[1]) for one in said):
        raise ValueError(f"need probabilities of {len(rows)} pairs, got {' and '.join(str(one.shape) for one in said)}")
    order = np.argsort([row.pair_id for row in rows], kind="stable")
    columns = {name: pa.array([getattr(rows[at], name) for at in order], pa.int64()) for name in _COLUMNS[:3]}
    columns["challenger"] = _lists(said[0][order])
    columns["champion"] = _lists(said[1][order]) if len(said) > 1 else pa.nulls(len(rows), pa.list_(pa.float32()))
    pq.write_table(pa.table(columns).replace_schema_metadata({"labels": str(said[0].shape[1])}), path)


def read_holdout(path: Path) -> Holdout:
    """Read what write_holdout wrote; DatasetError where it is none of that."""
    try:
        table = pq.read_table(path, columns=list(_COLUMNS))
        width = int((table.schema.metadata or {})[b"labels"])
    except (OSError, KeyError, ValueError) as error:  # what Arrow finds wrong with a file is a ValueError
        raise DatasetError(f"{path}: cannot be read as what judges said of the holdout: {error}") from error
    pairs, queries, labels = (table[name].to_numpy().astype(np.int64) for name in _COLUMNS[:3])
    alone = len(table) == 0 or table["champion"].null_count == len(table)
    return Holdout(
        pairs, queries, labels, _table(table["challenger"], width), None if alone else _table(table["champion"], width)
    )


def _lists(rows: Floats) -> pa.Array:
    return pa.array(list(rows), pa.list_(pa.float32()))


def _table(column: pa.ChunkedArray, width: int) -> Floats:
    values: Floats = column.combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    return values.reshape(-1, width)
