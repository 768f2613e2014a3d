"""One round's batch in whole queries: for a desk that shows all products of a query together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modeling.sampling.batch import Batch, batch_of, check_pool
from modeling.sampling.contract import Pool, Positions, Reason, Scored
from modeling.sampling.picking import Pick, penalised
from modeling.sampling.ranking import in_even_turns
from modeling.sampling.rules import Rules


def draw_queries(pool: Pool, rules: Rules, seed: int) -> Batch:
    """Draw whole queries, about `size` pairs of the pool (n,); of each, all pairs without votes, or none.

    The random part is a simple random sample of k of the N queries without replacement, so that the `chance` of
    each of its pairs is exactly k / N. k is fixed before anything is drawn: the share's pairs over the mean pairs
    of a query, rounded, and at least 1 where the share is above 0. The active part is the queries on whose pairs
    the mix's strategies, in turns by their shares, score highest in the mean, until the batch has `size` pairs or a
    few more: less than its last query has. A query is scored by its pairs that the strategy may take. The rules on
    titles, the number per query and the floor of labels do not touch whole queries; strategies that relabel take
    new pairs only. Where no strategy of the mix can work on the pool, or with a share of 1, everything is random.
    Equal means are taken in random order. A random part that is larger than `size` stays whole. `index` holds
    positions in the arrays given, pairs of a query beside each other; which are drawn depends on the ids and the
    seed, not on the order of the rows. ValueError as draw_batch.
    """
    check_pool(pool)
    new = np.flatnonzero(pool.new())
    order = new[np.lexsort([pool.pair_ids[new], pool.query_ids[new]])].astype(np.int64)
    check_once(pool.pair_ids[order])
    ordered = pool.take(order)
    random = np.random.default_rng(seed)
    shelf = _Shelf.of(ordered.query_ids)
    strategies = rules.strategies(ordered)
    k = _random_queries(shelf.counts, rules.size, rules.random_share if strategies else 1.0)
    drawn = np.asarray(random.choice(len(shelf.counts), k, replace=False), dtype=np.int64)
    wanted = rules.size - int(shelf.counts[drawn].sum())
    picks: list[Pick] = []
    if rules.random_share < 1 and strategies:
        nobody = np.empty(0, dtype=np.int64)
        scored = [(one.key, penalised(ordered, one, nobody, rules, random)) for one, _ in strategies]
        picks = shelf.picks(scored, [share for _, share in strategies], drawn, wanted, random)
    uniform = np.concatenate([np.empty(0, dtype=np.int64), *(shelf.rows(query) for query in drawn)])
    return batch_of(uniform, k / max(len(shelf.counts), 1), picks, order)


def _reason(scored: Scored, position: int) -> Reason:
    if np.isnan(scored.scores[position]):
        return Reason("comes with its query, which was picked for the others")
    return scored.reason(position)


def check_once(pairs: Positions) -> None:
    """ValueError when an id repeats."""
    found, counts = np.unique(pairs, return_counts=True)
    if len(found) < len(pairs):
        raise ValueError(f"pair ids must not repeat, got {found[counts > 1][0]} more than once")


def _random_queries(counts: Positions, size: int, share: float) -> int:
    """How many queries are drawn at random: k, from 0 to their number."""
    wanted = size * share
    if wanted == 0 or len(counts) == 0:
        return 0
    return min(len(counts), max(1, round(wanted / float(counts.mean()))))


@dataclass(frozen=True)
class _Shelf:
    """Queries whose pairs are beside each other: where each begins, and how many it has."""

    starts: Positions
    counts: Positions

    @classmethod
    def of(cls, queries: Positions) -> "_Shelf":
        """The queries of pairs that are sorted by them."""
        _, starts, counts = np.unique(queries, return_index=True, return_counts=True)
        return cls(starts.astype(np.int64), counts.astype(np.int64))

    def rows(self, query: int) -> Positions:
        """Positions of a query's pairs."""
        return np.arange(self.starts[query], self.starts[query] + self.counts[query])

    def picks(
        self,
        scored: Sequence[tuple[str, Scored]],
        shares: Sequence[float],
        drawn: Positions,
        wanted: int,
        random: np.random.Generator,
    ) -> list[Pick]:
        """The pairs of the queries outside `drawn` that the strategies score highest, best first in even turns."""
        taken = set(drawn.tolist())
        rankings = [iter(self._best_first(one.scores, random).tolist()) for _, one in scored]
        picked: list[list[int]] = [[] for _ in scored]
        able = set(range(len(scored)))
        while wanted > 0 and able:
            number = min(able, key=lambda one: (len(picked[one]) / shares[one], one))
            query = next((query for query in rankings[number] if query not in taken), None)
            if query is None:
                able.remove(number)
                continue
            taken.add(query)
            picked[number].append(query)
            wanted -= int(self.counts[query])
        return [
            Pick(position, float(one.scores[position]), key, _reason(one, position))
            for number, place in in_even_turns([len(part) for part in picked])
            for key, one in (scored[number],)
            for position in self.rows(picked[number][place]).tolist()
        ]

    def _best_first(self, scores: NDArray[np.float32], random: np.random.Generator) -> Positions:
        """The queries by the mean score of their pairs that have one, best first, equal ones in random order."""
        # Summed with 64 bits over rows in the order of the ids: equal whatever the order the rows came in.
        query = np.repeat(np.arange(len(self.counts)), self.counts)
        known = ~np.isnan(scores)
        sums = np.bincount(query, weights=np.where(known, scores, 0), minlength=len(self.counts))
        have = np.bincount(query, weights=known, minlength=len(self.counts))
        means = sums / np.maximum(have, 1)
        order = np.lexsort([random.random(len(means)), -means])
        return order[have[order] > 0].astype(np.int64)
