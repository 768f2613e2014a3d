import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from modeling.estimates import (
    Estimate,
    Floats,
    alpha_of_coincidences,
    bootstrap_clusters,
    clustered_share,
    sum_by_cluster,
    wilson_interval,
)


def share(sums: Floats) -> Floats:
    return sums[:, 0] / sums[:, 1]


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_equals_statsmodels(case: tuple[int, int]) -> None:
    successes, n = case
    estimate = wilson_interval(successes, n)
    low, high = proportion_confint(successes, n, method="wilson")
    assert estimate.value == successes / n
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-12)
    assert estimate.low <= estimate.value <= estimate.high


def test_wilson_interval_narrows_with_a_lower_level() -> None:
    wide, narrow = wilson_interval(8, 10, level=0.99), wilson_interval(8, 10, level=0.5)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_wilson_interval_without_trials_is_nan() -> None:
    assert wilson_interval(0, 0).to_dict() == {"value": None, "low": None, "high": None, "n": 0}


@pytest.mark.parametrize(("successes", "n", "level"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_wilson_interval_refuses_impossible_numbers(successes: int, n: int, level: float) -> None:
    with pytest.raises(ValueError, match=r"must lie between 0 and"):
        wilson_interval(successes, n, level)


def test_bootstrap_covers_the_truth_about_as_often_as_promised() -> None:
    # 150 made-up surveys of 60 clusters whose true share is 0.7; rows of a cluster go together.
    covered = 0
    for survey in range(150):
        random = np.random.default_rng(survey)
        chance = random.beta(3.5, 1.5, size=60)
        tables = np.column_stack([random.binomial(8, chance), np.full(60, 8)])
        low, high = bootstrap_clusters(share, tables, draws=300, seed=survey)
        covered += low <= 0.7 <= high
    assert 0.88 <= covered / 150 <= 0.99


def test_bootstrap_interval_is_wider_when_rows_move_together() -> None:
    hits = np.repeat([1, 0, 1, 1, 0, 1, 0, 1], 25)
    together = clustered_share(hits, np.ones(200), np.repeat(np.arange(8), 25), seed=1)
    alone = clustered_share(hits, np.ones(200), np.arange(200), seed=1)
    assert together.value == alone.value == 0.625
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_bootstrap_repeats_with_the_seed_and_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = np.random.default_rng(0).integers(1, 9, size=(30, 2))
    whole = bootstrap_clusters(share, tables, draws=200, seed=3)
    assert bootstrap_clusters(share, tables, draws=200, seed=3) == whole
    assert bootstrap_clusters(share, tables, draws=200, seed=4) != whole
    monkeypatch.setattr("modeling.estimates._BLOCK_NUMBERS", 100)
    assert bootstrap_clusters(share, tables, draws=200, seed=3) == whole


def test_bootstrap_leaves_out_undefined_draws() -> None:
    def undefined_below(sums: Floats) -> Floats:
        return np.where(sums < 10, np.nan, sums)

    low, high = bootstrap_clusters(undefined_below, np.arange(5.0), seed=1)
    assert 10 <= low < high


@pytest.mark.parametrize("tables", [np.ones((1, 2)), np.ones((20, 2)), np.empty((0, 2))])
def test_bootstrap_without_spread_is_nan(tables: Floats) -> None:
    low, high = bootstrap_clusters(share, tables, seed=1)
    assert math.isnan(low)
    assert math.isnan(high)


def test_clustered_share_that_is_always_right_is_not_certain() -> None:
    estimate = clustered_share(np.ones(40), np.ones(40), np.repeat(np.arange(10), 4), seed=1)
    assert estimate == Estimate(1.0, wilson_interval(10, 10).low, 1.0, 40)


def test_clustered_share_of_nothing_is_nan() -> None:
    assert math.isnan(clustered_share([], [], [], seed=1).value)


def test_sum_by_cluster_adds_rows_in_the_order_of_names() -> None:
    sums = sum_by_cluster([[1, 2], [3, 4], [5, 6]], ["b", "a", "b"])
    assert sums.tolist() == [[3, 4], [6, 8]]


def test_sum_by_cluster_refuses_missing_names() -> None:
    with pytest.raises(ValueError, match="each of the 3 rows, got 2 names"):
        sum_by_cluster([1, 2, 3], ["a", "b"])


def test_alpha_of_coincidences_is_one_zero_or_undefined() -> None:
    # In turn: all agree, as much agreement as by chance (n = 4), only one label, no data.
    agreeing = [4.0, 4 / 3, 4.0, 0.0]
    totals = [[2.0, 2.0], [2.0, 2.0], [4.0, 0.0], [0.0, 0.0]]
    values = alpha_of_coincidences(agreeing, totals)
    assert values[:2].tolist() == pytest.approx([1.0, 0.0])
    assert np.isnan(values[2:]).all()
