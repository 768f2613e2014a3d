"""What a round draws where nothing else is set: random pairs always, and the rules that it promises."""

from collections import Counter

import numpy as np

from modeling.sampling import default
from modeling.sampling.batch import ACTIVE, RANDOM, draw_batch
from modeling.sampling.contract import Pool
from modeling.sampling.default import default_rules

LABELS = ("E", "S", "C", "I")


def pool(n: int = 4000, seed: int = 1) -> Pool:
    random = np.random.default_rng(seed)
    return Pool(
        pair_ids=np.arange(n),
        query_ids=random.integers(0, n // 20, n),
        labels=LABELS,
        probabilities=random.dirichlet([6, 2, 1, 2], n),
        ambiguity=np.where(np.arange(n) % 2, 0.5, 0.0),
    )


def test_default_draws_its_random_share_and_the_rest_by_margin() -> None:
    batch = draw_batch(pool(), default_rules(400), seed=1)
    assert (batch.stream == RANDOM).sum() == round(400 * default.RANDOM_SHARE)
    assert set(batch.strategy[batch.stream == ACTIVE]) == {"margin"}
    assert draw_batch(pool(), default_rules(400, random_share=0.5), seed=1).stream.tolist().count(RANDOM) == 200


def test_random_share_is_never_zero() -> None:
    assert default.RANDOM_SHARE > 0
    assert (draw_batch(pool(), default_rules(2), seed=1).stream == RANDOM).sum() == 1


def test_no_query_has_it_all() -> None:
    everything = pool()
    batch = draw_batch(everything, default_rules(400), seed=1)
    active = batch.index[batch.stream == ACTIVE]
    assert max(Counter(everything.query_ids[active].tolist()).values()) <= default.MAX_PER_QUERY


def test_pairs_on_which_people_part_come_later() -> None:
    batch = draw_batch(pool(), default_rules(400), seed=1)
    odd = batch.index[batch.stream == ACTIVE] % 2
    assert odd.mean() < 0.35


def test_before_the_first_judge_everything_is_random() -> None:
    start = Pool(pair_ids=np.arange(50), query_ids=np.zeros(50, dtype=np.int64), labels=LABELS)
    assert set(draw_batch(start, default_rules(20), seed=1).stream) == {RANDOM}
