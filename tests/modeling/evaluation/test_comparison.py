"""One judge against another: the numbers, and how often the decision is wrong."""

import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, ttest_1samp

from modeling.evaluation.comparison import Comparison, compare, decide

Labels = NDArray[np.int64]
REPETITIONS = 100


def planted(
    champion: float, challenger: float, seed: int, queries: int = 250, per_query: int = 4
) -> tuple[Labels, Labels, Labels, Labels]:
    """People's labels, the challenger's, the champion's and the queries of pairs, made up.

    Each judge is right on as large a share as given. Queries are harder and easier for both, and for each alone.
    """
    random = np.random.default_rng(seed)
    query = np.repeat(np.arange(queries), per_query)
    truth = random.integers(0, 4, len(query))
    shared = random.normal(0, 0.1, queries)
    judged = []
    for accuracy in (challenger, champion):
        chance = np.clip(accuracy + (shared + random.normal(0, 0.1, queries))[query], 0, 1)
        judged.append(np.where(random.random(len(query)) < chance, truth, (truth + 1) % 4))
    return truth, judged[0], judged[1], query


def outcomes(champion: float, challenger: float, rule: str, margin: float = 0.0, queries: int = 250) -> int:
    """How many of the repetitions promote the challenger."""
    return sum(
        decide(compare(*planted(champion, challenger, seed, queries)), rule, margin) for seed in range(REPETITIONS)
    )


def most(share: float) -> int:
    """What an event of this chance stays below in 100 repetitions, 999 times in 1,000."""
    return int(binom.ppf(0.999, REPETITIONS, share))


def test_planted_worse_challenger_is_refused() -> None:
    assert outcomes(0.72, 0.67, "better") == 0
    assert outcomes(0.72, 0.67, "not_worse", margin=0.01) <= most(0.025)


def test_planted_better_challenger_is_promoted() -> None:
    assert outcomes(0.70, 0.78, "better") >= REPETITIONS - most(0.05)
    assert outcomes(0.70, 0.78, "not_worse", margin=0.01) >= REPETITIONS - most(0.02)


@pytest.mark.parametrize("queries", [12, 60, 250])
def test_tie_is_taken_for_better_as_seldom_as_the_level_says(queries: int) -> None:
    assert outcomes(0.7, 0.7, "better", queries=queries) <= most(0.025)


@pytest.mark.parametrize("queries", [12, 60, 250])
def test_challenger_worse_by_the_margin_is_taken_for_not_worse_as_seldom(queries: int) -> None:
    assert outcomes(0.73, 0.68, "not_worse", margin=0.05, queries=queries) <= most(0.025)


def test_tie_is_promoted_by_a_margin_that_the_holdout_can_tell() -> None:
    assert outcomes(0.7, 0.7, "not_worse", margin=0.08) >= REPETITIONS - most(0.05)
    assert outcomes(0.7, 0.7, "not_worse", margin=0.01) <= most(0.12)


@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
def test_seldom_differing_judges_are_taken_for_different_as_seldom_as_the_level_says(share: float) -> None:
    """Few pairs tell them apart, where the t distribution alone would be too sure."""
    found = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        query = np.arange(200)
        right = random.random(200) < 0.7
        flipped = random.random(200) < share
        ours = np.where(flipped, random.random(200) < 0.5, right)
        theirs = np.where(flipped, ~ours, right)
        found += compare(np.ones(200), ours.astype(int), theirs.astype(int), query).p < 0.05
    assert found <= binom.ppf(0.999, 400, 0.05)


def test_comparison_is_the_t_test_of_the_queries_where_there_are_many() -> None:
    truth, ours, theirs, query = planted(0.70, 0.73, seed=3, queries=4000)
    found = compare(truth, ours, theirs, query)
    gained = ((ours == truth).astype(float) - (theirs == truth)).reshape(4000, 4).mean(axis=1)
    expected = ttest_1samp(gained, 0)
    low, high = expected.confidence_interval()
    assert found.difference.value == pytest.approx(gained.mean())
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high), rel=2e-2)
    assert found.p == pytest.approx(expected.pvalue, rel=0.1)
    assert (found.difference.n, found.queries) == (16000, 4000)


def test_comparison_counts_who_alone_is_right() -> None:
    found = compare([0, 0, 0, 1, 1], [0, 0, 1, 1, 2], [0, 1, 0, 2, 3], [1, 1, 2, 3, 4])
    assert (found.only_first, found.only_second, found.queries) == (2, 1, 4)
    assert found.difference.value == pytest.approx(0.2)


def test_few_queries_prove_nothing_and_more_do() -> None:
    def against(better: int) -> Comparison:
        return compare(np.zeros(100), np.zeros(100), np.arange(100) < better, np.arange(100))

    assert not decide(against(5), "better")
    assert decide(against(6), "better")


def test_pairs_of_one_query_are_one_piece_of_evidence() -> None:
    ours, theirs = np.zeros(400), np.arange(400) < 20
    assert decide(compare(np.zeros(400), ours, theirs, np.arange(400)), "better")
    assert not decide(compare(np.zeros(400), ours, theirs, np.arange(400) // 10), "better")


def test_judges_that_are_right_on_the_same_pairs_are_equal_as_far_as_the_holdout_can_tell() -> None:
    few, many = (compare(np.zeros(n), np.zeros(n), np.zeros(n), np.arange(n)) for n in (100, 1000))
    assert (few.difference.value, few.p) == (0.0, 1.0)
    assert few.difference.high == pytest.approx(0.028, abs=0.001)
    assert not decide(few, "not_worse", 0.01)
    assert decide(many, "not_worse", 0.01)
    assert not decide(many, "better")


def test_comparison_without_two_queries_decides_nothing_and_is_plain_json() -> None:
    one = compare([0, 0], [0, 0], [1, 1], [7, 7])
    assert one.difference.value == 1.0
    assert math.isnan(one.p)
    none = compare([], [], [], [])
    for found in (one, none):
        assert not decide(found, "better")
        assert not decide(found, "not_worse", 0.4)
    assert json.loads(json.dumps(none.to_dict(), allow_nan=False)) == {
        "difference": {"value": None, "low": None, "high": None, "n": 0},
        "p": None,
        "level": 0.95,
        "n": 0,
        "queries": 0,
        "only_first": 0,
        "only_second": 0,
    }


def test_comparison_and_decision_refuse_what_they_cannot_use() -> None:
    with pytest.raises(ValueError, match=r"of one length, got \(2,\), \(2,\), \(1,\) and \(2,\)"):
        compare([0, 1], [0, 1], [0], [1, 2])
    with pytest.raises(ValueError, match="level must lie between 0 and 1, got 95"):
        compare([0], [0], [0], [1], level=95)
    tie = compare([0, 1], [0, 1], [0, 1], [1, 2])
    with pytest.raises(ValueError, match="rule must be one of better, not_worse, got 'best'"):
        decide(tie, "best")
    with pytest.raises(ValueError, match=r"margin must not be below 0, got -0\.1"):
        decide(tie, "not_worse", -0.1)
