"""Pools that hold everything a strategy may ask for."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.sampling.contract import Pool, Positions, Text

Array = NDArray[Any]
KINDS = ("kettle", "running shoes", "desk lamp", "water bottle", "phone case", "garden hose", "cutting board")


def simplex(n: int, labels: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).dirichlet(np.ones(labels), n).astype(np.float32)


def texts_of(pair_ids: Positions) -> Sequence[Text]:
    """Texts that follow from the id: seven kinds, each with twenty products that differ in most of their title."""
    return [Text(KINDS[one % 7], f"{KINDS[one % 7]} {_words(one % 140)}") for one in pair_ids.tolist()]


def _words(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()[:24]


def make_pool(n: int, labels: int = 4, queries: int = 10, seed: int = 0, **changes: Any) -> Pool:
    """A pool with everything, some pairs labeled, excluded, ambiguous or for the random part only."""
    random = np.random.default_rng([seed, n])
    votes = np.zeros((n, labels), dtype=np.int8)
    judged = random.random(n) < 0.2
    votes[judged, random.integers(0, labels, judged.sum())] = 1
    fields: dict[str, Any] = {
        "pair_ids": np.sort(random.choice(10 * n + 1, n, replace=False)).astype(np.int64),
        "query_ids": random.integers(0, queries, n),
        "labels": tuple("ESCIABDFGH"[:labels]),
        "gains": np.linspace(1, 0, labels),
        "probabilities": simplex(n, labels, seed),
        "rival": simplex(n, labels, seed + 1),
        "votes": votes,
        "ambiguity": random.random(n).astype(np.float32) * (random.random(n) < 0.3),
        "excluded": random.random(n) < 0.1,
        "random_only": random.random(n) < 0.1,
        "texts": texts_of,
    }
    return Pool(**(fields | changes))


def plain_pool(n: int, queries: int, seed: int = 0, **changes: Any) -> Pool:
    """A pool with ids, queries and probabilities alone."""
    random = np.random.default_rng(seed)
    fields: dict[str, Any] = {
        "pair_ids": np.arange(n) * 3 + 100,
        "query_ids": random.integers(0, queries, n),
        "probabilities": random.dirichlet(np.ones(4), n).astype(np.float32),
    }
    return Pool(**(fields | changes))
