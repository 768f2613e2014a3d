"""What more labels are likely to buy: error as a power law of how many labels a judge learned from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from modeling.estimates import Estimate, Floats, bootstrap_clusters

LEAST = 3  # judges with different numbers of labels, fewer show no curve


@dataclass(frozen=True)
class Forecast:
    """The fitted curve `error = scale * labels ** -exponent`, and what it says of `labels` more than there are.

    `accuracy` is the expected accuracy with so many labels, `gain` how much that is above the curve's accuracy
    with the labels of today: both with an interval.
    """

    scale: float
    exponent: float
    labels: int
    accuracy: Estimate
    gain: Estimate

    def accuracy_with(self, labels: float) -> float:
        """The curve's accuracy at a number of labels."""
        return float(1 - self.scale * labels**-self.exponent)


def can_forecast(labels: ArrayLike, more: int) -> bool:
    """Whether the judges' numbers of labels carry a forecast for so many more.

    They do where at least LEAST numbers differ and the forecast reaches no further beyond the last of them than
    the first lies before it, both as ratios.
    """
    seen = np.unique(np.asarray(labels, dtype=np.float64))
    if len(seen) < LEAST or seen[0] < 1:
        return False
    return bool((seen[-1] + more) / seen[-1] <= seen[-1] / seen[0])


def forecast(labels: ArrayLike, tables: ArrayLike, more: int, *, draws: int = 500, seed: int) -> Forecast:
    """Fit the curve to judges that were measured on the same queries, and read it at `more` labels.

    `labels` is (judges,): how many each learned from. `tables` is (queries, judges, 2): of how many pairs of a
    query each judge is right, and how many it was measured on. The logarithm of the error is fitted by weighted
    least squares, each judge by how exactly its error is known. The intervals come from drawing whole queries,
    the same for all judges, so that a query which is hard for every judge widens nothing. They say what the
    holdout leaves open; that another training on the same labels would come out a little differently is not in
    them. ValueError for shapes that do not fit, or where can_forecast says no.
    Source of the law: Hestness et al., "Deep Learning Scaling is Predictable, Empirically" (2017).
    """
    seen = np.asarray(labels, dtype=np.float64)
    counts = np.asarray(tables, dtype=np.float64)
    if counts.ndim != 3 or counts.shape[1:] != (len(seen), 2):
        raise ValueError(f"tables must be (queries, {len(seen)}, 2), got {counts.shape}")
    if not can_forecast(seen, more):
        raise ValueError(f"judges with {sorted(seen.tolist())} labels carry no forecast for {more} more")
    now, then = float(seen.max()), float(seen.max()) + more
    weights = law_weights(counts[..., 0].sum(axis=0), counts[..., 1].sum(axis=0))

    def gain(sums: Floats) -> Floats:
        scale, exponent = fit_law(seen, _errors(sums), weights)
        return scale * now**-exponent - scale * then**-exponent

    def accuracy(sums: Floats) -> Floats:
        scale, exponent = fit_law(seen, _errors(sums), weights)
        return 1 - scale * then**-exponent

    whole = counts.sum(axis=0)[None]
    n = round(float(whole[0, :, 1].max()))

    def estimate(statistic: Callable[[Floats], Floats]) -> Estimate:
        low, high = bootstrap_clusters(statistic, counts, draws=draws, seed=seed)
        return Estimate(float(statistic(whole)[0]), low, high, n)

    scale, exponent = (float(value[0]) for value in fit_law(seen, _errors(whole), weights))
    return Forecast(scale, exponent, round(then), estimate(accuracy), estimate(gain))


def _errors(sums: Floats) -> Floats:
    """The share of wrong labels of sums (..., judges, 2), a little away from 0 so that it has a logarithm."""
    right, total = sums[..., 0], sums[..., 1]
    return (total - right + 0.5) / (total + 1)


def law_weights(right: Floats, total: Floats) -> Floats:
    """One over the variance of each judge's log error, up to a factor, from how often it is right: (judges,)."""
    error = _errors(np.stack([right, total], axis=-1))
    return total * error / (1 - error)


def fit_law(labels: Floats, errors: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Scale and exponent (draws,) of the law, from the errors (draws, judges) of judges with so many labels (judges,).

    Errors must be above 0; `weights` is (judges,).
    """
    x, y = np.log(labels), np.log(errors)
    share = weights / weights.sum()
    centre, middle = share @ x, y @ share
    exponent = -((y - middle[:, None]) @ (share * (x - centre))) / (share @ (x - centre) ** 2)
    return np.exp(middle + exponent * centre), exponent
