from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from modeling.sampling import margin
from modeling.sampling.batch import Batch, draw_batch

Array = NDArray[Any]


def pool(n: int, queries: int, seed: int = 0) -> tuple[Array, Array, Array]:
    random = np.random.default_rng(seed)
    pairs = np.arange(n) * 3 + 100
    return pairs, random.integers(0, queries, n), random.dirichlet(np.ones(4), n).astype(np.float32)


def draw(pairs: Array, queries: Array, probabilities: Array | None, **settings: Any) -> Batch:
    defaults = {"size": 20, "random_share": 0.25, "max_per_query": 3, "seed": 1}
    return draw_batch(pairs, queries, probabilities, **(defaults | settings))


def greedy_active(batch: Batch, queries: Array, scores: Array, wanted: int, limit: int) -> list[int]:
    """The active part by the plainest means: best first, skipping queries that are full."""
    random_part = set(batch.index[batch.stream == "random"].tolist())
    taken = Counter(int(queries[i]) for i in random_part)
    picked: list[int] = []
    for i in np.argsort(-scores, kind="stable").tolist():
        if len(picked) < wanted and i not in random_part and taken[int(queries[i])] < limit:
            taken[int(queries[i])] += 1
            picked.append(i)
    return picked


@given(
    n=st.integers(1, 120),
    query_count=st.integers(1, 30),
    size=st.integers(0, 60),
    share=st.floats(0, 1),
    limit=st.integers(1, 4),
    seed=st.integers(0, 50),
)
def test_batch_equals_the_greedy_choice(
    n: int, query_count: int, size: int, share: float, limit: int, seed: int
) -> None:
    pairs, queries, probabilities = pool(n, query_count, seed)
    batch = draw(pairs, queries, probabilities, size=size, random_share=share, max_per_query=limit, seed=seed)
    wanted = min(size, n)
    n_random = round(wanted * share)
    active = batch.index[batch.stream == "active"]
    scores = margin.score(probabilities, np.random.default_rng(0))
    assert (batch.stream == "random").sum() == n_random
    assert active.tolist() == greedy_active(batch, queries, scores, wanted - n_random, limit)
    assert len(set(batch.index.tolist())) == len(batch.index)
    assert (batch.score == scores[batch.index]).all()


def test_batch_random_part_states_its_chance_exactly() -> None:
    batch = draw(*pool(400, 50), size=40, random_share=0.25)
    random = batch.stream == "random"
    assert random.sum() == 10
    assert set(batch.chance[random].tolist()) == {10 / 400}
    assert np.isnan(batch.chance[~random]).all()


def test_batch_random_part_is_a_simple_random_sample_of_the_whole_pool() -> None:
    # Query 0 has half the pool and the strategy wants none of it: the draw must not know either.
    pairs = np.arange(20)
    queries = np.where(pairs < 10, 0, pairs)
    probabilities = np.where(pairs[:, None] < 10, [1.0, 0.0], [0.5, 0.5])
    counts = np.zeros(20)
    for seed in range(2000):
        batch = draw(pairs, queries, probabilities, size=8, random_share=0.5, max_per_query=1, seed=seed)
        counts[batch.index[batch.stream == "random"]] += 1
    assert counts.sum() == 8000
    assert chisquare(counts).pvalue > 0.001


def test_batch_without_probabilities_is_all_random() -> None:
    pairs, queries, _ = pool(100, 5)
    batch = draw(pairs, queries, None, size=30, max_per_query=1)
    assert (batch.stream == "random").all()
    assert set(batch.chance.tolist()) == {0.3}
    assert np.isnan(batch.score).all()
    assert len(set(batch.index.tolist())) == 30


def test_batch_active_part_counts_random_pairs_against_the_limit() -> None:
    pairs = np.arange(12)
    queries = np.repeat([1, 2], 6)
    probabilities = np.tile([[0.5, 0.5]], (12, 1))
    batch = draw(pairs, queries, probabilities, size=12, random_share=0.5, max_per_query=2, seed=3)
    drawn = Counter(queries[batch.index[batch.stream == "random"]].tolist())
    for query in (1, 2):
        active = (queries[batch.index[batch.stream == "active"]] == query).sum()
        assert active == max(0, 2 - drawn[query])


def test_batch_is_smaller_where_the_limit_gives_no_more() -> None:
    pairs, queries, probabilities = pool(1000, 4)
    batch = draw(pairs, queries, probabilities, size=100, random_share=0.0, max_per_query=3)
    assert len(batch.index) == 12


def test_batch_of_a_small_pool_takes_all_of_it() -> None:
    batch = draw(*pool(5, 5), size=50, random_share=0.4)
    assert sorted(batch.index.tolist()) == [0, 1, 2, 3, 4]
    assert set(batch.chance[batch.stream == "random"].tolist()) == {2 / 5}


def test_batch_of_an_empty_pool_is_empty() -> None:
    assert len(draw(*pool(0, 1)).index) == 0
    assert len(draw(np.array([]), np.array([]), None).index) == 0


def test_batch_depends_on_ids_and_not_on_the_order_of_rows() -> None:
    pairs, queries, probabilities = pool(300, 40)
    probabilities[:] = 0.25  # equal scores everywhere: the hardest case
    shuffled = np.random.default_rng(9).permutation(300)
    one = draw(pairs, queries, probabilities)
    other = draw(pairs[shuffled], queries[shuffled], probabilities[shuffled])
    assert pairs[one.index].tolist() == pairs[shuffled][other.index].tolist()
    assert one.stream.tolist() == other.stream.tolist()
    assert pairs[draw(pairs, queries, probabilities, seed=2).index].tolist() != pairs[one.index].tolist()


def test_batch_takes_equal_scores_from_all_over_the_pool() -> None:
    pairs, queries, _ = pool(10_000, 10_000)
    batch = draw(pairs, queries, np.full((10_000, 4), 0.25), size=400, random_share=0.0)
    assert np.histogram(batch.index, bins=4, range=(0, 10_000))[0].min() > 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": -1}, "size must be 0 or more, got -1"),
        ({"random_share": 1.5}, "random_share must lie between 0 and 1, got 1.5"),
        ({"max_per_query": 0}, "max_per_query must be 1 or more, got 0"),
    ],
)
def test_batch_refuses_settings_out_of_range(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(*pool(10, 3), **change)


def test_batch_refuses_rows_that_do_not_fit() -> None:
    pairs, queries, probabilities = pool(10, 3)
    with pytest.raises(ValueError, match="got 103 more than once"):
        draw(np.where(pairs == 106, 103, pairs), queries, probabilities)
    with pytest.raises(ValueError, match=r"got shapes \(10,\) and \(9,\)"):
        draw(pairs, queries[:9], probabilities)
    with pytest.raises(ValueError, match="each of 10 pairs needs probabilities, got 9 rows"):
        draw(pairs, queries, probabilities[:9])
