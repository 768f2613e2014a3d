"""What people say of generated pairs: two judge each, a third settles a tie, as the default project has it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import LabelLeaf
from labeling.guidelines.walk import parse_path, walk
from simulation.annotators import Habits, answer_path, careful_to_hasty
from simulation.pairs import SHARES

LABELS = tuple(SHARES)
PEOPLE = 6
HARD_RATE = 0.4
# The questions that part a hard pair's label from the labels beside it.
BOUNDARIES = {"accept": ("conflict", "accept"), "together": ("job", "together")}


def is_hard(path: str) -> bool:
    """Whether a true path ends at a boundary of the tree, where one answer turns a label people argue about.

    That is where something contradicts the query and a shopper has to put up with it or not (S or I), and where a
    product is used together with what was asked for (C). It is known from the generator and no model is asked.
    """
    return _last_question(path) == "accept" or path.endswith("together:yes")


@dataclass(frozen=True)
class Said:
    """What people said of pairs: `votes` (n, labels) counts judgments, `labels` (n,) is the majority's."""

    votes: NDArray[np.int64]
    labels: NDArray[np.int64]


class Panel:
    """Six people, from careful to hasty, who say of a pair the same whoever draws it and whenever.

    `paths` are the true paths of all pairs. Where `noisy`, each hard pair lies at one boundary, and everybody errs
    there on 40 % of them; on the others they err as usual.
    """

    def __init__(self, paths: Sequence[str], seed: int, *, noisy: bool) -> None:
        self.guideline = parse_guideline(default_source(), LABELS)
        self.paths = paths
        self.seed = seed
        self.noisy = noisy
        self.habits = careful_to_hasty(PEOPLE)
        self.truths = {path: parse_path(path) for path in set(paths)}
        self.known: dict[int, tuple[list[int], int]] = {}

    def judge(self, pairs: NDArray[np.int64]) -> Said:
        """What they say of these pairs, as positions in the paths; asked again, they say it again."""
        for pair in pairs.tolist():
            if pair not in self.known:
                self.known[pair] = self._judge(pair)
        found = [self.known[pair] for pair in pairs.tolist()]
        votes = np.array([one[0] for one in found], dtype=np.int64).reshape(-1, len(LABELS))
        return Said(votes, np.array([one[1] for one in found], dtype=np.int64))

    def _judge(self, pair: int) -> tuple[list[int], int]:
        rng = random.Random(f"{self.seed} {pair}")
        path = self.paths[pair]
        people = rng.sample(self.habits, 3)
        if self.noisy and is_hard(path):
            rate = {rng.choice(BOUNDARIES[_last_question(path)]): HARD_RATE}
            people = [Habits({**habits.error_rates, **rate}) for habits in people]
        given = [self._label(rng, path, habits) for habits in people]
        given = given[:2] if given[0] == given[1] else given
        votes = [given.count(label) for label in range(len(LABELS))]
        leading = [label for label, count in enumerate(votes) if count == max(votes)]
        return votes, rng.choice(leading)

    def _label(self, rng: random.Random, path: str, habits: Habits) -> int:
        """One person's label; who gives the pair up leaves it to somebody like them."""
        while True:
            leaf = walk(self.guideline, answer_path(rng, self.guideline, self.truths[path], habits))
            if isinstance(leaf, LabelLeaf):
                return LABELS.index(leaf.label)


def _last_question(path: str) -> str:
    return path.split(",")[-1].partition(":")[0]
