import json
import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from modeling.evaluation.classification import Evaluation, evaluate
from modeling.labels.agreement import krippendorff_alpha

Labels = NDArray[np.int64]


def sure(labels: Labels | list[int], count: int = 4) -> NDArray[np.float64]:
    """Probabilities that put 0.7 on the given labels."""
    rest = 0.3 / (count - 1)
    return np.where(np.eye(count)[np.asarray(labels, dtype=np.int64)] == 1, 0.7, rest)


def judged(truth: Any, judge: Any, clusters: Any = None, majority_label: int = 0) -> Evaluation:
    names = np.arange(len(truth)) if clusters is None else clusters
    return evaluate(truth, sure(judge), names, majority_label=majority_label, seed=1, draws=200)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_evaluation_equals_sklearn_and_alpha(rows: list[tuple[int, int]]) -> None:
    truth, judge = np.array(rows).T
    result = judged(truth, judge)
    assert np.array_equal(result.confusion, confusion_matrix(truth, judge, labels=range(4)))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, judge, labels=range(4), zero_division=np.nan
    )
    for label, score in enumerate(result.per_label):
        assert score.precision == pytest.approx(precision[label], nan_ok=True)
        assert score.recall == pytest.approx(recall[label], nan_ok=True)
        assert score.f1 == pytest.approx(f1[label], nan_ok=True)
        assert score.n == support[label]
    assert result.macro_f1.value == pytest.approx(f1_score(truth, judge, average="macro"))
    assert result.accuracy.value == pytest.approx((truth == judge).mean())
    counts = np.eye(4, dtype=np.int64)[truth] + np.eye(4, dtype=np.int64)[judge]
    assert result.alpha.value == pytest.approx(krippendorff_alpha(counts), nan_ok=True)


def test_evaluation_baseline_is_the_label_it_is_given_and_not_the_holdouts_own() -> None:
    truth = [1, 1, 1, 0]
    assert judged(truth, truth, majority_label=0).majority_accuracy == 0.25
    assert judged(truth, truth, majority_label=1).majority_accuracy == 0.75


def test_evaluation_ece_is_that_of_the_largest_probability() -> None:
    assert judged([0, 1, 2, 3], [0, 1, 0, 0]).ece.value == pytest.approx(0.2)


def test_evaluation_intervals_widen_when_queries_go_together() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 4, 300)
    judge = np.where(np.repeat(random.random(30) < 0.3, 10), (truth + 1) % 4, truth)
    by_query = judged(truth, judge, np.repeat([f"query {i}" for i in range(30)], 10))
    by_pair = judged(truth, judge)
    assert by_query.accuracy.value == by_pair.accuracy.value
    assert by_query.per_label[0].f1_low < by_query.per_label[0].f1 < by_query.per_label[0].f1_high
    for name in ("accuracy", "alpha", "macro_f1"):
        estimate, narrow = getattr(by_query, name), getattr(by_pair, name)
        assert estimate.low < estimate.value < estimate.high
        assert estimate.high - estimate.low > 2 * (narrow.high - narrow.low)
        assert estimate.n == 300


def test_evaluation_of_a_judge_with_one_answer_has_no_alpha_above_zero() -> None:
    result = judged([0, 0, 0, 1, 2, 3], [0] * 6)
    assert result.accuracy.value == result.majority_accuracy == 0.5
    assert result.alpha.value <= 0
    assert math.isnan(result.per_label[1].precision)
    assert result.per_label[1].recall == 0


def test_evaluation_of_nothing_is_nan_and_plain_json() -> None:
    result = evaluate([], np.empty((0, 4)), [], majority_label=0, seed=1)
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["n"] == 0
    assert plain["accuracy"] == {"value": None, "low": None, "high": None, "n": 0}
    assert plain["alpha"]["value"] is None
    assert plain["macro_f1"]["value"] is plain["ece"]["value"] is plain["majority_accuracy"] is None
    assert plain["reliability"] == plain["coverage"] == []
    assert plain["confusion"] == [[0] * 4] * 4


def test_evaluation_to_dict_is_the_whole_of_it() -> None:
    result = judged([0, 1, 1, 3], [0, 1, 2, 3])
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["n"] == 4
    assert plain["accuracy"]["value"] == 0.75
    assert set(plain) == {field.name for field in fields(Evaluation)}
    scores = {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "n": 2}
    assert scores.items() <= plain["per_label"][1].items()
    assert {"precision": 0.0, "recall": None, "f1": 0.0, "n": 0}.items() <= plain["per_label"][2].items()
    assert plain["confusion"][1] == [0, 1, 1, 0]


def test_evaluation_has_the_calibration_error_before_and_after() -> None:
    random = np.random.default_rng(8)
    truth = random.integers(0, 4, 400)
    judge = np.where(random.random(400) < 0.7, truth, (truth + 1) % 4)
    raw = np.eye(4)[judge] * 0.96 + 0.01
    result = evaluate(truth, sure(judge), np.arange(400), majority_label=0, seed=1, draws=100, uncalibrated=raw)
    assert result.ece_before.value == pytest.approx(0.97 - result.accuracy.value)
    assert result.ece_before.low > result.ece.high
    assert [(one.low, one.right.value) for one in result.reliability] == [(10 / 15, result.accuracy.value)]
    assert [one.accuracy.value for one in result.coverage] == [result.accuracy.value]
    assert math.isnan(judged(truth, judge).ece_before.value)


@pytest.mark.parametrize(
    ("truth", "rows", "names", "majority_label", "message"),
    [
        ([0, 4], 2, [1, 2], 0, r"truth must lie in 0..3, got 0 to 4"),
        ([0, 1], 2, [1, 2], 4, r"majority_label must lie in 0..3, got 4"),
        ([0, 1], 3, [1, 2], 0, r"must fit, got \(2,\), \(3, 4\) and \(2,\)"),
        ([0, 1], 2, [1], 0, r"must fit, got \(2,\), \(2, 4\) and \(1,\)"),
    ],
)
def test_evaluation_refuses_arrays_that_do_not_fit(
    truth: list[int], rows: int, names: list[int], majority_label: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(truth, np.full((rows, 4), 0.25), names, majority_label=majority_label, seed=1)


def test_evaluation_refuses_probabilities_that_are_no_numbers() -> None:
    with pytest.raises(ValueError, match="probabilities must be finite"):
        evaluate([0], [[np.nan, 0.5]], [1], majority_label=0, seed=1)
