"""What the rules still admit into a batch, pair by pair."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from modeling.sampling.contract import Pool, Positions, Scores
from modeling.sampling.minhash import NearDuplicates, Signatures, signatures
from modeling.sampling.ranking import best_first
from modeling.sampling.rules import Rules

# As many candidates are sorted and read at first as this times what is wanted.
_AHEAD = 2


class Admission:
    """Keeps what is in the batch already: each pair once, few per query, and no two of nearly the same title.

    Titles are asked for and hashed some thousand at a time, of candidates only.
    """

    def __init__(self, pool: Pool, rules: Rules, drawn: Positions) -> None:
        self._pool = pool
        self._limit = rules.max_per_query
        self._taken = set(drawn.tolist())
        self._of_query = Counter(pool.query_ids[drawn].tolist())
        self._signatures: dict[int, Signatures] = {}
        self._near = None
        if rules.near_duplicates is not None and pool.texts is not None:
            self._near = NearDuplicates(rules.near_duplicates)
            self.read(drawn)
            for position in drawn.tolist():
                self._near.add(self._signatures[position])

    def read(self, positions: Positions) -> None:
        """Read the titles of these pairs, before they are asked about."""
        if self._near is None or self._pool.texts is None:
            return
        unread = np.array([one for one in positions.tolist() if one not in self._signatures], dtype=np.int64)
        if len(unread):
            texts = self._pool.texts(self._pool.pair_ids[unread])
            self._signatures.update(zip(unread.tolist(), signatures([text.title for text in texts]), strict=True))

    def admit(self, position: int) -> bool:
        """Take the pair in, if the rules admit it."""
        query = int(self._pool.query_ids[position])
        if position in self._taken or self._of_query[query] >= self._limit:
            return False
        if self._near is not None:
            if self._near.has(self._signatures[position]):
                return False
            self._near.add(self._signatures[position])
        self._taken.add(position)
        self._of_query[query] += 1
        return True


class Walk:
    """Pairs by their scores (n,), best first; only the top is ever sorted and read."""

    def __init__(self, scores: Scores, wanted: float, admission: Admission, random: np.random.Generator) -> None:
        self._blocks = best_first(scores, int(_AHEAD * wanted) + 1, random)
        self._block: Iterator[int] = iter(())
        self._admission = admission

    def next(self) -> int | None:
        """Take the best pair that is admitted; None when there is none."""
        while True:
            for position in self._block:
                if self._admission.admit(position):
                    return position
            block = next(self._blocks, None)
            if block is None:
                return None
            self._admission.read(block)
            self._block = iter(block.tolist())
