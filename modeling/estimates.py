"""A number with its interval and what it rests on."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
NAN = float("nan")

# Weights of a block of bootstrap draws stay below this many numbers (64 MB as float64).
_BLOCK_NUMBERS = 8_000_000


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; any of the three may be nan where the data cannot tell."""

    value: float
    low: float
    high: float
    n: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain JSON: nan becomes None."""
        return {
            "value": none_if_nan(self.value),
            "low": none_if_nan(self.low),
            "high": none_if_nan(self.high),
            "n": self.n,
        }


def none_if_nan(value: float) -> float | None:
    """The value as JSON can hold it: nan becomes None."""
    return None if math.isnan(value) else float(value)


def wilson_interval(successes: float, n: int, level: float = 0.95) -> Estimate:
    """A share with Wilson's score interval, which stays honest near 0 and 1 and for small n.

    All of value, low and high are nan for n = 0. ValueError unless 0 <= successes <= n and 0 < level < 1.
    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must lie between 0 and n = {n}, got {successes}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if n == 0:
        return Estimate(NAN, NAN, NAN, 0)
    share = successes / n
    z = float(ndtri((1 + level) / 2))
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # The bounds are exactly 0 and 1 at the ends; rounding must not put the value outside of them.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(share, low, high, n)


def bootstrap_clusters(
    statistic: Callable[[Floats], Floats],
    tables: ArrayLike,
    *,
    draws: int = 500,
    seed: int,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of a statistic of summed tables, resampling whole clusters.

    Pairs of one query rise and fall together, so queries are drawn, not pairs. `tables` is (clusters, ...):
    what each cluster adds to a sum. `statistic` maps sums (draws, ...) to values (draws,); draws where it is
    nan are left out. The result is (nan, nan) when there are fewer than two clusters or when no two draws
    differ: then the data show nothing of the spread.
    Source: Field and Welsh, "Bootstrapping clustered data", JRSS B 69 (2007).
    """
    stacked = np.asarray(tables, dtype=np.float64)
    clusters = len(stacked)
    if clusters < 2:
        return NAN, NAN
    flat = stacked.reshape(clusters, -1)
    random = np.random.default_rng(seed)
    block = max(1, _BLOCK_NUMBERS // clusters)
    values = []
    for start in range(0, draws, block):
        weights = _resampling_weights(random, min(block, draws - start), clusters)
        values.append(statistic((weights @ flat).reshape(-1, *stacked.shape[1:])))
    defined = np.concatenate(values)
    defined = defined[~np.isnan(defined)]
    if len(defined) == 0 or np.ptp(defined) == 0:
        return NAN, NAN
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampling_weights(random: np.random.Generator, draws: int, clusters: int) -> Floats:
    """How often each cluster is drawn: (draws, clusters), each row sums to `clusters`."""
    picks = random.integers(0, clusters, size=(draws, clusters))
    picks += np.arange(draws)[:, None] * clusters
    weights = np.bincount(picks.ravel(), minlength=draws * clusters)
    return weights.reshape(draws, clusters).astype(np.float64)


def sum_by_cluster(rows: ArrayLike, clusters: ArrayLike) -> Floats:
    """Rows (n, ...) added up by cluster (n,): (distinct clusters, ...), in the clusters' sorted order."""
    values = np.asarray(rows, dtype=np.float64)
    names, place = np.unique(np.asarray(clusters), return_inverse=True)
    if len(place) != len(values):
        raise ValueError(f"clusters must name each of the {len(values)} rows, got {len(place)} names")
    sums = np.zeros((len(names), *values.shape[1:]))
    np.add.at(sums, place, values)
    return sums


def clustered_share(
    hits: ArrayLike, totals: ArrayLike, clusters: ArrayLike, *, draws: int = 500, seed: int
) -> Estimate:
    """The share hits / totals over rows that come in clusters, with an interval that knows it.

    `hits`, `totals` and `clusters` are (rows,). The interval is the cluster bootstrap's. Where that has no
    width (all rows hit, none does, or one cluster), it is Wilson's with each cluster as one trial, which is
    wider than the truth rather than narrower. n is the sum of totals; all nan when that is 0.
    """
    tables = sum_by_cluster(np.column_stack([np.asarray(hits), np.asarray(totals)]), clusters)
    tables = tables[tables[:, 1] > 0]
    hit, total = tables.sum(axis=0)
    if total == 0:
        return Estimate(NAN, NAN, NAN, 0)
    low, high = bootstrap_clusters(lambda sums: sums[:, 0] / sums[:, 1], tables, draws=draws, seed=seed)
    value = float(hit / total)
    if math.isnan(low):
        fallback = wilson_interval(value * len(tables), len(tables))
        low, high = fallback.low, fallback.high
    return Estimate(value, low, high, round(total))


def alpha_of_coincidences(agreeing: ArrayLike, totals: ArrayLike) -> Floats:
    """Krippendorff's nominal alpha from the sums of a coincidence matrix.

    `agreeing` (...) is the matrix's trace, `totals` (..., labels) its row sums. The result is (...), nan
    where no judgment can be compared or only one label was ever given: then chance alone explains all.
    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C.
    """
    sums = np.asarray(totals, dtype=np.float64)
    n = sums.sum(axis=-1)
    observed = n - np.asarray(agreeing, dtype=np.float64)
    by_chance = n * n - (sums * sums).sum(axis=-1)
    defined = by_chance > 0
    ratio = np.divide((n - 1) * observed, by_chance, out=np.zeros_like(n), where=defined)
    return np.where(defined, 1.0 - ratio, np.nan)
