"""Pairs of the generated catalog with their true labels, as a judge learns from them."""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from modeling.judge.dataset import CALIBRATION, HOLDOUT, TRAIN, Example
from modeling.judge.prompts import product_text, query_text
from simulation.catalog import write_catalog

LABELS = ("E", "S", "C", "I")
PAIRS_A_QUERY = 20
_TEXT = ("product_title", "product_brand", "product_color", "product_bullet_point", "product_description")


def generated_examples(train: int, calibration: int, holdout: int, seed: int) -> list[Example]:
    """So many pairs of each split, no query in two of them; pairs that cannot be judged are left out.

    Raises ValueError when the catalog has too few.
    """
    wanted = {TRAIN: train, CALIBRATION: calibration, HOLDOUT: holdout}
    with tempfile.TemporaryDirectory() as folder:
        # A tenth more than is wanted, for what is cut off at each split's end and what cannot be judged.
        queries = 3 + round(1.1 * sum(wanted.values()) / PAIRS_A_QUERY)
        catalog = write_catalog(Path(folder), queries, seed)
        rows = pq.read_table(catalog.examples).to_pylist()
        products = {row["product_id"]: row for row in pq.read_table(catalog.products).to_pylist()}
    asked = sorted({row["query_id"] for row in rows})
    random.Random(seed).shuffle(asked)
    shown: dict[int, list[dict[str, object]]] = {query: [] for query in asked}
    for row in rows:
        if row["esci_label"]:
            shown[row["query_id"]].append(row)
    found: list[Example] = []
    left = iter(asked)
    for split, count in wanted.items():
        picked: list[dict[str, object]] = []
        while len(picked) < count:
            query = next(left, None)
            if query is None:
                raise ValueError(f"the catalog has {len(rows)} pairs, too few for {count} more of {split}")
            picked += shown[query]
        found += [_example(row, products, split) for row in picked[:count]]
    return found


def _example(row: dict[str, object], products: dict[object, dict[str, str]], split: str) -> Example:
    product = products[row["product_id"]]
    title, *more = (product[name] for name in _TEXT)
    return Example(
        pair_id=int(str(row["example_id"])),
        query_id=int(str(row["query_id"])),
        query=query_text(str(row["query"])),
        product=product_text(title, *more),
        label=LABELS.index(str(row["esci_label"])),
        split=split,
    )


def of_split(examples: Sequence[Example], split: str) -> list[Example]:
    """The pairs of one split."""
    return [example for example in examples if example.split == split]
