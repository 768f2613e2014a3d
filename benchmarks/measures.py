"""Learning curves over seeds: how many labels reach a value, and how far one lies below another."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Curves = NDArray[np.float64]


def labels_needed(sizes: Curves, curve: Curves, target: float) -> float:
    """The labels from which on a curve (sizes,) is never below the target, read between sizes; inf where it ends below.

    Where it is never below, the first size.
    """
    below = np.flatnonzero(curve < target)
    if len(below) == 0:
        return float(sizes[0])
    last = int(below[-1])
    if last + 1 == len(sizes):
        return float("inf")
    step = (target - curve[last]) / (curve[last + 1] - curve[last])
    return float(sizes[last] + step * (sizes[last + 1] - sizes[last]))


def saving(sizes: Curves, ours: Curves, theirs: Curves, *, draws: int = 2000, seed: int = 0) -> dict[str, Any]:
    """How many times fewer labels ours need for what theirs have at the last size, both (seeds, sizes).

    The means over seeds are compared; the interval comes from drawing seeds, the same for both. Where ours never hold
    what theirs have, `labels` is None and `ratio` 0.
    """
    random = np.random.default_rng(seed)
    picks = random.integers(0, len(ours), size=(draws, len(ours)))
    means = [(ours[pick].mean(axis=0), theirs[pick].mean(axis=0)) for pick in picks]
    drawn = [float(sizes[-1]) / labels_needed(sizes, one, other[-1]) for one, other in means]
    needed = labels_needed(sizes, ours.mean(axis=0), theirs.mean(axis=0)[-1])
    low, high = np.quantile(drawn, [0.025, 0.975])
    numbers = {"ratio": float(sizes[-1]) / needed, "low": float(low), "high": float(high)}
    return {"labels": round(needed) if np.isfinite(needed) else None} | {
        name: round(value, 3) for name, value in numbers.items()
    }


def mean_and_interval(values: Curves) -> tuple[Curves, Curves]:
    """The mean (sizes,) of values (seeds, sizes) and half its 95 % interval by Student's t."""
    seeds = len(values)
    if seeds < 2:
        return values.mean(axis=0), np.full(values.shape[1], np.nan)
    reach = stdtrit(seeds - 1, 0.975) * values.std(axis=0, ddof=1) / np.sqrt(seeds)
    return values.mean(axis=0), np.asarray(reach)


def shortfall(ours: Curves, theirs: Curves) -> Curves:
    """How far the mean of ours lies below theirs beyond the interval over the seeds, (sizes,); 0 where it does not.

    Both are (seeds, sizes), with the same seeds, whose differences count.
    """
    mean, reach = mean_and_interval(ours - theirs)
    return np.maximum(0.0, -mean - np.nan_to_num(reach))
