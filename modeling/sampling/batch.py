"""One round's batch: part drawn uniformly, part picked by strategies, under rules, each pair with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modeling.sampling.contract import Pool, Positions, Reason, check_probabilities
from modeling.sampling.picking import Pick, pick_active
from modeling.sampling.rules import Rules

RANDOM = "random"
ACTIVE = "active"


@dataclass(frozen=True)
class Batch:
    """The pairs of a round: the random ones first, then the active ones, best first.

    Arrays (m,): positions in the pool; the stream; the chance of a random pair, else nan; the score that an active
    pair was picked for, else nan; the key of the strategy that picked it, else empty. And m reasons.
    """

    index: Positions
    stream: NDArray[np.str_]
    chance: NDArray[np.float64]
    score: NDArray[np.float32]
    strategy: NDArray[np.str_]
    reason: Sequence[Reason]


def draw_batch(pool: Pool, rules: Rules, seed: int) -> Batch:
    """Draw a batch of the pool (n,), smaller where the pool or the rules give no more.

    The random part is a simple random sample, without replacement, of the pairs that have no votes and are not
    excluded: `chance` is its size over their number for each of them, and no other rule touches it. The active part
    is what the mix's strategies score highest among the rest, under the rules; `picking` says how. Its shares hold
    for every beginning of it, so that who stops half way has the mix, too. Where no strategy of the mix can work on
    the pool, everything is random. Equal scores are taken in random order. Which pairs are drawn depends on the ids
    and the seed, not on the order of the rows. ValueError for ids that repeat or arrays that do not belong together.
    """
    check_pool(pool)
    order = order_by_id(pool.pair_ids)
    ordered = pool if order is None else pool.take(order)
    random = np.random.default_rng(seed)
    new = np.flatnonzero(ordered.new())
    strategies = rules.strategies(ordered)
    relabels = any(strategy.relabels for strategy, _ in strategies)
    size = min(rules.size, len(pool) if relabels else len(new))
    n_random = min(len(new), rules.random_pairs(size, bool(strategies)))
    uniform = np.sort(random.choice(new, n_random, replace=False, shuffle=False)).astype(np.int64)
    picks = pick_active(ordered, strategies, uniform, size - n_random, rules, random) if strategies else []
    return batch_of(uniform, n_random / max(len(new), 1), picks, order)


def batch_of(uniform: Positions, chance: float, picks: Sequence[Pick], order: Positions | None) -> Batch:
    """Put the random pairs and the picks together, at their positions before the pool was put into order."""
    n_random = len(uniform)
    index = np.concatenate([uniform, np.array([pick.position for pick in picks], dtype=np.int64)])
    blank = np.full(n_random, np.nan)
    return Batch(
        index=index if order is None else order[index],
        stream=np.array([RANDOM] * n_random + [ACTIVE] * len(picks), dtype=np.str_),
        chance=np.concatenate([np.full(n_random, chance), np.full(len(picks), np.nan)]),
        score=np.concatenate([blank, [pick.score for pick in picks]]).astype(np.float32),
        strategy=np.array([""] * n_random + [pick.strategy for pick in picks], dtype=np.str_),
        reason=[Reason("at random, with a chance of %(chance).2g", {"chance": chance})] * n_random
        + [pick.reason for pick in picks],
    )


def check_pool(pool: Pool) -> None:
    """ValueError for arrays that do not belong together."""
    if pool.pair_ids.ndim != 1 or pool.query_ids.shape != pool.pair_ids.shape:
        shapes = f"{pool.pair_ids.shape} and {pool.query_ids.shape}"
        raise ValueError(f"each pair needs an id and a query, got shapes {shapes}")
    for name in ("probabilities", "rival", "votes", "ambiguity", "excluded", "random_only"):
        rows = getattr(pool, name)
        if rows is not None and len(rows) != len(pool):
            raise ValueError(f"each of {len(pool)} pairs needs its {name}, got {len(rows)} rows")
    if pool.probabilities is not None:
        check_probabilities(pool.probabilities)
        if pool.labels and len(pool.labels) != pool.probabilities.shape[1]:
            raise ValueError(f"{len(pool.labels)} labels need as many columns, got {pool.probabilities.shape[1]}")
    if pool.ambiguity is not None and len(pool) and not (pool.ambiguity.min() >= 0 and pool.ambiguity.max() <= 1):
        raise ValueError(f"ambiguity must lie between 0 and 1, got {pool.ambiguity.min()} to {pool.ambiguity.max()}")


def order_by_id(pairs: Positions) -> Positions | None:
    """Positions that sort the ids; None when they are sorted already. ValueError when one repeats."""
    if bool((pairs[1:] > pairs[:-1]).all()):
        return None
    order = np.argsort(pairs, kind="stable").astype(np.int64)
    ranked = pairs[order]
    repeats = np.flatnonzero(ranked[1:] == ranked[:-1])
    if len(repeats):
        raise ValueError(f"pair ids must not repeat, got {ranked[repeats[0]]} more than once")
    return order
