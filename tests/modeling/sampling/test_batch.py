from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from modeling.sampling.batch import Batch, draw_batch
from modeling.sampling.contract import Pool
from modeling.sampling.rules import Rules
from modeling.sampling.strategies import strategy_of
from tests.modeling.sampling.pools import make_pool, plain_pool

Array = NDArray[Any]


def draw(pool: Pool, seed: int = 1, **settings: Any) -> Batch:
    return draw_batch(pool, Rules(**({"size": 20, "random_share": 0.25, "max_per_query": 3} | settings)), seed)


def margins(pool: Pool) -> Array:
    return strategy_of("margin").score(pool, np.random.default_rng(0)).scores


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
    pool = plain_pool(n, query_count, seed)
    batch = draw(pool, seed, size=size, random_share=share, max_per_query=limit)
    wanted = min(size, n)
    n_random = max(round(wanted * share), 1 if share and wanted else 0)
    active = batch.index[batch.stream == "active"]
    scores = margins(pool)
    assert (batch.stream == "random").sum() == n_random
    assert active.tolist() == greedy_active(batch, pool.query_ids, scores, wanted - n_random, limit)
    assert len(set(batch.index.tolist())) == len(batch.index) == len(batch.reason)
    assert (batch.score[n_random:] == scores[active]).all()
    assert np.isnan(batch.score[:n_random]).all()
    assert batch.strategy.tolist() == [""] * n_random + ["margin"] * len(active)


def test_batch_random_part_states_its_chance_exactly() -> None:
    batch = draw(plain_pool(400, 50), size=40, random_share=0.25)
    random = batch.stream == "random"
    assert random.sum() == 10
    assert set(batch.chance[random].tolist()) == {10 / 400}
    assert str(batch.reason[0]) == "at random, with a chance of 0.025"
    assert np.isnan(batch.chance[~random]).all()


def test_batch_has_a_random_pair_however_small_the_share() -> None:
    assert (draw(plain_pool(400, 50), random_share=0.001).stream == "random").sum() == 1
    assert (draw(plain_pool(400, 50), random_share=0).stream == "random").sum() == 0


def test_batch_random_part_is_a_simple_random_sample_whatever_the_rules() -> None:
    # Query 0 has half the pool, the strategies want none of it, and most titles are nearly alike: the draw must not
    # know. Five pairs are excluded or judged: they are in no sample, and the chance does not count them.
    n = 25
    pool = make_pool(n, queries=1, ambiguity=np.linspace(0, 1, n).astype(np.float32), random_only=np.arange(n) < 9)
    votes = np.zeros((n, 4), dtype=np.int8)
    votes[:2] = 1
    changes = {
        "votes": votes,
        "excluded": np.arange(n) >= 22,
        "query_ids": np.where(np.arange(n) < 12, 0, np.arange(n)),
    }
    pool = Pool(**{**pool.__dict__, **changes})
    counts = np.zeros(n)
    rules = {"size": 8, "random_share": 0.5, "max_per_query": 1, "near_duplicates": 0.5, "label_floor": 0.2}
    for seed in range(1500):
        batch = draw(pool, seed, mix={"margin": 1, "uniform": 1}, **rules)
        random = batch.stream == "random"
        assert set(batch.chance[random].tolist()) == {4 / 20}
        counts[batch.index[random]] += 1
    assert counts.sum() == 6000
    assert counts[:2].sum() == counts[22:].sum() == 0
    assert chisquare(counts[2:22]).pvalue > 0.001


def test_batch_where_no_strategy_can_work_is_all_random() -> None:
    batch = draw(plain_pool(100, 5, probabilities=None), size=30, max_per_query=1)
    assert (batch.stream == "random").all()
    assert set(batch.chance.tolist()) == {0.3}
    assert np.isnan(batch.score).all()
    assert len(set(batch.index.tolist())) == 30


def test_batch_mix_gives_the_share_of_who_cannot_work_to_the_others() -> None:
    mix = {"margin": 0.5, "disagreement": 0.3, "typical": 0.2, "entropy": 0.0}
    pool = make_pool(2000, queries=500)
    shares = Counter(draw(pool, size=400, random_share=0, mix=mix).strategy.tolist())
    assert shares == {"margin": 200, "disagreement": 120, "typical": 80}
    no_rival = make_pool(2000, queries=500, rival=None)
    shares = Counter(draw(no_rival, size=70, random_share=0, mix=mix).strategy.tolist())
    assert shares == {"margin": 50, "typical": 20}
    cold = make_pool(2000, queries=500, rival=None, probabilities=None)
    assert Counter(draw(cold, size=80, mix=mix).strategy.tolist()) == {"": 20, "typical": 60}


def test_batch_has_its_mix_in_every_beginning() -> None:
    pool = plain_pool(5000, 5000)
    batch = draw(pool, size=200, random_share=0, mix={"margin": 3, "uniform": 1})
    for end in range(4, 201):
        assert abs((batch.strategy[:end] == "uniform").mean() - 0.25) <= 1 / end
    by_margin = batch.score[batch.strategy == "margin"]
    assert (np.diff(by_margin) <= 0).all()
    # What both want is in the batch once.
    assert len(set(batch.index.tolist())) == 200


def test_batch_active_part_counts_random_pairs_against_the_limit() -> None:
    queries = np.repeat([1, 2], 6)
    pool = Pool(np.arange(12), queries, probabilities=np.tile([[0.5, 0.5]], (12, 1)))
    batch = draw(pool, 3, size=12, random_share=0.5, max_per_query=2)
    drawn = Counter(queries[batch.index[batch.stream == "random"]].tolist())
    for query in (1, 2):
        active = (queries[batch.index[batch.stream == "active"]] == query).sum()
        assert active == max(0, 2 - drawn[query])


def test_batch_is_smaller_where_the_limit_gives_no_more() -> None:
    batch = draw(plain_pool(1000, 4), size=100, random_share=0.0, max_per_query=3)
    assert len(batch.index) == 12


def test_batch_never_picks_what_is_kept_away() -> None:
    pool = make_pool(300, queries=300)
    assert pool.excluded is not None
    assert pool.random_only is not None
    assert pool.votes is not None
    batch = draw(pool, size=300, max_per_query=99, mix={"margin": 1, "typical": 1})
    active = batch.index[batch.stream == "active"]
    assert not pool.excluded[batch.index].any()
    assert not pool.votes[batch.index].any()
    assert not pool.random_only[active].any()
    assert set(batch.index.tolist()) >= set(np.flatnonzero(pool.pickable()).tolist())


def test_batch_relabels_where_that_is_worth_more_than_a_new_pair() -> None:
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4], [0.99, 0.01]])
    votes = np.array([[1, 0], [1, 0], [0, 0], [0, 0]])
    pool = Pool(np.arange(4), np.arange(4), labels=("E", "I"), probabilities=probabilities, votes=votes)
    batch = draw(pool, size=2, random_share=0, mix={"relabel": 1})
    # sqrt(0.5 x 0.9) for the label that the judge contradicts, sqrt(0.4) for the unsure new pair.
    assert batch.index.tolist() == [1, 2]
    assert str(batch.reason[0]) == "1 said E and 0 another label; the judge gives E 0.10"


def test_batch_keeps_nearly_equal_titles_apart() -> None:
    pool = make_pool(350, queries=350, votes=None, random_only=None, excluded=None)
    alike = draw(pool, size=60, mix={"uniform": 1}, random_share=0.2)
    apart = draw(pool, size=60, mix={"uniform": 1}, random_share=0.2, near_duplicates=0.7)
    assert pool.texts is not None

    def largest_similarity(batch: Batch) -> float:
        texts = pool.texts(pool.pair_ids[batch.index]) if pool.texts else []
        sets = [{text.title[at : at + 5] for at in range(len(text.title) - 4)} for text in texts]
        # Random pairs may be alike among themselves.
        active = np.flatnonzero(batch.stream == "active").tolist()
        return max(len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a in active for b in range(a))

    assert largest_similarity(alike) == 1
    assert largest_similarity(apart) < 0.7
    assert len(apart.index) == 60


def test_batch_asks_for_the_texts_of_candidates_only() -> None:
    asked: list[int] = []

    def texts(ids: Array) -> Any:
        asked.extend(ids.tolist())
        return make_pool(1).texts(ids)  # type: ignore[misc]

    draw(plain_pool(20_000, 20_000, texts=texts), size=20, near_duplicates=0.9)
    assert 20 <= len(asked) <= 400
    assert len(set(asked)) == len(asked)


def rare_pool(n: int = 1000) -> Pool:
    """The judge is unsure between E and S everywhere, is sure where it says C, and never says I."""
    rows = np.tile([[0.49, 0.47, 0.01, 0.03]], (n, 1))
    rows[: n // 10] = [0.02, 0.01, 0.95, 0.02]
    rows[-5:] = [0.4, 0.35, 0.01, 0.24]
    return Pool(np.arange(n), np.arange(n), labels=tuple("ESCI"), probabilities=rows)


def test_batch_has_its_floor_of_each_label() -> None:
    pool = rare_pool()
    none = draw(pool, size=100, random_share=0)
    assert (none.index >= 100).all()
    batch = draw(pool, size=100, random_share=0, label_floor=0.05)
    rare = batch.index < 100
    assert rare.sum() == 5
    assert len(batch.index) == 100
    # The judge never says I, or S: their likeliest pairs stand in for them.
    assert set(batch.index.tolist()) >= set(range(995, 1000))
    why = {str(batch.reason[row]) for row in np.flatnonzero(rare).tolist()}
    assert why == {"so that C is not starved: the judge gives it 0.95"}
    assert "so that I is not starved: one of its likeliest, 0.24" in set(map(str, batch.reason))
    # Not at the end, where a round that is closed early would lose them.
    assert np.flatnonzero(rare)[0] < 20 < 80 < np.flatnonzero(rare)[-1]


def test_batch_floor_takes_nothing_where_the_strategy_sees_to_the_label() -> None:
    pool = plain_pool(2000, 2000)
    plain, floored = draw(pool, size=100), draw(pool, size=100, label_floor=0.1)
    assert plain.index.tolist() == floored.index.tolist()


def test_batch_is_whole_where_a_floor_cannot_be_reached() -> None:
    pool = Pool(np.arange(50), np.repeat(np.arange(10), 5), probabilities=np.tile([[1.0, 0.0]], (50, 1)))
    batch = draw(pool, size=30, random_share=0, max_per_query=3, label_floor=0.5)
    assert len(batch.index) == 30
    with pytest.raises(ValueError, match=r"label_floor must be at most 1 / 2 with 2 labels, got 0\.6"):
        draw(pool, label_floor=0.6)


def test_batch_stays_off_pairs_on_which_people_part() -> None:
    ambiguity = np.where(np.arange(200) % 2, 0.9, 0.0).astype(np.float32)
    rows = np.tile([[0.5, 0.5]], (200, 1))
    pool = Pool(np.arange(200), np.arange(200), probabilities=rows, ambiguity=ambiguity)
    assert (draw(pool, size=80, random_share=0).index % 2 == 0).all()
    careless = draw(pool, size=80, random_share=0, ambiguity_weight=0)
    assert 20 < (careless.index % 2).sum() < 60
    assert draw(pool, size=80, random_share=0).score.tolist() == [1] * 80
    # Their score is less, but where nothing else is left they are taken.
    assert draw(pool, size=200, random_share=0).score[100:].tolist() == pytest.approx([0.1] * 100)


def test_batch_of_a_small_pool_takes_all_of_it() -> None:
    batch = draw(plain_pool(5, 5), size=50, random_share=0.4)
    assert sorted(batch.index.tolist()) == [0, 1, 2, 3, 4]
    assert set(batch.chance[batch.stream == "random"].tolist()) == {2 / 5}


def test_batch_of_an_empty_pool_is_empty() -> None:
    assert len(draw(plain_pool(0, 1)).index) == 0
    nothing = np.array([], dtype=np.int64)
    assert len(draw(Pool(nothing, nothing)).index) == 0


ALL_RULES = {
    "size": 80,
    "mix": {"margin": 3, "disagreement": 1, "typical": 1, "relabel": 1, "uniform": 1},
    "label_floor": 0.1,
    "near_duplicates": 0.6,
}


@pytest.mark.parametrize("settings", [{}, ALL_RULES], ids=["plain", "all rules"])
def test_batch_depends_on_ids_and_not_on_the_order_of_rows(settings: dict[str, Any]) -> None:
    # Equal scores everywhere: the hardest case.
    pool = make_pool(300, queries=40, probabilities=np.full((300, 4), 0.25), rival=np.full((300, 4), 0.25))
    shuffled = pool.take(np.random.default_rng(9).permutation(300))
    one, other = draw(pool, **settings), draw(shuffled, **settings)
    assert len(one.index) > 15
    assert pool.pair_ids[one.index].tolist() == shuffled.pair_ids[other.index].tolist()
    assert one.stream.tolist() == other.stream.tolist()
    assert [str(why) for why in one.reason] == [str(why) for why in other.reason]
    assert pool.pair_ids[draw(pool, 2, **settings).index].tolist() != pool.pair_ids[one.index].tolist()


def test_batch_takes_equal_scores_from_all_over_the_pool() -> None:
    pool = plain_pool(10_000, 10_000, probabilities=np.full((10_000, 4), 0.25))
    batch = draw(pool, size=400, random_share=0.0)
    assert np.histogram(batch.index, bins=4, range=(0, 10_000))[0].min() > 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": -1}, "size must be 0 or more, got -1"),
        ({"random_share": 1.5}, "random_share must lie between 0 and 1, got 1.5"),
        ({"max_per_query": 0}, "max_per_query must be 1 or more, got 0"),
        ({"label_floor": -0.1}, "label_floor must lie between 0 and 1, got -0.1"),
        ({"near_duplicates": 0.0}, "near_duplicates must be above 0 and at most 1, got 0.0"),
        ({"ambiguity_weight": 2}, "ambiguity_weight must lie between 0 and 1, got 2"),
        ({"mix": {"margin": -1}}, "the share of margin must be 0 or more, got -1"),
        ({"mix": {"best": 1}}, "there is no strategy 'best'"),
    ],
)
def test_batch_refuses_settings_out_of_range(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(plain_pool(10, 3), **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pair_ids": np.array([100, 103, 103])}, "got 103 more than once"),
        ({"query_ids": np.zeros(2, dtype=np.int64)}, r"got shapes \(3,\) and \(2,\)"),
        ({"probabilities": np.full((2, 4), 0.25)}, "each of 3 pairs needs its probabilities, got 2 rows"),
        ({"excluded": np.zeros(4, dtype=np.bool_)}, "each of 3 pairs needs its excluded, got 4 rows"),
        ({"labels": ("E", "S")}, "2 labels need as many columns, got 4"),
        ({"ambiguity": np.array([0, 0.5, 1.5])}, "ambiguity must lie between 0 and 1, got 0.0 to 1.5"),
    ],
)
def test_batch_refuses_rows_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(plain_pool(3, 3, **change))
