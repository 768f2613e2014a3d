"""Which pairs make a step of the optimizer, and how a step is shared by processes and cut to fit into memory.

A step costs its longest row times its rows, because every row is padded to the longest. So a step holds rows of about
one length, as many as its budget of tokens allows.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler


class TokenBatches(Sampler[list[int]]):
    """The rows of each step of an epoch, in an order that the seed and the epoch alone decide.

    `lengths` are the tokens of each row, `budget` the tokens of a step with its padding; a row that is longer than
    that has a step of its own. Every epoch has the same number of steps, but other rows of the same length in each.
    """

    def __init__(self, lengths: Sequence[int], budget: int, seed: int) -> None:
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.seed = seed
        self.epoch = 0
        self._cuts = _even_cuts(np.sort(self.lengths), budget)

    def set_epoch(self, epoch: int) -> None:
        """Choose whose turn it is next: the rows are shuffled anew in each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._cuts) - 1

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng([self.seed, self.epoch])
        shuffled = random.permutation(len(self.lengths))
        ordered = shuffled[np.argsort(self.lengths[shuffled], kind="stable")]
        steps = [ordered[start:end].tolist() for start, end in pairwise(self._cuts)]
        for number in random.permutation(len(steps)):
            yield steps[number]

    def tokens(self) -> int:
        """Tokens of an epoch, padding included."""
        longest = np.sort(self.lengths)
        return int(sum(longest[end - 1] * (end - start) for start, end in pairwise(self._cuts)))


def share_step(lengths: Sequence[int], processes: int, budget: int) -> list[list[list[int]]]:
    """Cut a step into micro-batches of at most `budget` tokens a process: [micro-batch][process] -> places of rows.

    Every process has as many micro-batches, because they wait for each other after each; the last one of a process
    can be empty. A row that is longer than the budget has a micro-batch of its own.
    """
    order = np.argsort(np.asarray(lengths), kind="stable")
    cuts = _cuts(np.asarray(lengths)[order], budget, processes)
    return [
        [order[start + one : end : processes].tolist() for one in range(processes)] for start, end in pairwise(cuts)
    ]


def _cuts(lengths: NDArray[np.int64], budget: int, processes: int = 1) -> list[int]:
    """Where rising lengths are cut so that the longest of a piece times each process's rows stays in the budget."""
    cuts = [0]
    for place, length in enumerate(lengths):
        rows = -(-(place + 1 - cuts[-1]) // processes)
        if rows > 1 and rows * length > budget:
            cuts.append(place)
    return [*cuts, len(lengths)]


def _even_cuts(lengths: NDArray[np.int64], budget: int) -> list[int]:
    """The cuts of the least budget that makes no more pieces: no piece is a small rest."""
    pieces = len(_cuts(lengths, budget))
    low, high = 1, budget
    while low < high:
        middle = (low + high) // 2
        if len(_cuts(lengths, middle)) > pieces:
            low = middle + 1
        else:
            high = middle
    return _cuts(lengths, low)
