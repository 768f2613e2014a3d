from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modeling.judge.dataset import (
    DatasetError,
    Example,
    check_examples,
    digest,
    read_examples,
    split_counts,
    write_examples,
)

ROWS = [
    Example(3, 30, "red mug", "Red Mug — 日本語 😀", 0, "train"),
    Example(1, 10, "blue lamp", "Lamp\twith 'quotes' and \"more\"", 1, "calibration", 0.5),
    Example(2, 20, "yoga mat", "", 1, "train"),
    Example(4, 40, "leash", "Wall Clock", 0, "holdout"),
]


def table(**changes: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "pair_id": [1, 2],
        "query_id": [1, 2],
        "query": ["a", "b"],
        "product": ["c", "d"],
        "label": [0, 1],
        "split": ["train", "train"],
        "weight": [1.0, 1.0],
    }
    return pa.table({name: value for name, value in (columns | changes).items() if value is not None})


def test_examples_survive_the_file(tmp_path: Path) -> None:
    write_examples(tmp_path / "pairs.parquet", ROWS)
    assert read_examples(tmp_path / "pairs.parquet") == ROWS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": None}, "no column 'label'; expected pair_id, query_id"),
        ({"query": ["a", None]}, "row 2, column 'query': expected a value, got null"),
        ({"label": ["exact", "no"]}, "a column is of another type than expected"),
    ],
)
def test_examples_refuse_a_file_by_column_and_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "pairs.parquet"
    pq.write_table(table(**changes), path)
    with pytest.raises(DatasetError, match=message) as caught:
        read_examples(path)
    assert str(path) in str(caught.value)


def test_examples_refuse_what_is_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "pairs.parquet").write_text("pair_id,query_id\n")
    with pytest.raises(DatasetError, match=r"pairs\.parquet: cannot be read as Parquet"):
        read_examples(tmp_path / "pairs.parquet")
    with pytest.raises(DatasetError, match=r"none\.parquet: cannot be read as Parquet"):
        read_examples(tmp_path / "none.parquet")


def test_examples_in_order_pass_the_check() -> None:
    check_examples(ROWS, 2)


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (0, {"label": 2}, "pair 3: expected a label from 0 to 1, got 2"),
        (0, {"label": -1}, "pair 3: expected a label from 0 to 1, got -1"),
        (0, {"split": "test"}, "pair 3: expected a split of train, calibration, holdout, got 'test'"),
        (0, {"weight": 0.0}, "pair 3: expected a weight above 0, at most 1e\\+06, got 0.0"),
        (0, {"weight": float("inf")}, "pair 3: expected a weight above 0, at most 1e\\+06, got inf"),
        (0, {"pair_id": 2}, "pair 2: expected once, got it 2 times"),
        (0, {"query_id": 40}, "pair 3: its query 40 is in the holdout, so it must not be in the split 'train'"),
        (1, {"query_id": 40}, "pair 1: its query 40 is in the holdout"),
        (0, {"label": 1}, "the training split needs pairs of two labels or more, got 1"),
    ],
)
def test_examples_that_mislead_are_refused(place: int, change: dict[str, Any], message: str) -> None:
    rows = [replace(row, **change) if number == place else row for number, row in enumerate(ROWS)]
    with pytest.raises(DatasetError, match=message):
        check_examples(rows, 2)


def test_digest_is_of_the_content_and_not_of_the_order() -> None:
    assert digest(ROWS) == digest(ROWS[::-1])
    changes: list[dict[str, Any]] = [
        {"query": "red mugs"},
        {"product": ""},
        {"label": 1},
        {"split": "holdout"},
        {"weight": 2.0},
        {"query_id": 31},
        {"pair_id": 5},
    ]
    digests = {digest([replace(ROWS[0], **change), *ROWS[1:]]) for change in changes}
    assert len(digests | {digest(ROWS)}) == len(changes) + 1


def test_split_counts_name_every_label() -> None:
    assert split_counts(ROWS, ["exact", "irrelevant"]) == {
        "train": {"exact": 1, "irrelevant": 1},
        "calibration": {"exact": 0, "irrelevant": 1},
        "holdout": {"exact": 1, "irrelevant": 0},
    }
