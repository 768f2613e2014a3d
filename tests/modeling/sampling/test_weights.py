"""Weights that undo what picking did to the labels' shares: planted shares, few random pairs, none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modeling.sampling.weights import weights_of_draws

POOL = np.array([0.65, 0.22, 0.03, 0.10])
PICKED = np.array([0.30, 0.40, 0.15, 0.15])


def drawn(random: int, picked: int, seed: int = 1) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([rng.choice(4, random, p=POOL), rng.choice(4, picked, p=PICKED)])
    return labels, np.arange(random + picked) < random


def test_full_strength_gives_the_labels_the_shares_of_the_pool() -> None:
    labels, random = drawn(20_000, 20_000)
    weights = weights_of_draws(labels, random, 4, strength=1)
    shares = np.bincount(labels, weights, minlength=4) / weights.sum()
    assert shares == pytest.approx(POOL, abs=0.01)
    assert weights.mean() == pytest.approx(1)


def test_half_strength_goes_half_the_way() -> None:
    labels, random = drawn(20_000, 20_000)
    full, half = (weights_of_draws(labels, random, 4, strength=strength) for strength in (1.0, 0.5))
    one_of_each = [int(np.flatnonzero(labels == label)[0]) for label in range(4)]
    ratios = full[one_of_each] / full[one_of_each[0]]
    assert half[one_of_each] / half[one_of_each[0]] == pytest.approx(np.sqrt(ratios))
    assert (weights_of_draws(labels, random, 4, strength=0) == 1).all()


def test_what_was_picked_too_often_counts_less() -> None:
    labels, random = drawn(1000, 1000)
    weights = weights_of_draws(labels, random, 4)
    assert weights[labels == 2][0] < weights[labels == 1][0] < weights[labels == 0][0]


def test_few_random_pairs_move_the_weights_little() -> None:
    labels = np.array([0] * 50 + [1] * 50)
    random = np.zeros(100, dtype=bool)
    random[0] = True
    weights = weights_of_draws(labels, random, 2, strength=1)
    assert weights[0] / weights[-1] == pytest.approx((1 + 10) / 10)


@pytest.mark.parametrize("random", [True, False])
def test_one_stream_alone_is_left_as_it_is(random: bool) -> None:
    assert weights_of_draws([0, 1, 1, 2], [random] * 4, 3).tolist() == [1] * 4
    assert len(weights_of_draws([], [], 3)) == 0


@given(seed=st.integers(0, 200), n=st.integers(1, 60), strength=st.floats(0, 1))
def test_weights_are_above_zero_and_of_mean_one(seed: int, n: int, strength: float) -> None:
    rng = np.random.default_rng(seed)
    weights = weights_of_draws(rng.integers(0, 5, n), rng.random(n) < 0.4, 5, strength=strength)
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"each pair needs a label and a stream, got shapes \(2,\) and \(1,\)"):
        weights_of_draws([0, 1], [True], 2)
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.1, got 0 to 2"):
        weights_of_draws([0, 2], [True, False], 2)
    with pytest.raises(ValueError, match="strength must lie between 0 and 1, got 2"):
        weights_of_draws([0, 1], [True, False], 2, strength=2)
