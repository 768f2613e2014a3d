"""Whether a confidence of 0.9 is right nine times in ten, and how to make it so."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from modeling.estimates import NAN

COLDEST = 0.05
HOTTEST = 20.0


def fit_temperature(logits: ArrayLike, truth: ArrayLike) -> float:
    """The temperature that makes softmax(logits / temperature) likeliest on labels not trained on.

    `logits` is (n, labels), `truth` (n,) label indices. The search is bounded to 0.05..20, so a split that is
    wrong throughout gives a bound and not infinity. A few rows that are right throughout do not make it certain:
    each label counts as true by (n + 1) / (n + 2), the rest is spread evenly. ValueError without rows.
    Sources: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; for the targets Platt,
    "Probabilistic Outputs for Support Vector Machines" (1999).
    """
    scores = np.asarray(logits, dtype=np.float64)
    labels = np.asarray(truth, dtype=np.int64)
    if scores.ndim != 2 or len(scores) == 0 or labels.shape != (len(scores),):
        raise ValueError(f"need one label for each row of logits, got shapes {scores.shape} and {labels.shape}")
    if not np.isfinite(scores).all():
        row = int(np.argmin(np.isfinite(scores).all(axis=1)))
        raise ValueError(f"logits must be finite, got {scores[row].tolist()} in row {row}")

    rows, width = scores.shape
    targets = np.full((rows, width), 1 / (rows + 2) / max(width - 1, 1))
    targets[np.arange(rows), labels] = (rows + 1) / (rows + 2)

    def loss(log_temperature: float) -> float:
        return -float((targets * log_softmax(scores / math.exp(log_temperature), axis=1)).sum() / rows)

    found = minimize_scalar(loss, bounds=(math.log(COLDEST), math.log(HOTTEST)), method="bounded")
    return float(math.exp(found.x))


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """The mean gap between confidence and share correct over bins of equal width, weighted by their size.

    `confidence` is (n,) in [0, 1], `correct` (n,) booleans; 0 is perfect, nan without rows.
    Source: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
    AAAI 2015.
    """
    sure = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if sure.shape != right.shape or sure.ndim != 1:
        raise ValueError(f"confidence and correct must be of one length, got {sure.shape} and {right.shape}")
    if len(sure) == 0:
        return NAN
    if not (sure.min() >= 0 and sure.max() <= 1 + 1e-6):
        raise ValueError(f"confidence must lie in 0..1, got {sure.min()} to {sure.max()}")
    # A bin holds its upper edge and not its lower one, but the first holds 0.
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=sure - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))
