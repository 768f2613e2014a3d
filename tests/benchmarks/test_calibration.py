"""What the benchmark of calibration is made from; it trains for minutes, so it is not run here."""

from collections import Counter

import pytest

from benchmarks.calibration import chance_error
from benchmarks.catalog_pairs import labeled_pairs

COUNTS = {"train": 300, "calibration": 90, "holdout": 130}


def test_catalog_pairs_are_as_many_as_asked_for_with_each_query_in_one_split() -> None:
    examples = labeled_pairs(COUNTS, seed=3)
    assert Counter(one.split for one in examples) == COUNTS
    splits: dict[int, set[str]] = {}
    for one in examples:
        splits.setdefault(one.query_id, set()).add(one.split)
    assert all(len(found) == 1 for found in splits.values())
    assert len({one.pair_id for one in examples}) == len(examples)
    assert examples == labeled_pairs(COUNTS, seed=3)


def test_catalog_pairs_have_as_many_wrong_labels_as_asked_for() -> None:
    right, wrong = (labeled_pairs({"train": 1500}, seed=3, errors=errors) for errors in (0.0, 0.1))
    assert Counter(one.label for one in right)[0] > 0.5 * len(right)
    changed = sum(one.label != other.label for one, other in zip(right, wrong, strict=True))
    assert changed / len(right) == pytest.approx(0.1, abs=0.03)


def test_chance_error_is_what_a_calibrated_judge_has() -> None:
    bins = [{"confidence": 0.5, "right": {"n": 10_000}}, {"confidence": 0.9, "right": {"n": 10_000}}]
    expected = (0.8 * (0.5 / 100) + 0.8 * (0.3 / 100)) / 2  # the mean distance of a normal is 0.8 of its deviation
    assert chance_error(bins, seed=1, draws=2000) == pytest.approx(expected, rel=0.05)
    assert chance_error([{"confidence": 1.0, "right": {"n": 5}}], seed=1) == 0
