"""Rounds in whole queries: the chances are true, the queries whole, the least sure ones first."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from modeling.sampling.batch import Batch
from modeling.sampling.contract import Pool
from modeling.sampling.rules import Rules
from modeling.sampling.shelves import draw_queries
from modeling.sampling.strategies import strategy_of
from tests.modeling.sampling.pools import make_pool

Array = NDArray[Any]


def make_shelves(n: int, queries: int, seed: int = 0, **changes: Any) -> Pool:
    random = np.random.default_rng(seed)
    fields: dict[str, Any] = {
        "pair_ids": random.permutation(n) * 3 + 100,
        "query_ids": random.integers(0, queries, n) * 7,
        "probabilities": random.dirichlet(np.ones(4), n).astype(np.float32),
    }
    return Pool(**(fields | changes))


def draw(pool: Pool, seed: int = 1, **settings: Any) -> Batch:
    return draw_queries(pool, Rules(**({"size": 20, "random_share": 0.25} | settings)), seed)


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
    pool = make_shelves(n, query_count, seed)
    queries = pool.query_ids
    batch = draw(pool, seed, size=size, random_share=share)
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
    pool = make_shelves(n, query_count, seed)
    queries = pool.query_ids
    batch = draw(pool, seed, size=30, random_share=0.3)
    scores = strategy_of("margin").score(pool, np.random.default_rng(0)).scores
    active = batch.stream == "active"
    assert (batch.score[active] == scores[batch.index[active]]).all()
    mean = {query: float(scores[queries == query].astype(float).mean()) for query in set(queries.tolist())}
    taken = list(dict.fromkeys(queries[batch.index[active]].tolist()))
    left = set(mean) - set(queries[batch.index].tolist())
    assert [mean[query] for query in taken] == pytest.approx(sorted((mean[query] for query in taken), reverse=True))
    assert not taken or not left or min(mean[query] for query in taken) >= max(mean[query] for query in left) - 1e-9


def test_shelves_state_their_chance_exactly() -> None:
    # Sizes from 1 to 12 and a strategy that wants the large ones: no query may be likelier for it.
    sizes = np.arange(1, 13)
    queries = np.repeat(np.arange(12), sizes)
    probabilities = np.where(queries[:, None] > 6, [0.5, 0.5], [1.0, 0.0])
    pool = Pool(np.arange(len(queries)), queries, probabilities=probabilities)
    counts = np.zeros(len(queries))
    draws = 4000
    for seed in range(draws):
        batch = draw(pool, seed, size=40, random_share=0.5)
        random = batch.stream == "random"
        assert set(batch.chance[random].tolist()) == {3 / 12}  # 20 pairs of 6.5 a query
        assert np.isnan(batch.chance[~random]).all()
        counts[batch.index[random]] += 1
    per_query = counts[np.cumsum(sizes) - 1]
    assert (counts == np.repeat(per_query, sizes)).all()
    assert min(binomtest(int(count), draws, 3 / 12).pvalue for count in per_query) > 0.001


def test_shelves_without_probabilities_are_all_random() -> None:
    batch = draw(make_shelves(100, 5, probabilities=None), size=40)
    assert (batch.stream == "random").all()
    assert set(batch.chance.tolist()) == {2 / 5}
    assert np.isnan(batch.score).all()


def test_shelves_have_a_random_query_however_small_the_share() -> None:
    batch = draw(make_shelves(1000, 20), size=60, random_share=0.01)
    assert set(batch.chance[batch.stream == "random"].tolist()) == {1 / 20}


def test_shelves_of_a_small_pool_are_all_of_it() -> None:
    batch = draw(make_shelves(5, 5), size=50, random_share=0.4)
    assert sorted(batch.index.tolist()) == [0, 1, 2, 3, 4]


def test_shelves_of_an_empty_pool_are_none() -> None:
    assert len(draw(make_shelves(0, 1)).index) == 0
    assert len(draw(make_shelves(0, 1, probabilities=None)).index) == 0


def test_shelves_depend_on_ids_and_seed_and_not_on_the_order_of_rows() -> None:
    # Equal means everywhere: the hardest case.
    pool = make_shelves(300, 40, probabilities=np.full((300, 4), 0.25))
    shuffled = pool.take(np.random.default_rng(9).permutation(300))
    one, other = draw(pool), draw(shuffled)
    assert pool.pair_ids[one.index].tolist() == shuffled.pair_ids[other.index].tolist()
    assert one.stream.tolist() == other.stream.tolist()
    assert pool.pair_ids[draw(pool, 2).index].tolist() != pool.pair_ids[one.index].tolist()


def test_shelves_have_all_new_pairs_of_a_query_and_no_others() -> None:
    pool = make_pool(400, queries=60)
    batch = draw(pool, size=80, mix={"margin": 1, "relabel": 1, "uniform": 1})
    new = Counter(pool.query_ids[pool.new()].tolist())
    drawn = Counter(pool.query_ids[batch.index].tolist())
    assert drawn == {query: new[query] for query in drawn}
    assert pool.new()[batch.index].all()
    assert set(batch.strategy.tolist()) == {"", "margin", "relabel", "uniform"}
    # A pair that no strategy may take comes along with its query, and says so.
    kept = [row for row, index in enumerate(batch.index) if pool.random_only is not None and pool.random_only[index]]
    said = {str(batch.reason[row]) for row in kept if batch.stream[row] == "active"}
    assert said == {"comes with its query, which was picked for the others"}


def test_shelves_never_pick_a_query_that_is_for_the_random_part() -> None:
    pool = make_shelves(200, 20)
    held = pool.query_ids < 70
    pool = Pool(pool.pair_ids, pool.query_ids, probabilities=pool.probabilities, random_only=held)
    batch = draw(pool, size=200)
    assert not held[batch.index[batch.stream == "active"]].any()
    assert (~held).sum() == (~held[batch.index]).sum()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": -1}, "size must be 0 or more, got -1"),
        ({"random_share": 1.5}, "random_share must lie between 0 and 1, got 1.5"),
    ],
)
def test_shelves_refuse_settings_out_of_range(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(make_shelves(10, 3), **change)


def test_shelves_refuse_ids_that_repeat() -> None:
    with pytest.raises(ValueError, match="pair ids must not repeat, got 7"):
        draw(Pool(np.array([7, 8, 7]), np.array([1, 1, 2])))
