import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from modeling.evaluation.calibration import (
    HOTTEST,
    Calibration,
    accuracy_by_coverage,
    calibration_error,
    expected_calibration_error,
    fit_calibration,
    fit_temperature,
    reliability_curve,
)

Floats = NDArray[np.float64]


def drawn(chances: Floats, seed: int) -> NDArray[np.int64]:
    """One label a row, by the row's probabilities."""
    where = np.random.default_rng(seed).random((len(chances), 1)) > chances.cumsum(axis=1)
    labels: NDArray[np.int64] = np.minimum(where.sum(axis=1), chances.shape[1] - 1)
    return labels


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_temperature_finds_the_one_the_labels_came_from(temperature: float) -> None:
    random = np.random.default_rng(2)
    logits = random.normal(0, 2.5, (6000, 4))
    chances = softmax(logits / temperature, axis=1)
    truth = (random.random((6000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(logits, np.minimum(truth, 3)) == pytest.approx(temperature, rel=0.06)


def test_temperature_of_a_few_right_rows_is_not_certain_of_the_next() -> None:
    # 30 of 30 right: the next is taken to be right 31 times in 32.
    temperature = fit_temperature([[1.0, 0.0]] * 30, [0] * 30)
    assert softmax([1 / temperature, 0.0])[0] == pytest.approx(31 / 32, abs=1e-4)


def test_temperature_of_rows_that_are_wrong_throughout_is_the_hottest() -> None:
    assert fit_temperature([[0.0, 1.0]] * 30, [0] * 30) == pytest.approx(HOTTEST, rel=0.05)


def test_temperature_refuses_rows_it_cannot_use() -> None:
    with pytest.raises(ValueError, match=r"shapes \(0, 2\) and \(0,\)"):
        fit_temperature(np.empty((0, 2)), [])
    with pytest.raises(ValueError, match=r"got \[nan, 0.0\] in row 1"):
        fit_temperature([[1.0, 0.0], [np.nan, 0.0]], [0, 1])


def test_calibration_error_of_a_known_case() -> None:
    # Four at 0.95 with three right, a gap of 0.2; one at 0.55 that is wrong, a gap of 0.55.
    error = expected_calibration_error([0.95] * 4 + [0.55], [True, True, True, False, False])
    assert error == pytest.approx((4 * 0.2 + 0.55) / 5)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_calibration_error_equals_the_sum_over_bins(rows: list[tuple[float, bool]], bins: int) -> None:
    expected = 0.0
    for number in range(bins):
        held = [(c, r) for c, r in rows if max(0, math.ceil(c * bins) - 1) == number]
        expected += abs(sum(c - r for c, r in held)) / len(rows)
    confidence, correct = zip(*rows, strict=True)
    assert expected_calibration_error(confidence, correct, bins) == pytest.approx(expected, abs=1e-9)


def test_calibration_error_of_nothing_is_nan() -> None:
    assert math.isnan(expected_calibration_error([], []))


def test_calibration_error_refuses_what_is_no_confidence() -> None:
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1"):
        expected_calibration_error([1.2], [True])
    with pytest.raises(ValueError, match=r"of one length, got \(2,\) and \(1,\)"):
        expected_calibration_error([0.2, 0.3], [True])


def test_calibration_is_what_its_method_says_and_survives_json() -> None:
    logits = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.5]])
    halved = Calibration("temperature", 2.0)
    by_label = Calibration("per_label", 2.0, (0.5, 1.0, 2.0), (0.0, -1.0, 0.25))
    assert np.allclose(Calibration().probabilities(logits), softmax(logits, axis=1))
    assert np.allclose(halved.probabilities(logits), softmax(logits / 2, axis=1))
    assert np.allclose(by_label.probabilities(logits)[0], softmax([1.0, -1.0, -1.75]))
    noisy = Calibration("temperature", 2.0, noise=0.3)
    assert np.allclose(noisy.probabilities(logits), 0.7 * softmax(logits / 2, axis=1) + 0.1)
    for one in (Calibration(), halved, by_label, noisy):
        assert Calibration.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_calibration_refuses_what_it_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"method must be one of none, temperature, per_label, got 'platt'"):
        Calibration("platt")
    with pytest.raises(ValueError, match=r"temperature must be above 0, got 0"):
        Calibration("temperature", 0.0)
    with pytest.raises(ValueError, match=r"noise must be a share below 1, got 1\.5"):
        Calibration("temperature", noise=1.5)
    with pytest.raises(ValueError, match=r"a scale and a bias for each label, got 2 and 1"):
        Calibration("per_label", 1.0, (1.0, 1.0), (0.0,))
    with pytest.raises(ValueError, match=r"calibrated for 2 labels, got logits of shape \(1, 3\)"):
        Calibration("per_label", 1.0, (1.0, 1.0), (0.0, 0.0)).probabilities([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match=r"expected method, temperature, scale and bias, got {}"):
        Calibration.from_dict({})


@pytest.mark.parametrize(
    ("made_by", "chosen"),
    [
        (Calibration("temperature", 2.5), "temperature"),
        (Calibration("per_label", 1.0, (0.3, 1.0, 0.6, 1.5), (0.8, -0.5, 0.0, -0.3)), "per_label"),
    ],
)
def test_calibration_of_held_out_likelihood_finds_what_the_labels_came_from(made_by: Calibration, chosen: str) -> None:
    logits = np.random.default_rng(4).normal(0, 2.5, (3000, 4))
    truth = drawn(made_by.probabilities(logits), 5)
    found = fit_calibration(logits, truth, np.arange(3000) // 5, seed=1)
    assert found.method == chosen
    assert np.abs(found.probabilities(logits) - made_by.probabilities(logits)).max() < 0.08
    assert fit_calibration(logits, truth, np.arange(3000) // 5, seed=1) == found


def test_calibration_finds_the_share_of_labels_given_at_random() -> None:
    """No temperature makes a judge less sure at the top alone, where people err on what is clear to it."""
    logits = np.random.default_rng(4).normal(0, 4, (3000, 4))
    made_by = Calibration("temperature", 1.5, noise=0.12)
    truth = drawn(made_by.probabilities(logits), 5)
    found = fit_calibration(logits, truth, np.arange(3000) // 5, seed=1)
    assert found.noise == pytest.approx(0.12, abs=0.03)
    before, after = (
        expected_calibration_error(chances.max(axis=1), chances.argmax(axis=1) == truth)
        for chances in (Calibration().probabilities(logits), found.probabilities(logits))
    )
    assert after < before / 3


def test_calibration_of_few_rows_has_few_parameters() -> None:
    """60 pairs of 20 queries do not tell four labels apart, however they fall."""
    made_by = Calibration("temperature", 3.0)
    found = []
    for seed in range(10):
        logits = np.random.default_rng(seed).normal(0, 2.5, (60, 4))
        truth = drawn(made_by.probabilities(logits), seed + 100)
        found.append(fit_calibration(logits, truth, np.arange(60) // 3, seed=1).method)
    assert found.count("temperature") >= 8


def test_calibration_of_one_query_is_the_temperature() -> None:
    logits = np.random.default_rng(6).normal(0, 2, (30, 3))
    found = fit_calibration(logits, logits.argmax(axis=1), np.zeros(30), seed=1)
    assert found == Calibration("temperature", fit_temperature(logits, logits.argmax(axis=1)))


def test_calibration_is_of_queries_and_not_of_pairs() -> None:
    """A label that is told by its query alone is not learned from other pairs of that query."""
    random = np.random.default_rng(7)
    logits = np.repeat(random.normal(0, 1, (12, 3)), 20, axis=0) + random.normal(0, 0.01, (240, 3))
    truth = np.repeat(random.integers(0, 3, 12), 20)
    assert fit_calibration(logits, truth, np.arange(240), seed=1).method == "per_label"
    assert fit_calibration(logits, truth, np.arange(240) // 20, seed=1).method != "per_label"


def test_calibration_error_has_an_interval_that_holds_the_truth() -> None:
    """A judge that is right by exactly its confidence has an error of 0, one that is 0.2 too sure has 0.2."""
    held = np.zeros((100, 2), np.bool_)
    for seed in range(100):
        random = np.random.default_rng(seed)
        queries = np.arange(400) // 4
        sure = random.uniform(0.4, 0.8, 400)
        right = random.random(400) < sure
        for place, excess in enumerate((0.0, 0.2)):
            estimate = calibration_error(sure + excess, right, queries, seed=1, draws=200)
            assert estimate.low <= estimate.value <= estimate.high
            held[seed, place] = estimate.low <= excess <= estimate.high
    assert held.mean(axis=0).min() >= 0.9


def test_calibration_error_of_one_query_has_no_interval() -> None:
    found = calibration_error([0.9, 0.9], [True, False], [7, 7], seed=1)
    assert found.value == pytest.approx(0.4)
    assert math.isnan(found.low)
    assert calibration_error([], [], [], seed=1).n == 0


def test_reliability_curve_has_the_bins_that_hold_pairs() -> None:
    curve = reliability_curve([0.05, 0.55, 0.58, 1.0], [False, True, False, True], [1, 2, 3, 4], seed=1, bins=10)
    assert [(one.low, one.high, one.right.n) for one in curve] == [(0.0, 0.1, 1), (0.5, 0.6, 2), (0.9, 1.0, 1)]
    assert curve[1].confidence == pytest.approx(0.565)
    assert (curve[1].right.value, curve[2].right.value) == (0.5, 1.0)
    assert curve[2].right.low < 1
    plain = json.loads(json.dumps(curve[0].to_dict(), allow_nan=False))
    assert (plain["confidence"], plain["right"]["value"]) == (0.05, 0.0)


def test_accuracy_by_coverage_takes_the_surest_first_and_pairs_of_one_confidence_together() -> None:
    sure, right = [0.9, 0.8, 0.8, 0.4], [True, True, False, False]
    points = accuracy_by_coverage(sure, right, [1, 2, 3, 4], seed=1, coverages=(0.25, 0.5, 0.75, 1.0))
    assert [(one.coverage, one.confidence) for one in points] == [(0.25, 0.9), (0.75, 0.8), (1.0, 0.4)]
    assert [one.accuracy.value for one in points] == [1.0, pytest.approx(2 / 3), 0.5]
    assert accuracy_by_coverage([], [], [], seed=1) == ()
