"""How alike titles are, from small signatures of them: MinHash, and an index that finds the near ones."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Signatures = NDArray[np.uint32]

SHINGLE = 5  # bytes
BANDS = 16
ROWS = 6
HASHES = BANDS * ROWS
# Titles hashed at a time: bounds the memory to some tens of megabytes.
_BLOCK_TITLES = 2_000
_SEED = 20_250  # the same for all, so that signatures of different calls can be compared
# Odd numbers that make one number of a band's hashes.
_BAND_FACTORS = np.random.default_rng(_SEED).integers(0, 2**63, ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def signatures(titles: Sequence[str]) -> Signatures:
    """MinHash signatures (n, HASHES) of the titles' sets of 5-byte shingles, in lower case, runs of spaces as one.

    The share of places in which two signatures agree estimates the Jaccard similarity of the two sets, with a
    standard error of sqrt(J (1 - J) / 96), 0.05 at most. Titles shorter than a shingle are one shingle. Source:
    Broder, "On the resemblance and containment of documents" (1997); hashes by multiply-shift: Dietzfelbinger et
    al., "A reliable randomized algorithm for the closest-pair problem" (1997).
    """
    found = np.empty((len(titles), HASHES), dtype=np.uint32)
    for start in range(0, len(titles), _BLOCK_TITLES):
        block = titles[start : start + _BLOCK_TITLES]
        found[start : start + len(block)] = _signatures([_plain(title) for title in block])
    return found


def _plain(title: str) -> bytes:
    return " ".join(title.lower().split()).encode().ljust(SHINGLE)


def _signatures(texts: Sequence[bytes]) -> Signatures:
    shingles, starts = shingles_of(texts)
    random = np.random.default_rng(_SEED)
    factors = random.integers(0, 2**63, HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    terms = random.integers(0, 2**64, HASHES, dtype=np.uint64)
    found = np.empty((len(texts), HASHES), dtype=np.uint32)
    for number in range(HASHES):
        hashed = ((shingles * factors[number] + terms[number]) >> np.uint64(32)).astype(np.uint32)
        found[:, number] = np.minimum.reduceat(hashed, starts)
    return found


def shingles_of(texts: Sequence[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes of all texts' shingles, one text after another, and where each text's begin; none shorter than 5 bytes."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    everything = np.frombuffer(b"".join(texts), dtype=np.uint8).astype(np.uint64)
    packed = np.zeros(max(0, len(everything) - SHINGLE + 1), dtype=np.uint64)
    for place in range(SHINGLE):
        packed |= everything[place : len(packed) + place] << np.uint64(8 * place)
    first = np.cumsum(lengths) - lengths
    last = np.repeat(first + lengths - SHINGLE, lengths)[: len(packed)]
    whole = np.arange(len(packed)) <= last  # the others reach into the next text
    counts = lengths - SHINGLE + 1
    return _mixed(packed[whole]), np.cumsum(counts) - counts


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits, as splitmix64 ends: neighbouring shingles get unrelated numbers."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed


class NearDuplicates:
    """Which of the titles put in before are nearly a given one: locality-sensitive hashing of the signatures.

    Titles that share one of 16 bands of 6 hashes are compared by their whole signatures: two of similarity 0.9 do with
    a chance of 0.99999, of 0.8 with one of 0.992, of 0.5 with one of 0.22 and of 0.3 with one of 0.012. Source: Indyk
    and Motwani, "Approximate nearest neighbors" (1998); Leskovec, Rajaraman and Ullman, "Mining of massive datasets",
    chapter 3.
    """

    def __init__(self, threshold: float) -> None:
        self._least = threshold * HASHES
        self._known = np.empty((64, HASHES), dtype=np.uint32)
        self._count = 0
        self._buckets: dict[tuple[int, int], list[int]] = defaultdict(list)

    def has(self, signature: Signatures) -> bool:
        """Whether a title that was put in is estimated to be at least as similar as the threshold."""
        near: set[int] = set()
        for key in _bands(signature):
            if key in self._buckets:
                near.update(self._buckets[key])
        if not near:
            return False
        equal = np.count_nonzero(self._known[list(near)] == signature, axis=1)
        return bool(equal.max() >= self._least - 1e-9)

    def add(self, signature: Signatures) -> None:
        """Put a title in."""
        if self._count == len(self._known):
            self._known = np.concatenate([self._known, np.empty_like(self._known)])
        self._known[self._count] = signature
        for key in _bands(signature):
            self._buckets[key].append(self._count)
        self._count += 1


def _bands(signature: Signatures) -> list[tuple[int, int]]:
    bands = signature.astype(np.uint64).reshape(BANDS, ROWS)
    return list(enumerate((bands * _BAND_FACTORS).sum(axis=1, dtype=np.uint64).tolist()))
