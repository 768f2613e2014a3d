"""What is said of a pool from its random share, against pools of which everything is known."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from modeling.estimates import Estimate, Floats
from modeling.evaluation.pool import Draw, estimate_pool, naive_shares, predicted_means, sharpen_pool

Array = NDArray[Any]
SHARES = np.array([0.65, 0.22, 0.03, 0.10])  # as in ESCI
PROJECTS = 1_000


def make_pool(random: np.random.Generator, pairs: int, per_query: int = 5) -> tuple[Array, Array, Array]:
    """Queries (n,), true labels (n,) that go together within a query, and a judge that leans: (n, 4)."""
    queries = np.arange(pairs) // per_query
    wanted = random.normal(0, 1, (queries[-1] + 1, 4))[queries] + random.normal(0, 1, (pairs, 4)) + np.log(SHARES)
    truth = (wanted + random.gumbel(size=wanted.shape)).argmax(axis=1)
    seen = np.exp(wanted + random.normal(0, 1, wanted.shape) + [0.5, -0.3, 0.0, -0.2])
    return queries, truth, seen / seen.sum(axis=1, keepdims=True)


def play_rounds(random: np.random.Generator, whole: bool = False) -> dict[str, tuple[Floats, tuple[Estimate, ...]]]:
    """Label a made-up project in three rounds, half of each picked by margin; return truth and estimates by name."""
    queries, truth, said = make_pool(random, 900)
    labels, left = np.eye(4)[truth], np.arange(len(truth))
    known: Array = np.empty(0, dtype=np.int64)
    draws: list[Draw] = []
    for turn in range(3):
        unit = queries[left] if whole else left
        units = np.unique(unit)
        drawn = random.choice(units, 60 // (len(left) // len(units)), replace=False)
        at_random = np.isin(unit, drawn)
        fair, rest = left[at_random], left[~at_random]
        # Picked are those between whose two likeliest labels the judge can hardly choose; before there is one, any.
        unsure = np.diff(np.sort(said[rest], axis=1)[:, -2:], axis=1)[:, 0] if turn else random.random(len(rest))
        picked = np.concatenate([fair, rest[np.argsort(unsure)[:60]]])
        draws.append(
            Draw(
                pool=len(left),
                values=labels[fair],
                chances=np.full(len(fair), len(drawn) / len(units)),
                clusters=queries[fair],
                known=labels[known].sum(axis=0),
                known_count=len(known),
                predicted=said[fair] if turn else None,
                predicted_mean=said[left].mean(axis=0) if turn else None,
            )
        )
        known, left = np.concatenate([known, picked]), np.setdiff1d(left, picked, assume_unique=True)
    whole_truth = labels.mean(axis=0)
    return {
        "naive": (whole_truth, naive_shares(labels[known], queries[known], draws=100)),
        "plain": (whole_truth, estimate_pool(draws)),
        "sharpened": (whole_truth, sharpen_pool(draws)),
    }


def play_many(projects: int, seed: int, whole: bool = False) -> dict[str, tuple[Floats, Floats, Floats, Floats]]:
    """How often the interval holds the truth, mean error, its standard error, and mean width: each (labels,)."""
    random = np.random.default_rng(seed)
    played = [play_rounds(random, whole) for _ in range(projects)]
    found = {}
    for name in played[0]:
        truth = np.array([one[name][0] for one in played])
        value, low, high = (
            np.array([[getattr(estimate, field) for estimate in one[name][1]] for one in played])
            for field in ("value", "low", "high")
        )
        errors = value - truth
        covered = ((low <= truth) & (truth <= high)).mean(axis=0)
        found[name] = (
            covered,
            errors.mean(axis=0),
            errors.std(axis=0) / math.sqrt(projects),
            (high - low).mean(axis=0),
        )
    return found


def test_estimates_hold_the_truth_in_95_of_100_projects_and_the_naive_one_does_not() -> None:
    found = play_many(PROJECTS, seed=3)
    # 1,000 trials with 0.95 leave the share within 0.0207 three times in a thousand only.
    for name in ("plain", "sharpened"):
        covered, error, spread, _ = found[name]
        assert covered.min() >= 0.95 - 0.0207
        assert (np.abs(error) < 4 * spread).all()
    covered, error, spread, _ = found["naive"]
    assert covered[0] < 0.7
    assert abs(error[0]) > 20 * spread[0]
    assert (found["sharpened"][3] < found["plain"][3]).all()


def test_estimates_of_whole_queries_hold_the_truth() -> None:
    found = play_many(400, seed=4, whole=True)
    for name in ("plain", "sharpened"):
        covered, error, spread, _ = found[name]
        assert covered.min() >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 400)
        assert (np.abs(error) < 4 * spread).all()
    assert found["naive"][0][0] < 0.8


def test_mean_over_all_possible_draws_is_the_truth() -> None:
    values = np.array([1.0, 0, 0, 1, 1, 0])
    results = []
    for first in combinations(range(6), 2):
        rest = [pair for pair in range(6) if pair not in first]
        # What is picked depends on what was drawn and on the labels, as badly as it can.
        picked = max(rest, key=lambda pair: (values[pair], pair)) if values[list(first)].sum() else rest[0]
        left = [pair for pair in rest if pair != picked]
        for second in combinations(left, 2):
            known = values[[*first, picked]]
            draws = [draw_of(values[list(first)], 6), draw_of(values[list(second)], 3, known)]
            results.append(estimate_pool(draws)[0].value)
    assert np.mean(results) == pytest.approx(values.mean(), abs=1e-12)


def draw_of(
    values: Array, pool: int, known: Array | None = None, predicted: Array | None = None, mean: float = 0.0
) -> Draw:
    """A draw of one value a pair, each pair of a query of its own."""
    seen = np.asarray(values, dtype=np.float64)[:, None]
    return Draw(
        pool=pool,
        values=seen,
        chances=np.full(len(seen), max(len(seen), 1) / pool),
        clusters=np.arange(len(seen)),
        known=np.array([0.0 if known is None else float(known.sum())]),
        known_count=0 if known is None else len(known),
        predicted=None if predicted is None else predicted[:, None],
        predicted_mean=None if predicted is None else np.array([mean]),
    )


def test_estimate_of_one_draw_is_wilsons() -> None:
    values = np.repeat([1.0, 0.0], [30, 170])
    found = estimate_pool([draw_of(values, 10**9)])[0]
    # With n - 1 in the variance and Student's t: a hair wider than the plain one.
    low, high = proportion_confint(30, 200, method="wilson")
    assert (found.value, found.n) == (0.15, 200)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3)


def test_chances_weigh_pairs() -> None:
    draw = Draw(100, np.array([[1.0], [0.0]]), np.array([0.1, 0.3]), np.arange(2), np.zeros(1))
    assert estimate_pool([draw])[0].value == pytest.approx(0.75)


def test_what_is_known_already_is_counted_and_not_estimated() -> None:
    found = estimate_pool([draw_of(np.array([0.0] * 10), 20, known=np.ones(60))])[0]
    assert found.value == pytest.approx(60 / 80)
    alone = estimate_pool([draw_of(np.repeat([0.0, 1.0], 20), 4000)])[0]
    mostly_known = estimate_pool([draw_of(np.repeat([0.0, 1.0], 20), 4000, known=np.ones(36_000))])[0]
    assert mostly_known.high - mostly_known.low < 0.2 * (alone.high - alone.low)


def test_whole_pool_labeled_leaves_no_doubt() -> None:
    found = estimate_pool([draw_of(np.array([1.0, 0, 0, 1]), 4)])[0]
    assert (found.value, found.low, found.high, found.n) == (0.5, 0.5, 0.5, 4)


def test_perfect_predictions_leave_nearly_no_doubt_and_useless_ones_change_nothing() -> None:
    random = np.random.default_rng(5)
    values = (random.random(200) < 0.3).astype(np.float64)
    exact = sharpen_pool([draw_of(values, 10_000, predicted=values, mean=0.31)])[0]
    assert exact.value == pytest.approx(0.31)
    assert exact.high - exact.low < 0.05
    plain = estimate_pool([draw_of(values, 10_000)])[0]
    constant = sharpen_pool([draw_of(values, 10_000, predicted=np.full(200, 0.5), mean=0.5)])[0]
    assert constant == plain
    wrong_way = sharpen_pool([draw_of(values, 10_000, predicted=1 - values, mean=0.7)])[0]
    assert wrong_way == plain


def test_labels_of_one_query_have_no_interval_and_no_labels_no_value() -> None:
    one = Draw(100, np.ones((3, 1)), np.full(3, 0.1), np.zeros(3, dtype=np.int64), np.zeros(1))
    found = estimate_pool([one])[0]
    assert found.value == pytest.approx(1.0)
    assert math.isnan(found.low)
    none = estimate_pool([draw_of(np.empty(0), 100)])[0]
    assert math.isnan(none.value)
    assert none.n == 0
    assert math.isnan(sharpen_pool([draw_of(np.empty(0), 100)])[0].value)


def test_draws_without_labels_are_passed_over() -> None:
    values = np.array([1.0, 0, 1, 1, 0])
    found = estimate_pool([draw_of(values, 50), draw_of(np.empty(0), 40, known=values)])
    assert found == estimate_pool([draw_of(values, 50)])


def test_all_alike_labels_leave_doubt() -> None:
    found = estimate_pool([draw_of(np.ones(30), 10_000)])[0]
    assert found.value == pytest.approx(1.0)
    assert 0.8 < found.low < 0.95


def test_what_a_judge_says_in_the_mean_leaves_out_what_it_did_not_score() -> None:
    found = predicted_means(np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0], [0.2, 0.8]], dtype=np.float32))
    assert found["probabilities"] == pytest.approx([1.7 / 4, 1.3 / 4])
    assert found["alike"] == pytest.approx((0.5 + 1 + 0 + 0.68) / 4)
    assert (found["confidence"], found["scored"]) == (pytest.approx(2.3 / 3), 3)
    assert predicted_means(np.zeros((2, 4)))["confidence"] is None
    assert predicted_means(np.zeros((0, 4))) == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pool": 1}, "2 pairs cannot have been drawn from a pool of 1"),
        ({"chances": np.array([0.0, 0.1])}, "chances must be above 0"),
        ({"clusters": np.arange(3)}, "must fit"),
        ({"predicted": np.ones((2, 1))}, "belong together"),
        ({"predicted": np.ones((3, 1)), "predicted_mean": np.ones(1)}, "predicted must be"),
    ],
)
def test_draw_that_cannot_be_is_refused(change: dict[str, Any], says: str) -> None:
    fields: dict[str, Any] = {
        "pool": 10,
        "values": np.ones((2, 1)),
        "chances": np.full(2, 0.2),
        "clusters": np.arange(2),
        "known": np.zeros(1),
    }
    with pytest.raises(ValueError, match=says):
        Draw(**(fields | change))


def test_no_draw_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="there must be a draw"):
        estimate_pool([])
