"""The stopping signal: against a law that is known, and what it advises."""

import json
import math

import numpy as np
import pytest

from modeling.estimates import Estimate, Floats
from modeling.evaluation.stopping import GO_ON, STOP, UNSURE, NextRound, advise, expect_next_round

LABELS = np.array([500, 1000, 2000, 4000])


def counts(errors: Floats, queries: int, each: int, random: np.random.Generator) -> Floats:
    """What judges with such errors add in each query, of two labels of which half the pairs have each."""
    made = np.zeros((queries, len(errors), 3, 2))
    half = each // 2
    for judge, error in enumerate(errors):
        right = random.binomial(half, 1 - error, size=(queries, 2))
        made[:, judge, 0] = right
        made[:, judge, 1] = right + (half - right)[:, ::-1]
        made[:, judge, 2] = half
    return made


def law(labels: Floats | float, scale: float = 4.0, exponent: float = 0.35) -> Floats:
    """The share of wrong labels: half of 1 - alpha, as both labels are equally frequent."""
    return np.asarray(scale * np.asarray(labels, dtype=np.float64) ** -exponent / 2)


def test_next_round_reads_the_law() -> None:
    tables = counts(law(LABELS), 2000, 400, np.random.default_rng(1))
    found = expect_next_round(LABELS, tables, 1000, worth=0.01, draws=100, seed=1)
    expected = 2 * float(law(4000) - law(5000))
    assert found.change.value == pytest.approx(expected, abs=0.002)
    assert found.alpha.value == pytest.approx(1 - 2 * float(law(5000)), abs=0.005)
    assert found.advice == GO_ON
    assert found.more == 1000


def test_interval_of_the_change_holds_the_truth_as_often_as_it_says() -> None:
    truth = 2 * float(law(4000) - law(5000))
    random = np.random.default_rng(7)
    held = 0
    for seed in range(100):
        change = expect_next_round(LABELS, counts(law(LABELS), 200, 6, random), 1000, worth=0, draws=200, seed=seed)
        held += change.change.low <= truth <= change.change.high
    assert 88 <= held <= 100  # of 100, where 95 are promised


def test_curve_that_is_flat_advises_to_stop() -> None:
    tables = counts(np.full(4, 0.1), 2000, 40, np.random.default_rng(2))
    found = expect_next_round(LABELS, tables, 500, worth=0.01, seed=1)
    assert found.change.high < 0.01
    assert found.advice == STOP


def test_few_queries_leave_it_open() -> None:
    tables = counts(np.full(4, 0.2), 20, 4, np.random.default_rng(3))
    found = expect_next_round(LABELS, tables, 1000, worth=0.02, seed=1)
    assert found.change.value < 0.02 <= found.change.high
    assert found.advice == UNSURE


@pytest.mark.parametrize(
    ("low", "value", "high", "advice"),
    [
        (0.010, 0.020, 0.030, GO_ON),
        (-0.01, 0.011, 0.030, GO_ON),
        (-0.01, 0.005, 0.020, UNSURE),
        (-0.01, 0.002, 0.009, STOP),
        (-0.03, -0.02, -0.01, STOP),
        (math.nan, 0.02, math.nan, UNSURE),
        (math.nan, math.nan, math.nan, UNSURE),
    ],
)
def test_advice_compares_the_interval_with_what_a_round_is_worth(
    low: float, value: float, high: float, advice: str
) -> None:
    assert advise(Estimate(value, low, high, 100), 0.01) == advice


def test_perfect_judges_have_nothing_left_to_gain() -> None:
    tables = counts(np.zeros(4), 50, 4, np.random.default_rng(4))
    found = expect_next_round(LABELS, tables, 1000, worth=0.01, seed=1)
    assert found.change.value == pytest.approx(0, abs=1e-9)
    assert json.loads(json.dumps(found.to_dict()))["advice"] == UNSURE  # and no two draws differ


def test_shapes_and_settings_that_do_not_fit_are_refused() -> None:
    tables = np.ones((5, 4, 3, 2))
    with pytest.raises(ValueError, match=r"tables must be \(queries, 4, 3, labels\), got \(5, 3, 3, 2\)"):
        expect_next_round(LABELS, tables[:, :3], 1000, worth=0.01, seed=1)
    with pytest.raises(ValueError, match="worth must not be below 0, got -1"):
        expect_next_round(LABELS, tables, 1000, worth=-1, seed=1)
    with pytest.raises(ValueError, match="carry no forecast for 90000 more"):
        expect_next_round(LABELS, tables, 90000, worth=0.01, seed=1)


def test_next_round_in_plain_json() -> None:
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    assert NextRound(500, nothing, nothing, 0.01, UNSURE).to_dict()["alpha"]["value"] is None
