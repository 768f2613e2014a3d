"""The judge on real queries and products, where the sample of the Shopping Queries Dataset is at hand."""

import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from modeling.judge.dataset import CALIBRATION, HOLDOUT, TRAIN, Example
from modeling.judge.prompts import product_text, query_text
from modeling.judge.spec import JudgeSpec
from modeling.judge.training import train

SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "esci_sample"

pytestmark = [
    pytest.mark.training,
    pytest.mark.skipif(not SAMPLE.is_dir(), reason=f"the ESCI sample is not at {SAMPLE}"),
]


def rows_of(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(SAMPLE / f"shopping_queries_dataset_{name}.parquet").to_pylist()
    return rows


def real_pairs(train_size: int) -> list[Example]:
    """Real Exact pairs, and as Irrelevant two of each query with products of other queries."""
    random_ = random.Random(5)
    texts = {
        row["product_id"]: product_text(
            row["product_title"],
            row["product_brand"],
            row["product_color"],
            row["product_bullet_point"],
            row["product_description"],
        )
        for row in rows_of("products")
    }
    exact = [row for row in rows_of("examples") if row["esci_label"] == "E"]
    pairs = []
    for row in exact:
        strange = random_.choice([other for other in exact if other["query_id"] != row["query_id"]])
        pairs += [(row["query_id"], row["query"], row["product_id"], 0)]
        pairs += [(row["query_id"], row["query"], strange["product_id"], 1)]
    random_.shuffle(pairs)
    splits = iter([TRAIN] * train_size + [CALIBRATION] * 60)
    examples = []
    for number, (query_id, query, product_id, label) in enumerate(pairs):
        split = HOLDOUT if query_id % 4 == 0 else next(splits, None)
        if split:
            examples.append(Example(number, query_id, query_text(query), texts[product_id], label, split))
    return examples


def test_judge_tells_real_matches_from_strangers_of_unseen_queries(tmp_path: Path) -> None:
    spec = JudgeSpec(epochs=1, max_length=32)
    manifest = train(spec, real_pairs(160), ("exact", "irrelevant"), tmp_path / "artifact")
    holdout = manifest["holdout"]
    assert holdout["n"] > 150
    assert holdout["accuracy"]["low"] > holdout["majority_accuracy"] + 0.1
    assert holdout["accuracy"]["value"] > 0.75
    assert manifest["collapsed"] is None
