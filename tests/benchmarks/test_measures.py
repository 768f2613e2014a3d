"""How many labels a curve needs, and how far one lies below another: on curves that are drawn by hand."""

import numpy as np
import pytest

from benchmarks.measures import labels_needed, mean_and_interval, saving, shortfall

SIZES = np.array([100, 200, 300, 400])


@pytest.mark.parametrize(
    ("curve", "needed"),
    [
        ([0.1, 0.3, 0.5, 0.7], 250),
        ([0.5, 0.6, 0.7, 0.8], 100),  # there from the start
        ([0.1, 0.5, 0.3, 0.5], 350),  # reached, lost and reached again
        ([0.1, 0.2, 0.3, 0.39], float("inf")),
        ([0.1, 0.5, 0.6, 0.3], float("inf")),  # and lost for good
    ],
)
def test_labels_needed_are_those_from_which_on_a_curve_holds_the_target(curve: list[float], needed: float) -> None:
    assert labels_needed(SIZES, np.array(curve), 0.4) == pytest.approx(needed)


def test_saving_of_a_curve_that_is_twice_as_fast() -> None:
    random = np.random.default_rng(1)
    noise = random.normal(0, 0.002, (10, 4))
    theirs = np.log(SIZES) + noise
    ours = np.log(2 * SIZES) + random.normal(0, 0.002, (10, 4))
    found = saving(SIZES, ours, theirs)
    assert found["ratio"] == pytest.approx(2, rel=0.02)
    assert found["labels"] == pytest.approx(200, rel=0.02)
    assert found["low"] <= found["ratio"] <= found["high"]


def test_saving_of_a_curve_that_never_gets_there_is_none() -> None:
    theirs = np.tile([0.1, 0.2, 0.3, 0.4], (5, 1))
    found = saving(SIZES, theirs - 0.05, theirs)
    assert found == {"labels": None, "ratio": 0.0, "low": 0.0, "high": 0.0}


def test_mean_has_the_interval_of_students_t() -> None:
    mean, half = mean_and_interval(np.array([[1.0], [2.0], [3.0]]))
    assert mean.tolist() == [2]
    assert half[0] == pytest.approx(4.302653 / np.sqrt(3))
    assert np.isnan(mean_and_interval(np.array([[1.0]]))[1][0])


def test_shortfall_is_what_lies_beyond_the_interval_of_the_differences() -> None:
    theirs = np.array([[0.5, 0.5], [0.7, 0.7], [0.9, 0.9]])  # seeds differ much, and alike for both
    ours = theirs - np.array([[0.10, -0.1], [0.11, -0.1], [0.09, -0.1]])
    found = shortfall(ours, theirs)
    assert found[0] == pytest.approx(0.1 - 4.302653 * 0.01 / np.sqrt(3))
    assert found[1] == 0
    assert shortfall(theirs + np.array([[0.1, 0.1], [-0.12, 0.1], [0.0, 0.1]]), theirs)[0] == 0  # within the interval
