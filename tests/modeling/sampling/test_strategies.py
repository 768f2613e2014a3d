"""One contract for every strategy: a new one is added to STRATEGIES and must pass all of this."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modeling.sampling import margin, uniform
from modeling.sampling.contract import Strategy

STRATEGIES = {"uniform": uniform.score, "margin": margin.score}
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())


def simplex(n: int, labels: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).dirichlet(np.ones(labels), n).astype(np.float32)


def scored(strategy: Strategy, probabilities: NDArray[np.float32], seed: int = 1) -> NDArray[np.float32]:
    return strategy(probabilities, np.random.default_rng(seed))


@every_strategy
@given(n=st.integers(0, 40), labels=st.integers(2, 6), seed=st.integers(0, 99))
def test_strategy_gives_one_finite_score_a_pair(strategy: Strategy, n: int, labels: int, seed: int) -> None:
    scores = scored(strategy, simplex(n, labels, seed))
    assert scores.shape == (n,)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()


@every_strategy
def test_strategy_repeats_with_the_seed_and_changes_nothing(strategy: Strategy) -> None:
    probabilities = simplex(50, 4, 0)
    before = probabilities.copy()
    assert (scored(strategy, probabilities) == scored(strategy, probabilities)).all()
    assert (probabilities == before).all()


@every_strategy
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.array([[0.5, 0.5], [np.nan, 1.0]]), r"got \[nan, 1.0\] in row 1"),
        (np.array([[0.5, 0.5], [1.5, -0.5]]), r"got \[1.5, -0.5\] in row 1"),
        (np.array([[1.0], [1.0]]), r"two labels or more, got shape \(2, 1\)"),
        (np.array([0.5, 0.5]), r"two labels or more, got shape \(2,\)"),
    ],
)
def test_strategy_refuses_what_are_no_probabilities(strategy: Strategy, bad: NDArray[np.float64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strategy(bad, np.random.default_rng(1))


def test_margin_is_one_minus_the_lead_of_the_likeliest_label() -> None:
    rows = np.array([[0.7, 0.2, 0.1], [0.4, 0.2, 0.4], [0.0, 0.0, 1.0], [0.25, 0.5, 0.25]], dtype=np.float32)
    assert scored(margin.score, rows).tolist() == pytest.approx([0.5, 1.0, 0.0, 0.75])


def test_margin_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = simplex(100, 4, 3)
    whole = scored(margin.score, rows)
    monkeypatch.setattr(margin, "_BLOCK_ROWS", 7)
    assert (scored(margin.score, rows) == whole).all()


def test_uniform_has_no_eye_for_probabilities() -> None:
    assert (scored(uniform.score, simplex(30, 4, 0)) == scored(uniform.score, simplex(30, 4, 9))).all()
    assert (scored(uniform.score, simplex(30, 4, 0), seed=2) != scored(uniform.score, simplex(30, 4, 0))).any()
