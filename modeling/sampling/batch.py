"""One round's batch: part drawn uniformly, part picked by a strategy, few per query."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.sampling import margin
from modeling.sampling.contract import Probabilities, Scores, Strategy, check_probabilities

RANDOM = "random"
ACTIVE = "active"

# Whole numbers: positions in the pool, or ids of the database.
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """The pairs of a round, each array (m,): the random ones first, then the active ones, best first."""

    index: Positions
    stream: NDArray[np.str_]
    chance: NDArray[np.float64]
    score: NDArray[np.float32]


def draw_batch(
    pair_ids: ArrayLike,
    query_ids: ArrayLike,
    probabilities: Probabilities | None,
    *,
    size: int,
    random_share: float,
    max_per_query: int,
    seed: int,
    strategy: Strategy = margin.score,
) -> Batch:
    """Draw `size` pairs from the pool (n,), fewer where the pool or the limit per query gives no more.

    The random part, round(size * random_share) pairs, is a simple random sample of the whole pool without
    replacement: `chance` is its size / n for each of them. `max_per_query` does not touch it. The active part
    is what `strategy` scores highest among the rest, with at most `max_per_query` pairs of one query, random
    ones counted; its `chance` is nan. Without probabilities everything is random. Equal scores are taken in
    random order. `index` holds positions in the arrays given; which pairs are drawn depends on the ids and
    the seed, not on the order of the rows. `score` is nan without probabilities.
    ValueError for ids that repeat, lengths that differ, or settings out of range.
    """
    pairs, queries = np.asarray(pair_ids, dtype=np.int64), np.asarray(query_ids)
    check_pool(pairs, queries, probabilities, size, random_share)
    if max_per_query < 1:
        raise ValueError(f"max_per_query must be 1 or more, got {max_per_query}")
    order = order_by_id(pairs)
    if order is not None:
        queries = queries[order]
        probabilities = None if probabilities is None else probabilities[order]
    random = np.random.default_rng(seed)
    size = min(size, len(pairs))
    n_random = size if probabilities is None else round(size * random_share)
    uniform = np.sort(random.choice(len(pairs), n_random, replace=False, shuffle=False)).astype(np.int64)
    if probabilities is None:
        drawn, scores = uniform, np.full(size, np.nan, dtype=np.float32)
    else:
        pool_scores = strategy(probabilities, random)
        active = _pick_active(pool_scores, queries, uniform, size - n_random, max_per_query, random)
        drawn = np.concatenate([uniform, active])
        scores = pool_scores[drawn]
    stream = np.full(len(drawn), ACTIVE)
    stream[:n_random] = RANDOM
    chance = np.where(stream == RANDOM, n_random / max(len(pairs), 1), np.nan)
    return Batch(index=drawn if order is None else order[drawn], stream=stream, chance=chance, score=scores)


def check_pool(
    pairs: Positions, queries: NDArray[np.generic], probabilities: Probabilities | None, size: int, random_share: float
) -> None:
    """ValueError for arrays that do not belong together and settings out of range."""
    if pairs.ndim != 1 or queries.shape != pairs.shape:
        raise ValueError(f"each pair needs an id and a query, got shapes {pairs.shape} and {queries.shape}")
    if probabilities is not None:
        check_probabilities(probabilities)
        if len(probabilities) != len(pairs):
            raise ValueError(f"each of {len(pairs)} pairs needs probabilities, got {len(probabilities)} rows")
    if size < 0:
        raise ValueError(f"size must be 0 or more, got {size}")
    if not 0 <= random_share <= 1:
        raise ValueError(f"random_share must lie between 0 and 1, got {random_share}")


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


def _pick_active(
    scores: Scores,
    queries: NDArray[np.generic],
    uniform: Positions,
    wanted: int,
    max_per_query: int,
    random: np.random.Generator,
) -> Positions:
    """The highest scores outside `uniform`, at most `max_per_query` a query: only the top is ever sorted."""
    available = len(scores) - len(uniform)
    if wanted == 0 or available == 0:
        return np.empty(0, dtype=np.int64)
    masked = scores.copy()
    masked[uniform] = -np.inf
    tops = min(available, 4 * wanted)
    while True:
        best_first = _top(masked, tops, random)
        crowd = np.concatenate([queries[uniform], queries[best_first]])
        allowed = _rank_in_group(crowd)[len(uniform) :] < max_per_query
        picked = best_first[allowed][:wanted]
        if len(picked) == wanted or tops == available:
            return picked
        tops = min(available, 4 * tops)


def _top(scores: Scores, count: int, random: np.random.Generator) -> Positions:
    """Positions of the `count` highest finite scores, best first, equal ones in random order."""
    threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > threshold)
    level = random.permutation(np.flatnonzero(scores == threshold))[: count - len(above)]
    top = np.concatenate([above, level])
    best_first = np.lexsort([random.random(count), -scores[top]])
    return top[best_first].astype(np.int64)


def _rank_in_group(groups: NDArray[np.generic]) -> Positions:
    """How many earlier rows have the same group: (n,)."""
    order = np.argsort(groups, kind="stable")
    ranked = groups[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    lengths = np.diff(np.append(starts, len(groups)))
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(len(groups)) - np.repeat(starts, lengths)
    return rank
