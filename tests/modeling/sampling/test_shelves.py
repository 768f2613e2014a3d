"""Rounds in whole queries: the chances are true, the queries whole, the least sure ones first."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from modeling.sampling import margin
from modeling.sampling.batch import Batch
from modeling.sampling.shelves import draw_queries

Array = NDArray[Any]


def pool(n: int, queries: int, seed: int = 0) -> tuple[Array, Array, Array]:
    random = np.random.default_rng(seed)
    pairs = random.permutation(n) * 3 + 100
    return pairs, random.integers(0, queries, n) * 7, random.dirichlet(np.ones(4), n).astype(np.float32)


def draw(pairs: Array, queries: Array, probabilities: Array | None, **settings: Any) -> Batch:
    return draw_queries(pairs, queries, probabilities, **({"size": 20, "random_share": 0.25, "seed": 1} | settings))


@given(
    n=st.integers(1, 120),
    query_count=st.integers(1, 30),
    size=st.integers(0, 60),
    share=st.floats(0, 1),
    seed=st.integers(0, 50),
)
def test_shelves_are_whole_queries_of_about_the_size(
    n: int, query_count: int, size: int, share: float, seed: int
) -> None:
    pairs, queries, probabilities = pool(n, query_count, seed)
    batch = draw(pairs, queries, probabilities, size=size, random_share=share, seed=seed)
    pairs_of = Counter(queries.tolist())
    drawn = queries[batch.index].tolist()
    assert len(set(batch.index.tolist())) == len(batch.index)
    assert Counter(drawn) == {query: pairs_of[query] for query in drawn}
    assert [query for at, query in enumerate(drawn) if at == 0 or drawn[at - 1] != query] == list(dict.fromkeys(drawn))
    active = batch.stream == "active"
    if active.any():
        # Without its last query the batch would be too small.
        assert len(drawn) - pairs_of[drawn[-1]] < size
    if len(drawn) < size and share < 1:
        assert len(drawn) == n


@given(n=st.integers(1, 120), query_count=st.integers(1, 30), seed=st.integers(0, 50))
def test_shelves_picked_are_the_least_sure_in_the_mean(n: int, query_count: int, seed: int) -> None:
    pairs, queries, probabilities = pool(n, query_count, seed)
    batch = draw(pairs, queries, probabilities, size=30, random_share=0.3, seed=seed)
    scores = margin.score(probabilities, np.random.default_rng(0))
    assert (batch.score == scores[batch.index]).all()
    mean = {query: float(scores[queries == query].astype(float).mean()) for query in set(queries.tolist())}
    taken = list(dict.fromkeys(queries[batch.index[batch.stream == "active"]].tolist()))
    left = set(mean) - set(queries[batch.index].tolist())
    assert [mean[query] for query in taken] == pytest.approx(sorted((mean[query] for query in taken), reverse=True))
    assert not taken or not left or min(mean[query] for query in taken) >= max(mean[query] for query in left) - 1e-9


def test_shelves_state_their_chance_exactly() -> None:
    # Sizes from 1 to 12 and a strategy that wants the large ones: no query may be likelier for it.
    sizes = np.arange(1, 13)
    queries = np.repeat(np.arange(12), sizes)
    probabilities = np.where(queries[:, None] > 6, [0.5, 0.5], [1.0, 0.0])
    counts = np.zeros(len(queries))
    draws = 4000
    for seed in range(draws):
        batch = draw(np.arange(len(queries)), queries, probabilities, size=40, random_share=0.5, seed=seed)
        random = batch.stream == "random"
        assert set(batch.chance[random].tolist()) == {3 / 12}  # 20 pairs of 6.5 a query
        assert np.isnan(batch.chance[~random]).all()
        counts[batch.index[random]] += 1
    per_query = counts[np.cumsum(sizes) - 1]
    assert (counts == np.repeat(per_query, sizes)).all()
    assert min(binomtest(int(count), draws, 3 / 12).pvalue for count in per_query) > 0.001


def test_shelves_without_probabilities_are_all_random() -> None:
    pairs, queries, _ = pool(100, 5)
    batch = draw(pairs, queries, None, size=40)
    assert (batch.stream == "random").all()
    assert set(batch.chance.tolist()) == {2 / 5}
    assert np.isnan(batch.score).all()


def test_shelves_have_a_random_query_however_small_the_share() -> None:
    batch = draw(*pool(1000, 20), size=60, random_share=0.01)
    assert set(batch.chance[batch.stream == "random"].tolist()) == {1 / 20}


def test_shelves_of_a_small_pool_are_all_of_it() -> None:
    batch = draw(*pool(5, 5), size=50, random_share=0.4)
    assert sorted(batch.index.tolist()) == [0, 1, 2, 3, 4]


def test_shelves_of_an_empty_pool_are_none() -> None:
    assert len(draw(*pool(0, 1)).index) == 0
    assert len(draw(np.array([]), np.array([]), None).index) == 0


def test_shelves_depend_on_ids_and_seed_and_not_on_the_order_of_rows() -> None:
    pairs, queries, probabilities = pool(300, 40)
    probabilities[:] = 0.25  # equal means everywhere: the hardest case
    shuffled = np.random.default_rng(9).permutation(300)
    one = draw(pairs, queries, probabilities)
    other = draw(pairs[shuffled], queries[shuffled], probabilities[shuffled])
    assert pairs[one.index].tolist() == pairs[shuffled][other.index].tolist()
    assert one.stream.tolist() == other.stream.tolist()
    assert pairs[draw(pairs, queries, probabilities, seed=2).index].tolist() != pairs[one.index].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": -1}, "size must be 0 or more, got -1"),
        ({"random_share": 1.5}, "random_share must lie between 0 and 1, got 1.5"),
    ],
)
def test_shelves_refuse_settings_out_of_range(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(*pool(10, 3), **change)


def test_shelves_refuse_ids_that_repeat() -> None:
    with pytest.raises(ValueError, match="pair ids must not repeat, got 7"):
        draw(np.array([7, 8, 7]), np.array([1, 1, 2]), None)
