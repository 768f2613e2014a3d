"""How much each labeled pair counts in training, so that picking has not shifted the labels' shares unseen."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# How far training is corrected. Rare labels gain from being picked too often, which a full correction takes from them
# again. A quarter is a compromise, not measured by itself; `make bench NAME=active_learning` takes --correction.
STRENGTH = 0.25
# How many random pairs the shares of all labeled pairs count for: few random pairs alone would say too little.
_PRIOR = 20.0


def weights_of_draws(labels: ArrayLike, random: ArrayLike, label_count: int, *, strength: float = STRENGTH) -> Floats:
    """A weight for each labeled pair (n,), of mean 1, by its label: what was picked too often counts less.

    `labels` (n,) are indices below `label_count`, `random` (n,) is true for pairs of the random stream, whose shares
    of labels are the pool's without bias. A label's weight is its share there over its share among all labeled pairs,
    to the power of `strength`: with 1 the shares that are learned are the pool's, with 0 all pairs count alike. The
    shares of the random pairs lean on those of all, which count for 20 pairs. All weights are 1 where all pairs or
    none are random. ValueError for what does not fit.
    Sources: Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities"
    (Neural Computation 14, 2002); for weights that are flattened by a power, Shimodaira, "Improving Predictive
    Inference under Covariate Shift by Weighting the Log-Likelihood Function" (J. Statistical Planning and Inference
    90, 2000).
    """
    given, uniform = np.asarray(labels, dtype=np.int64), np.asarray(random, dtype=np.bool_)
    if given.ndim != 1 or uniform.shape != given.shape:
        raise ValueError(f"each pair needs a label and a stream, got shapes {given.shape} and {uniform.shape}")
    if len(given) and not (given.min() >= 0 and given.max() < label_count):
        raise ValueError(f"labels must lie in 0..{label_count - 1}, got {given.min()} to {given.max()}")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must lie between 0 and 1, got {strength}")
    if uniform.all() or not uniform.any():
        return np.ones(len(given))
    shares = np.bincount(given, minlength=label_count) / len(given)
    drawn = np.bincount(given[uniform], minlength=label_count)
    unbiased = (drawn + _PRIOR * shares) / (uniform.sum() + _PRIOR)
    ratio = np.divide(unbiased, shares, out=np.ones(label_count), where=shares > 0)
    weights: Floats = (ratio**strength)[given]
    return np.asarray(weights / weights.mean())
