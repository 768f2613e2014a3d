"""The best pairs of a large pool, sorted no further than somebody asks."""

from collections.abc import Iterator

import numpy as np

from modeling.sampling.contract import Positions, Scores


def best_first(scores: Scores, first: int, random: np.random.Generator) -> Iterator[Positions]:
    """Yield positions of the scores (n,), best first and equal ones in random order: `first`, then ever more.

    Each block is four times as large as all before it; nan is left out.
    """
    left = np.where(np.isnan(scores), np.float32(-np.inf), scores)
    available, yielded, block = int((left > -np.inf).sum()), 0, max(1, first)
    while yielded < available:
        best = _top(left, min(block, available - yielded), random)
        left[best] = -np.inf
        yielded += len(best)
        block = 4 * yielded
        yield best


def _top(scores: Scores, count: int, random: np.random.Generator) -> Positions:
    """Positions of the `count` highest finite scores, best first, equal ones in random order."""
    threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > threshold)
    level = random.permutation(np.flatnonzero(scores == threshold))[: count - len(above)]
    top = np.concatenate([above, level])
    best = np.lexsort([random.random(count), -scores[top]])
    return top[best].astype(np.int64)


def in_even_turns(lengths: list[int]) -> list[tuple[int, int]]:
    """Merge lists of these lengths so that every beginning has them in their proportion: (list, place) in order."""
    turns = [
        ((place + 0.5) / length, number, place) for number, length in enumerate(lengths) for place in range(length)
    ]
    return [(number, place) for _, number, place in sorted(turns)]
