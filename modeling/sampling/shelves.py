"""One round's batch in whole queries: for a desk that shows all products of a query together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.sampling import margin
from modeling.sampling.batch import ACTIVE, RANDOM, Batch, Positions, check_pool, order_by_id
from modeling.sampling.contract import Probabilities, Strategy


def draw_queries(
    pair_ids: ArrayLike,
    query_ids: ArrayLike,
    probabilities: Probabilities | None,
    *,
    size: int,
    random_share: float,
    seed: int,
    strategy: Strategy = margin.score,
) -> Batch:
    """Draw whole queries, about `size` pairs of the pool (n,); every query is in the batch with all its pairs or none.

    The random part is a simple random sample of k of the N queries without replacement, so that the `chance` of
    each of its pairs is exactly k / N. k is fixed before anything is drawn: the share's pairs over the mean pairs
    of a query, rounded, and at least 1 where the share is above 0. The active part is the queries on whose pairs
    `strategy` scores highest in the mean, the best first, until the batch has `size` pairs or a few more: less
    than its last query has. Without probabilities, or with a share of 1, everything is random. Equal means are
    taken in random order. A random part that is larger than `size` stays whole. `index` holds positions in the
    arrays given, pairs of a query beside each other; which are drawn depends on the ids and the seed, not on the
    order of the rows.
    ValueError as draw_batch.
    """
    pairs, queries = np.asarray(pair_ids, dtype=np.int64), np.asarray(query_ids, dtype=np.int64)
    check_pool(pairs, queries, probabilities, size, random_share)
    by_id = order_by_id(pairs)
    order = np.argsort(queries if by_id is None else queries[by_id], kind="stable").astype(np.int64)
    order = order if by_id is None else by_id[order]
    scores = np.full(len(pairs), np.nan, dtype=np.float32)
    random = np.random.default_rng(seed)
    if probabilities is not None:
        scores = strategy(probabilities[order], random)
    _, starts, counts = np.unique(queries[order], return_index=True, return_counts=True)
    k = _random_queries(counts, size, 1.0 if probabilities is None else random_share)
    drawn = random.choice(len(counts), k, replace=False)
    active = np.empty(0, dtype=np.int64)
    if probabilities is not None and random_share < 1:
        active = _pick_queries(scores, counts, drawn, size - int(counts[drawn].sum()), random)
    rows = [np.arange(starts[query], starts[query] + counts[query]) for query in (*drawn, *active)]
    index = np.concatenate([np.empty(0, dtype=np.int64), *rows])
    n_random = int(counts[drawn].sum())
    stream = np.full(len(index), ACTIVE)
    stream[:n_random] = RANDOM
    chance = np.where(stream == RANDOM, k / max(len(counts), 1), np.nan)
    return Batch(index=order[index], stream=stream, chance=chance, score=scores[index])


def _random_queries(counts: NDArray[np.intp], size: int, share: float) -> int:
    """How many queries are drawn at random: k, from 0 to their number."""
    wanted = size * share
    if wanted == 0 or len(counts) == 0:
        return 0
    return min(len(counts), max(1, round(wanted / float(counts.mean()))))


def _pick_queries(
    scores: NDArray[np.float32],
    counts: NDArray[np.intp],
    drawn: Positions,
    wanted: int,
    random: np.random.Generator,
) -> Positions:
    """The queries outside `drawn` with the highest mean score, the best first, until they have `wanted` pairs."""
    # Summed with 64 bits over rows in the order of the ids: equal whatever the order the rows came in.
    means = np.bincount(np.repeat(np.arange(len(counts)), counts), weights=scores, minlength=len(counts)) / counts
    best_first = np.lexsort([random.random(len(counts)), -means])
    left = best_first[~np.isin(best_first, drawn)]
    before = np.cumsum(counts[left]) - counts[left]
    return left[before < wanted].astype(np.int64)
