"""The forecast of what more labels buy: against a law that is known, and where it must not be made."""

import math

import numpy as np
import pytest

from modeling.estimates import Floats
from modeling.evaluation.learning_curve import can_forecast, forecast

LABELS = np.array([300, 600, 1200, 2400])


def error_of(labels: float, scale: float = 3.0, exponent: float = 0.4) -> float:
    return float(scale * labels**-exponent)


def measured(random: np.random.Generator, queries: int = 300, each: int = 5) -> Floats:
    """Draw how often judges that follow the law are right, on queries of which some are hard for all of them."""
    hardness = random.uniform(0.5, 1.5, size=(queries, 1))
    errors = np.array([error_of(labels) for labels in LABELS]) * hardness
    right = random.binomial(each, 1 - errors)
    return np.stack([right, np.full_like(right, each)], axis=-1).astype(np.float64)


def test_forecast_reads_the_law_from_exact_counts() -> None:
    right = [[[1e6 * (1 - error_of(labels)), 1e6] for labels in LABELS]] * 2
    found = forecast(LABELS, right, 1000, seed=1)
    assert found.labels == 3400
    assert found.exponent == pytest.approx(0.4, abs=1e-4)
    assert found.accuracy_with(1200) == pytest.approx(1 - error_of(1200), abs=1e-5)
    assert found.accuracy.value == pytest.approx(1 - error_of(3400), abs=1e-5)
    assert found.gain.value == pytest.approx(error_of(2400) - error_of(3400), abs=1e-5)
    assert math.isnan(found.gain.low)  # two queries that are alike show no spread


def test_interval_of_the_gain_holds_the_truth_as_often_as_it_says() -> None:
    truth = error_of(2400) - error_of(3400)
    random = np.random.default_rng(7)
    found = [forecast(LABELS, measured(random), 1000, draws=200, seed=seed).gain for seed in range(200)]
    held = sum(one.low <= truth <= one.high for one in found)
    assert 182 <= held <= 199  # of 200, where 190 are promised


def test_more_labels_that_do_not_help_gain_nothing() -> None:
    random = np.random.default_rng(3)
    right = random.binomial(5, 0.8, size=(300, 4))
    found = forecast(LABELS, np.stack([right, np.full_like(right, 5)], axis=-1), 1000, seed=1)
    assert found.gain.low < 0 < found.gain.high


@pytest.mark.parametrize(
    ("labels", "more", "can"),
    [
        ([300, 600, 900], 1000, True),
        ([300, 600], 10, False),  # two points lie on any curve
        ([300, 300, 300, 600], 10, False),
        ([800, 900, 1000], 1000, False),  # twice the labels, seen from a quarter more
        ([0, 600, 900], 10, False),
        ([], 10, False),
    ],
)
def test_forecast_reaches_no_further_than_what_was_seen(labels: list[int], more: int, can: bool) -> None:
    assert can_forecast(labels, more) is can


def test_forecast_refuses_what_carries_none() -> None:
    with pytest.raises(ValueError, match="carry no forecast for 1000 more"):
        forecast([800, 900, 1000], np.ones((5, 3, 2)), 1000, seed=1)
    with pytest.raises(ValueError, match=r"tables must be \(queries, 3, 2\)"):
        forecast([300, 600, 900], np.ones((5, 2, 2)), 1000, seed=1)
