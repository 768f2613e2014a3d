"""What a whole pool holds, from the pairs that were drawn at random from it round by round."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from modeling.estimates import NAN, Estimate, Floats, clustered_share, sum_by_cluster

LEVEL = 0.95
_NOTHING = 1e-12  # a variance that only rounding has made


@dataclass(frozen=True)
class Draw:
    """The labeled part of what one round drew at random, and what was known when it was drawn.

    `pool` is how many pairs it was drawn from. `values` (m, d) are what is averaged, each between 0 and 1, such as
    labels as columns of 0 and 1; `chances` (m,) the probability of each pair to be drawn, `clusters` (m,) the pairs'
    queries. `known` (d,) is the sum of the values of the `known_count` pairs that had left the pool for their labels
    before, however they had been chosen; 0 where those are not part of what is asked. `predicted` (m, d) is what an
    adapter that had not seen these labels said of the values, `predicted_mean` (d,) its mean over the whole pool;
    both None where there was none.
    """

    pool: int
    values: Floats
    chances: Floats
    clusters: NDArray[np.int64]
    known: Floats
    known_count: int = 0
    predicted: Floats | None = None
    predicted_mean: Floats | None = None

    def __post_init__(self) -> None:
        """ValueError for shapes that do not fit, chances that are none, or more pairs than the pool has."""
        m, d = self.values.shape if self.values.ndim == 2 else (-1, -1)
        if m < 0 or self.chances.shape != (m,) or self.clusters.shape != (m,) or self.known.shape != (d,):
            raise ValueError(
                "values (m, d), chances (m,), clusters (m,) and known (d,) must fit, got "
                f"{self.values.shape}, {self.chances.shape}, {self.clusters.shape} and {self.known.shape}"
            )
        if m > self.pool:
            raise ValueError(f"{m} pairs cannot have been drawn from a pool of {self.pool}")
        if m and not (self.chances.min() > 0 and self.chances.max() <= 1):
            raise ValueError(f"chances must be above 0 and at most 1, got {self.chances.min()}, {self.chances.max()}")
        if (self.predicted is None) != (self.predicted_mean is None):
            raise ValueError("predicted and predicted_mean belong together")
        if self.predicted is not None and self.predicted.shape != (m, d):
            raise ValueError(f"predicted must be {(m, d)}, got {self.predicted.shape}")

    @property
    def left(self) -> float:
        """The share of the pairs asked about that were still in the pool."""
        return self.pool / (self.pool + self.known_count)


@dataclass(frozen=True)
class _Sureness:
    """What intervals rest on: queries seen, degrees of freedom, the share that was not known, and if all was seen."""

    queries: int
    freedom: int
    left: float
    census: bool


def estimate_pool(draws: Sequence[Draw], *, level: float = LEVEL) -> tuple[Estimate, ...]:
    """The mean of each value over the pool, without bias from what was picked, with an interval: (d,).

    Each round's draw says alone what the whole pool holds: what had been labeled before is known, and the random
    part stands for what was left, each pair weighing one over its chance (Hájek's mean). Given the rounds before it,
    that is without bias, however the pairs of an active part were chosen then; so the rounds' estimates err without
    correlation and are averaged, each by its number of pairs and the share of the pool that it stands for. The
    variance within a round is of whole queries, with the finite population's correction. The interval is Wilson's
    with the sample size that would give this variance, which stays honest for rare labels.

    Rests on: the random part is a simple random sample of pairs or of whole queries; the part of it that has labels
    is one of it, too (the queue is shuffled); pairs without a label that people settle are like the others; nothing
    was added to the pool between the rounds. All nan without labels, the interval with those of one query.
    Sources: Des Raj, "Some Estimators in Sampling with Varying Probabilities without Replacement", JASA 51 (1956);
    Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data", Survey Methodology 24 (1998).
    """
    return _combined(_with_labels(draws), 0.0, level)


def sharpen_pool(draws: Sequence[Draw], *, level: float = LEVEL) -> tuple[Estimate, ...]:
    """As estimate_pool, with each draw corrected by how far predictions on it lie from those on the whole pool.

    The correction is weighted by one lambda for all values and rounds, 0 to 1, that makes the variance least: good
    predictions narrow the interval, useless ones change nothing. Without bias whatever the predictions are, as long
    as the adapter had not seen the labels of the draw. A draw without predictions counts as it is.
    Sources: Angelopoulos et al., "Prediction-powered inference", Science 382 (2023); Angelopoulos, Duchi and Zrnic,
    "PPI++: Efficient Prediction-Powered Inference" (2023).
    """
    labeled = _with_labels(draws)
    return _combined(labeled, _tuned(labeled), level)


def predicted_means(probabilities: ArrayLike) -> dict[str, Any]:
    """What a judge says of a pool (n, labels) in the mean, as plain JSON: what draws from it are sharpened with.

    `probabilities` of each label; `alike`: the chance that two draws from a pair's probabilities are one label;
    `confidence` of the likeliest label, of the `scored` pairs: those whose row is not all 0. Empty without pairs.
    """
    table = np.asarray(probabilities)
    if not len(table):
        return {}
    best = table.max(axis=1)
    scored = int((best > 0).sum())
    return {
        "probabilities": table.mean(axis=0, dtype=np.float64).tolist(),
        "alike": float(np.einsum("ij,ij->i", table, table).mean(dtype=np.float64)),
        "confidence": float(best.sum(dtype=np.float64) / scored) if scored else None,
        "scored": scored,
    }


def naive_shares(values: ArrayLike, clusters: ArrayLike, *, draws: int = 500, seed: int = 0) -> tuple[Estimate, ...]:
    """The mean of each value (n, d) over all labels there are, as if they had all been drawn at random.

    What was picked is in it, so that it says little of the pool; it is there to stand beside the others.
    """
    table = np.asarray(values, dtype=np.float64)
    ones = np.ones(len(table))
    return tuple(clustered_share(column, ones, clusters, draws=draws, seed=seed) for column in table.T)


def _with_labels(draws: Sequence[Draw]) -> list[Draw]:
    if not draws:
        raise ValueError("there must be a draw to estimate from")
    if len({draw.values.shape[1] for draw in draws}) > 1:
        raise ValueError(f"draws must have the same values, got {[draw.values.shape[1] for draw in draws]}")
    return [draw for draw in draws if len(draw.values)] or list(draws[:1])


def _combined(draws: Sequence[Draw], tuning: float, level: float) -> tuple[Estimate, ...]:
    d: int = draws[0].values.shape[1]
    n = sum(len(draw.values) for draw in draws)
    if n == 0:
        return (Estimate(NAN, NAN, NAN, 0),) * d
    weights = _round_weights(draws)
    mean, variance, queries = np.zeros(d), np.zeros(d), 0
    for draw, weight in zip(draws, weights.tolist(), strict=True):
        corrected = draw.predicted is not None and tuning > 0
        part, spread, count = _of_one(draw, tuning if corrected else 0.0)
        whole = draw.pool + draw.known_count
        mean += weight * (draw.known + draw.pool * part) / whole
        variance += (weight * draw.left) ** 2 * spread
        queries += count
    sure = _Sureness(
        queries=queries,
        freedom=queries - len(draws) - (tuning > 0),
        left=float(weights @ np.array([draw.left for draw in draws])),
        census=all(len(draw.values) == draw.pool for draw in draws),
    )
    return tuple(
        _interval(float(np.clip(value, 0, 1)), float(spread), n, sure, level)
        for value, spread in zip(mean, variance, strict=True)
    )


def _round_weights(draws: Sequence[Draw]) -> Floats:
    """How much each draw counts, adding up to 1: one over its variance, were all pools alike. Known before its labels.

    A draw of the whole of what was left leaves no doubt, and counts as if a single pair had been left out.
    """
    sizes = np.array([len(draw.values) for draw in draws], dtype=np.float64)
    left = np.array([draw.left for draw in draws])
    missing = np.array([max(draw.pool - len(draw.values), 1) / draw.pool for draw in draws])
    exactness = sizes / (left**2 * missing)
    weights: Floats = exactness / exactness.sum()
    return weights


def _of_one(draw: Draw, tuning: float) -> tuple[Floats, Floats, int]:
    """Mean (d,) of what was left in the pool by one draw, its variance (d,), and the number of queries."""
    errors = draw.values if tuning == 0 else draw.values - tuning * _predicted(draw)
    shares = _shares(draw)
    mean = shares @ errors
    sums = sum_by_cluster(shares[:, None] * (errors - mean), draw.clusters)
    queries = len(sums)
    free = queries - 1 - (tuning > 0)
    spread = (sums**2).sum(axis=0) * (queries / free if free > 0 else np.nan)
    if draw.predicted_mean is not None and tuning > 0:
        mean = mean + tuning * draw.predicted_mean
    return mean, spread * (1 - len(errors) / draw.pool), queries


def _shares(draw: Draw) -> Floats:
    """What each pair of the draw counts, (m,), adding up to 1: one over its chance."""
    inverse = 1 / draw.chances
    shares: Floats = inverse / inverse.sum()
    return shares


def _predicted(draw: Draw) -> Floats:
    return np.zeros_like(draw.values) if draw.predicted is None else draw.predicted


def _tuned(draws: Sequence[Draw]) -> float:
    """The lambda with the least variance over all values: how labels go with predictions, query by query."""
    together, alone = 0.0, 0.0
    draws = [draw for draw in draws if len(draw.values)]
    for draw, weight in zip(draws, _round_weights(draws).tolist(), strict=True):
        if draw.predicted is None:
            continue
        shares = _shares(draw)
        said, seen = draw.predicted - shares @ draw.predicted, draw.values - shares @ draw.values
        sums = sum_by_cluster(shares[:, None, None] * np.stack([said, seen], axis=1), draw.clusters)
        scale = (weight * draw.left) ** 2 * (1 - len(draw.values) / draw.pool)
        together += scale * float((sums[:, 0] * sums[:, 1]).sum())
        alone += scale * float((sums[:, 0] ** 2).sum())
    return min(1.0, max(0.0, together / alone)) if alone > 0 else 0.0


def _interval(value: float, variance: float, n: int, sure: _Sureness, level: float) -> Estimate:
    """Wilson's interval with the sample size that gives this variance.

    Where all that was seen is alike, there is no variance to see: then what is left of the pool may differ as much as
    Wilson lets it for none of so many queries.
    """
    if sure.census:
        return Estimate(value, value, value, n)
    if sure.freedom < 1 or math.isnan(variance):
        return Estimate(value, NAN, NAN, n)
    z = float(stdtrit(sure.freedom, (1 + level) / 2))
    binary = value * (1 - value)
    if variance < _NOTHING:
        half = sure.left * z * z / (sure.queries + z * z)
        return Estimate(value, max(0.0, value - half), min(1.0, value + half), n)
    size = binary / variance
    scale = 1 + z * z / size
    centre = (value + z * z / (2 * size)) / scale
    half = z / scale * math.sqrt(binary / size + z * z / (4 * size * size))
    return Estimate(value, max(0.0, centre - half), min(1.0, centre + half), n)
