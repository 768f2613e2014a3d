"""Judgments as arrays, and which of them can be compared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indexes = NDArray[np.intp]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """Live judgments as parallel arrays (n,), in any order; nobody judges one pair twice.

    `pair`, `query` and `person` are ids; `label` is an index into the labels, `walk` one into the walks;
    `version` is the guideline version's number, `month` 12 * year + month - 1.
    """

    pair: Ids
    query: Ids
    person: Ids
    label: Indexes
    walk: Indexes
    version: Ids
    month: Ids

    def __post_init__(self) -> None:
        shapes = {name: np.shape(getattr(self, name)) for name in self.__dataclass_fields__}
        if any(shape != (len(self.pair),) for shape in shapes.values()):
            raise ValueError(f"judgments must be arrays of one length, got {shapes}")

    def __len__(self) -> int:
        return len(self.pair)

    def of(self, places: Indexes) -> "Judged":
        """Those at the places (m,)."""
        return Judged(**{name: column[places] for name, column in vars(self).items()})

    def joined(self, others: "Judged") -> "Judged":
        """These, and then the others."""
        return Judged(**{name: np.concatenate([column, getattr(others, name)]) for name, column in vars(self).items()})

    def apart(self) -> "Judged":
        """The same, with each version's judgments of a pair as if they were of a pair of their own."""
        versions, code = distinct(self.version)
        _, pair = distinct(self.pair)
        return Judged(**vars(self) | {"pair": pair * len(versions) + code})


@dataclass(frozen=True)
class Slice:
    """What splits judgments: `codes` (n,) index into `values`, -1 where there is no value."""

    codes: Indexes
    values: tuple[str, ...]


@dataclass(frozen=True)
class Repeats:
    """Judgments that repeat an earlier one of the same person, with that one: parallel arrays (repeats,)."""

    person: Ids
    query: Ids
    first: Indexes
    second: Indexes
    first_walk: Indexes
    second_walk: Indexes

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True)
class Comparisons:
    """Every two judgments of one pair.

    `first` and `second` (comparisons,) are indexes of judgments. `size` (n,) is how many judgments the pair of
    each judgment has. A pair with m judgments has m (m - 1) / 2 comparisons.
    """

    first: Indexes
    second: Indexes
    size: Indexes

    @property
    def counted(self) -> Indexes:
        """Indexes of the judgments that have another one to be compared with."""
        return np.flatnonzero(self.size > 1)

    def among(self, keep: NDArray[np.bool_]) -> "Comparisons":
        """Only the comparisons to be kept, with the sizes of what is left of each pair.

        `keep` (comparisons,) must be such that judgments compared with the same one are compared with one another,
        as "both have the same month" is.
        """
        first, second = self.first[keep], self.second[keep]
        return Comparisons(first, second, _sizes(first, second, len(self.size)))


def compare_judgments(judged: Judged) -> Comparisons:
    """Find every two judgments of one pair.

    ValueError where a person judged a pair twice or a pair has two queries. Cost: a sort of the judgments, and
    time and memory that grow with the number of comparisons.
    """
    order = np.argsort(judged.pair)
    pair = judged.pair[order]
    place = np.arange(len(pair))
    firsts, seconds = [], []
    for distance in range(1, len(pair)):
        place = place[: np.searchsorted(place, len(pair) - distance)]
        place = place[pair[place] == pair[place + distance]]
        if not len(place):
            break
        firsts.append(order[place])
        seconds.append(order[place + distance])
    first = np.concatenate(firsts) if firsts else np.zeros(0, dtype=np.intp)
    second = np.concatenate(seconds) if seconds else np.zeros(0, dtype=np.intp)
    _refuse(judged, first[judged.person[first] == judged.person[second]], "two judgments of person", judged.person)
    _refuse(judged, first[judged.query[first] != judged.query[second]], "two queries, one of them", judged.query)
    return Comparisons(first, second, _sizes(first, second, len(pair)))


def distinct(ids: Ids | Indexes) -> tuple[Ids | Indexes, Indexes]:
    """The distinct ids, sorted, and where among them each one is: as numpy.unique, but without a sort if it can.

    Ids that lie close together, as a table's do, are looked up; others are sorted.
    """
    if not len(ids):
        return ids, np.zeros(0, dtype=np.intp)
    lowest = ids.min()
    span = int(ids.max() - lowest) + 1
    if span > 4 * len(ids) + 1_000:
        return np.unique(ids, return_inverse=True)
    there = np.zeros(span, dtype=np.bool_)
    there[ids - lowest] = True
    place = np.cumsum(there) - 1
    return np.flatnonzero(there) + lowest, place[ids - lowest]


def _sizes(first: Indexes, second: Indexes, judgments: int) -> Indexes:
    return 1 + np.bincount(first, minlength=judgments) + np.bincount(second, minlength=judgments)


def _refuse(judged: Judged, wrong: Indexes, what: str, ids: Ids) -> None:
    if len(wrong):
        raise ValueError(f"pair {judged.pair[wrong[0]]} has {what} {ids[wrong[0]]}")
