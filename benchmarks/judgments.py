"""Judgments made up by the million: people who differ in how often they go astray in the tree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import LabelLeaf
from labeling.guidelines.walk import Path, whole_paths
from modeling.labels.judged import Judged, Repeats, Slice

LABELS = ("E", "S", "C", "I")
GAINS = (1.0, 0.1, 0.01, 0.0)

# The slices, as so many values that hang on a query, on a pair, or on the judgment itself: 80 together.
OF_QUERY = {"locale": 3, "query length": 5}
OF_PAIR = {"category": 25, "brand": 30, "price": 15}
OF_JUDGMENT = {"stream": 2}

_VERSIONS = 3
_MONTHS = 12
_FIRST_MONTH = 12 * 2024


@dataclass(frozen=True)
class Made:
    """Judgments with all that a report of them takes. `truth` (n,) is the label of each judgment's pair."""

    judged: Judged
    walks: tuple[Path, ...]
    slices: dict[str, Slice]
    repeats: Repeats
    lately: NDArray[np.bool_]
    truth: NDArray[np.intp]


def make_judgments(judgments: int, queries: int, people: int, seed: int) -> Made:
    """Make judgments, two and three a pair by turns, in no order; one in fifty is repeated by its person.

    A pair has one true walk. Each person takes it as often as they are good, seven times in ten to nearly always,
    and any walk otherwise. Versions and months follow one another.
    """
    random = np.random.default_rng(seed)
    walks, labels = _walks()
    pairs = -(-judgments * 2 // 5)
    size = 2 + np.arange(pairs) % 2
    pair = np.repeat(np.arange(pairs), size)[:judgments]
    # The people of a pair are at equal steps from one another, so nobody judges it twice.
    turn = np.arange(judgments) - np.repeat(np.cumsum(size) - size, size)[:judgments]
    step = random.integers(1, max(2, people // 3), pairs)
    person = (random.integers(0, people, pairs)[pair] + turn * step[pair]) % people
    query = random.integers(0, queries, pairs)[pair]
    true_walk = random.integers(0, len(walks), pairs)[pair]
    astray = random.random(judgments) >= random.uniform(0.7, 0.98, people)[person]
    walk = np.where(astray, random.integers(0, len(walks), judgments), true_walk)
    when = np.arange(judgments) / judgments

    order = random.permutation(judgments)
    columns = (pair, query, person, labels[walk], walk, 1 + when * _VERSIONS // 1, _FIRST_MONTH + when * _MONTHS // 1)
    judged = Judged(*(column[order].astype(np.int64) for column in columns))
    again = slice(judgments // 50)
    second = np.where(random.random(judgments)[again] < 0.9, judged.walk[again], 0)
    return Made(
        judged=judged,
        walks=walks,
        slices=_slices(random, judged, queries, pairs),
        repeats=Repeats(
            person=judged.person[again],
            query=judged.query[again],
            first=judged.label[again],
            second=labels[second],
            first_walk=judged.walk[again],
            second_walk=second,
        ),
        lately=judged.month >= _FIRST_MONTH + _MONTHS - 3,
        truth=labels[true_walk][order],
    )


def _walks() -> tuple[tuple[Path, ...], NDArray[np.intp]]:
    """The walks through the ESCI tree that end in a label, and these labels."""
    guideline = parse_guideline(default_source(), LABELS)
    found = [(path, LABELS.index(leaf.label)) for path, leaf in whole_paths(guideline) if isinstance(leaf, LabelLeaf)]
    return tuple(path for path, _label in found), np.array([label for _path, label in found], dtype=np.intp)


def _slices(random: np.random.Generator, judged: Judged, queries: int, pairs: int) -> dict[str, Slice]:
    slices = {}
    for group, units, index in (
        (OF_QUERY, queries, judged.query),
        (OF_PAIR, pairs, judged.pair),
        (OF_JUDGMENT, len(judged), np.arange(len(judged))),
    ):
        for name, values in group.items():
            slices[name] = Slice(random.integers(0, values, units)[index], tuple(f"{name} {n}" for n in range(values)))
    return slices
