"""A judge by slices of the holdout."""

import json

import numpy as np
import pytest

from modeling.evaluation.by_slice import evaluate_slices
from modeling.evaluation.classification import evaluate

TRUTH = np.array([0, 1, 2, 0, 1, 2, 0, 1])
JUDGED = np.array([0, 1, 2, 0, 0, 0, 0, 1])
QUERY = np.array([1, 1, 2, 2, 3, 3, 4, 4])


def test_slices_have_each_part_that_has_pairs() -> None:
    slices = {
        "locale": (np.array([0, 0, 0, 0, 1, 1, 1, 1]), ("us", "jp", "es")),
        "length": (np.array([0, 0, 0, 0, 0, 0, -1, -1]), ("1",)),
    }
    found = evaluate_slices(TRUTH, JUDGED, QUERY, slices, labels=3, seed=1, draws=100)
    assert {name: [(part.value, part.accuracy.n, part.queries) for part in parts] for name, parts in found.items()} == {
        "locale": [("us", 4, 2), ("jp", 4, 2)],
        "length": [("1", 6, 3)],
    }
    us, jp = found["locale"]
    assert (us.accuracy.value, jp.accuracy.value, us.alpha.value) == (1.0, 0.5, 1.0)
    assert us.accuracy.low < 1
    plain = json.loads(json.dumps(jp.to_dict(), allow_nan=False))
    assert (plain["value"], plain["n"], plain["accuracy"]["value"]) == ("jp", 4, 0.5)


def test_slice_of_everything_is_the_whole_evaluation() -> None:
    whole = evaluate(TRUTH, np.eye(3)[JUDGED], QUERY, majority_label=0, seed=1, draws=100)
    everything = {"all": (np.zeros(8, np.intp), ("all",))}
    (part,) = evaluate_slices(TRUTH, JUDGED, QUERY, everything, labels=3, seed=1, draws=100)["all"]
    assert (part.accuracy, part.alpha) == (whole.accuracy, whole.alpha)


def test_slices_refuse_arrays_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"need \(8,\) of all, got judged \(8,\), clusters \(8,\), {'x': \(2,\)}"):
        evaluate_slices(TRUTH, JUDGED, QUERY, {"x": (np.zeros(2, np.intp), ("a",))}, labels=3, seed=1)
