"""The pairs that stand for many others: for the cold start, while there is no champion to ask."""

import numpy as np
from numpy.typing import NDArray

from modeling.sampling.contract import Pool, Positions, Reason, Scored, Strategy, Text
from modeling.sampling.minhash import SHINGLE, shingles_of

# Pairs that are looked at: as many of the pool, drawn uniformly. The cost does not grow with the pool.
SAMPLE = 20_000
CLUSTERS = 500
NEIGHBOURS = 20
_FEATURES = 128
_TURNS = 10
_BLOCK_TEXTS = 1_000

Vectors = NDArray[np.float32]


def score(pool: Pool, random: np.random.Generator) -> Scored:
    """The typical pairs of the largest groups first, (n,) in (0, 1]; nan for pairs that were not looked at.

    A sample of 20,000 pairs that can be picked is put into groups of about 40 by k-means on features of the query
    and the title. In each group the most typical pair has the smallest mean distance to its 20 nearest neighbours.
    Then groups take turns: first those with the fewest labeled pairs (`pool.asked`), of these the largest; the second
    turn takes each group's second. Source: Hacohen, Dekel and Weinshall, "Active learning on a budget: opposite
    strategies suit high and low budgets" (ICML 2022), TypiClust; instead of a network's features, here are
    characters' n-grams hashed with signs (Weinberger et al., "Feature hashing", ICML 2009), so that neither a model
    nor torch is needed.
    """
    if pool.texts is None:
        raise ValueError("the pool has no texts")
    rows = _sample(pool, random)
    scores = np.full(len(pool), np.nan, dtype=np.float32)
    if not len(rows):
        return Scored(scores, lambda _: Reason("not looked at"))
    asked = np.sort(pool.asked)
    if len(asked) > SAMPLE:
        asked = random.choice(asked, SAMPLE, replace=False)
    texts = [*pool.texts(pool.pair_ids[rows]), *(pool.texts(asked) if len(asked) else ())]
    vectors = features(texts)
    clusters = min(CLUSTERS, max(1, len(rows) // (2 * NEIGHBOURS)))
    groups = _group(vectors, clusters, random)
    labeled = np.bincount(groups[len(rows) :], minlength=clusters)
    own = groups[: len(rows)]
    sizes = np.bincount(own, minlength=clusters)
    places = _places(vectors[: len(rows)], own, clusters)
    turns = np.lexsort([np.arange(len(rows)), own, -sizes[own], places + labeled[own]])
    scores[rows[turns]] = 1 - np.arange(len(rows)) / len(rows)
    unlike = dict(zip(rows.tolist(), own.tolist(), strict=True))

    def reason(position: int) -> Reason:
        group = unlike[position]
        words = "typical: of %(sampled)d pairs looked at, %(size)d are like it, and people have judged %(labeled)d such"
        return Reason(words, {"sampled": len(rows), "size": int(sizes[group]), "labeled": int(labeled[group])})

    return Scored(scores, reason)


def _sample(pool: Pool, random: np.random.Generator) -> Positions:
    """Positions of up to SAMPLE pairs that the strategy may take, in the order of the pool."""
    rows = np.flatnonzero(pool.pickable()).astype(np.int64)
    return rows if len(rows) <= SAMPLE else np.sort(random.choice(rows, SAMPLE, replace=False))


def features(texts: list[Text]) -> Vectors:
    """Unit vectors (n, 128): the characters' n-grams of query and title, each hashed to one place with a sign."""
    vectors = np.empty((len(texts), _FEATURES), dtype=np.float32)
    for start in range(0, len(texts), _BLOCK_TEXTS):
        block = texts[start : start + _BLOCK_TEXTS]
        vectors[start : start + len(block)] = sum(
            _hashed([" ".join(text[side].lower().split()).encode().ljust(SHINGLE) for text in block]) for side in (0, 1)
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _hashed(texts: list[bytes]) -> Vectors:
    """Unit vectors (n, 128) of one side's texts, so that a long title does not drown its query."""
    hashes, starts = shingles_of(texts)
    owner = np.repeat(np.arange(len(texts)), np.diff(np.append(starts, len(hashes))))
    places = (hashes % np.uint64(_FEATURES)).astype(np.int64)
    signs = np.where(hashes >> np.uint64(63), -1.0, 1.0)
    flat = np.bincount(owner * _FEATURES + places, weights=signs, minlength=len(texts) * _FEATURES)
    vectors = flat.reshape(len(texts), _FEATURES)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _group(vectors: Vectors, clusters: int, random: np.random.Generator) -> Positions:
    """The group of each vector (n,), by ten turns of k-means on the sphere from vectors drawn at the start."""
    centres = vectors[np.sort(random.choice(len(vectors), clusters, replace=False))]
    groups = np.zeros(len(vectors), dtype=np.int64)
    for _ in range(_TURNS):
        for start in range(0, len(vectors), _BLOCK_TEXTS):
            block = slice(start, start + _BLOCK_TEXTS)
            groups[block] = (vectors[block] @ centres.T).argmax(axis=1)
        order = np.argsort(groups, kind="stable")
        present, starts = np.unique(groups[order], return_index=True)
        sums = np.add.reduceat(vectors[order], starts, axis=0)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres[present] = sums / np.where(lengths > 0, lengths, 1)
    return groups


def _places(vectors: Vectors, groups: Positions, clusters: int) -> Positions:
    """Each pair's place in its group, (n,): 0 for the most typical one."""
    places = np.zeros(len(vectors), dtype=np.int64)
    for group in range(clusters):
        members = np.flatnonzero(groups == group)
        if len(members):
            order = np.argsort(_mean_distance(vectors[members]), kind="stable")
            places[members[order]] = np.arange(len(members))
    return places


def _mean_distance(vectors: Vectors) -> Vectors:
    """Mean distance (n,) to the nearest neighbours, 20 or as many as there are."""
    neighbours = min(NEIGHBOURS, len(vectors) - 1)
    if neighbours == 0:
        return np.zeros(len(vectors), dtype=np.float32)
    means = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK_TEXTS):
        near = vectors[start : start + _BLOCK_TEXTS] @ vectors.T
        # The nearest one is the pair itself, at distance 0.
        nearest = -np.partition(-near, neighbours, axis=1)[:, : neighbours + 1]
        distance = np.sqrt(np.clip(2 - 2 * nearest, 0, None))
        means[start : start + _BLOCK_TEXTS] = distance.sum(axis=1) / neighbours
    return means


STRATEGY = Strategy(
    key="typical",
    name="Typical first",
    sentence="Pairs that stand for many others and are unlike what is labeled; needs no judge, so it is for the start.",
    score=score,
    needs=("texts",),
)
