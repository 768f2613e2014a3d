import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from modeling.evaluation.calibration import HOTTEST, expected_calibration_error, fit_temperature


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
