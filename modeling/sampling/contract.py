"""What every strategy is: a pool in, one score a pair out, the larger the sooner, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.floating[Any]]
Scores = NDArray[np.float32]
# Whole numbers: positions in the pool, or ids of the database.
Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Text(NamedTuple):
    """What a pair says: its query and its product's title."""

    query: str
    title: str


# Pair ids to their texts, in the same order. Asked for a few thousand pairs at a time and never for a whole pool.
Texts = Callable[[Positions], Sequence[Text]]


@dataclass(frozen=True, eq=False)
class Pool:
    """What a batch is drawn from, a row a pair; what is not known is None.

    pair_ids, query_ids: int64 (n,). labels: the scheme's keys in order, k of them, which reasons name, and
    gains: (k,). probabilities: (n, k), the champion's; rival: (n, k), another adapter's, such as the challenger's.
    votes: (n, k), how many people gave each label; a row with none is a new pair, and None means that all are new.
    ambiguity: (n,) in [0, 1], how surely people part on the pair. excluded: (n,), pairs that people could not judge:
    not in the pool at all. random_only: (n,), pairs that only the random part may take: of holdout queries, or not
    scored yet (their probabilities are any). texts: see Texts. asked: ids of labeled pairs whose texts can be had,
    so that what is like them is not typical of what is unknown.
    """

    pair_ids: Positions
    query_ids: Positions
    labels: tuple[str, ...] = ()
    gains: NDArray[np.float64] | None = None
    probabilities: Probabilities | None = None
    rival: Probabilities | None = None
    votes: NDArray[np.integer[Any]] | None = None
    ambiguity: NDArray[np.floating[Any]] | None = None
    excluded: Mask | None = None
    random_only: Mask | None = None
    texts: Texts | None = None
    asked: Positions = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.pair_ids)

    def label(self, number: int) -> str:
        """The key of a label; its number where no keys are given."""
        return self.labels[number] if self.labels else str(number)

    def known_probabilities(self) -> Probabilities:
        """The champion's probabilities; ValueError where there are none or they are none."""
        return _known(self.probabilities, "probabilities")

    def known_rival(self) -> Probabilities:
        """The other adapter's probabilities; ValueError where there are none or they are none."""
        return _known(self.rival, "probabilities of a rival")

    def new(self) -> Mask:
        """The pairs (n,) that a random draw takes from: without votes and not excluded."""
        rows = np.ones(len(self), dtype=np.bool_) if self.excluded is None else ~self.excluded
        return rows if self.votes is None else rows & ~self.votes.any(axis=1)

    def pickable(self) -> Mask:
        """The new pairs (n,) that a strategy may take."""
        return self.new() if self.random_only is None else self.new() & ~self.random_only

    def take(self, rows: Positions) -> "Pool":
        """The pool of these rows alone, in this order."""
        by_row = ("pair_ids", "query_ids", "probabilities", "rival", "votes", "ambiguity", "excluded", "random_only")
        values = {name: getattr(self, name) for name in by_row}
        return replace(self, **{name: value[rows] for name, value in values.items() if value is not None})


@dataclass(frozen=True)
class Reason:
    """Why a pair was chosen: words with %(named)s places, the same for all pairs of a kind, and what goes there."""

    words: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.words % self.values


@dataclass(frozen=True)
class Scored:
    """scores: float32 (n,) in [0, 1]; nan where the strategy never takes the pair. reason: a position to its why."""

    scores: Scores
    reason: Callable[[int], Reason]


@dataclass(frozen=True)
class Strategy:
    """One way to choose pairs.

    `key` is how settings name it, `name` and `sentence` how pages do. `needs` are the fields of the pool that it
    cannot do without. `score` takes a pool and a seeded generator. It keeps no state, changes nothing that it is
    given and, chance aside, scores a pair the same whatever the order of the rows. One that `relabels` scores pairs
    with votes, too; the others never get one.
    """

    key: str
    name: str
    sentence: str
    score: Callable[[Pool, np.random.Generator], Scored]
    needs: tuple[str, ...] = ()
    relabels: bool = False

    def missing(self, pool: Pool) -> tuple[str, ...]:
        """What it needs and the pool has not."""
        return tuple(name for name in self.needs if getattr(pool, name) is None)


def check_probabilities(probabilities: Probabilities, name: str = "probabilities") -> None:
    """ValueError unless the array is (n, labels >= 2) and holds numbers between 0 and 1 only."""
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        raise ValueError(f"{name} must be pairs by labels with two labels or more, got shape {probabilities.shape}")
    # min and max see nan and infinities, too, and need no array of the pool's size.
    if len(probabilities) and not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-6):
        row = int(np.argmin(((probabilities >= 0) & (probabilities <= 1 + 1e-6)).all(axis=1)))
        values = probabilities[row].tolist()
        raise ValueError(f"{name} must lie between 0 and 1, got {values} in row {row}")


def _known(probabilities: Probabilities | None, name: str) -> Probabilities:
    if probabilities is None:
        raise ValueError(f"the pool has no {name}")
    check_probabilities(probabilities, name)
    return probabilities


# Rows at a time: bounds the memory that a strategy takes besides its scores, whatever the pool's size.
BLOCK_ROWS = 500_000


def in_blocks(score: Callable[..., NDArray[np.floating[Any]]], *tables: NDArray[Any]) -> Scores:
    """Apply a function of rows to the tables (n, ...), some rows at a time; (n,)."""
    scores = np.empty(len(tables[0]), dtype=np.float32)
    for start in range(0, len(scores), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        scores[block] = score(*(table[block] for table in tables))
    return scores


def two_likeliest(pool: Pool) -> Callable[[int], Reason]:
    """The reason of strategies that look at how sure the champion is: its two likeliest labels."""
    probabilities = pool.known_probabilities()

    def reason(position: int) -> Reason:
        row = probabilities[position]
        second, first = np.argsort(row, kind="stable")[-2:].tolist()
        values = {"first": pool.label(first), "p": row[first], "second": pool.label(second), "q": row[second]}
        return Reason("%(first)s %(p).2f against %(second)s %(q).2f", values)

    return reason
