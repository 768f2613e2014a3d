from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import LabelLeaf
from labeling.guidelines.walk import parse_path, walk
from simulation.answer_key import CANONICAL_PATHS, read_generated_key, read_labeled_key, true_answer
from simulation.catalog import EXAMPLES_SCHEMA, write_catalog
from simulation.truth import UNRELATED


def example(number: int, query: str, product: str, label: str) -> dict[str, object]:
    return {
        "example_id": number,
        "query": query,
        "query_id": 1,
        "product_id": product,
        "product_locale": "us",
        "esci_label": label,
        "small_version": 1,
        "large_version": 1,
        "split": "train",
    }


def test_generated_key_knows_every_pair_of_the_catalog(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path, queries=20, seed=2)
    key = read_generated_key(catalog.answer_key)
    rows = pq.read_table(catalog.answer_key).to_pylist()
    assert len(key) == len(rows)
    for row in rows:
        assert true_answer(key, row["locale"], row["query"], row["product_id"]) == row["path"]


def test_labeled_key_has_the_canonical_path_of_each_label_and_no_unlabeled_row(tmp_path: Path) -> None:
    rows = [example(1, "red mug", "A", "S"), example(2, "red mug", "B", ""), example(3, "red mug", "C", "C")]
    path = tmp_path / "examples.parquet"
    pq.write_table(pa.Table.from_pylist(rows, EXAMPLES_SCHEMA), path)
    key = read_labeled_key(path)
    assert key == {
        ("us", "red mug", "A"): "need:yes,type:yes,conflict:yes,accept:yes",
        ("us", "red mug", "C"): "need:yes,type:no,job:no,together:yes",
    }
    assert true_answer(key, "us", "red mug", "B") == UNRELATED


def test_key_finds_a_query_whatever_its_white_space() -> None:
    key = {("us", "red mug", "A"): "need:no"}
    assert true_answer(key, "us", " red \n mug ", "A") == "need:no"
    assert true_answer(key, "es", "red mug", "A") == UNRELATED


def test_canonical_paths_end_in_their_labels() -> None:
    guideline = parse_guideline(default_source(), "ESCI")
    for label, path in CANONICAL_PATHS.items():
        assert walk(guideline, parse_path(path)) == LabelLeaf(label)
