"""Whether a confidence of 0.9 is right nine times in ten, and how to make it so."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

from modeling.estimates import NAN, Estimate, Floats, bootstrap_clusters, clustered_share, sum_by_cluster

COLDEST = 0.05
HOTTEST = 20.0
BINS = 15
FOLDS = 5
_LEAST = 1e-300  # a likelihood that still has a logarithm
COVERAGES = tuple(step / 20 for step in range(1, 21))

NONE, TEMPERATURE, PER_LABEL = METHODS = ("none", "temperature", "per_label")


@dataclass(frozen=True)
class Calibration:
    """What turns a judge's logits into probabilities that can be trusted.

    none: softmax(logits). temperature: softmax(logits / temperature). per_label: softmax(scale * logits + bias),
    with a scale and a bias for each label; only this one can change which label is the likeliest. `noise` is the share
    of people's labels that are given as if at random: so much of the probability is spread evenly over all labels,
    and no judge is surer of what people say than they are.
    """

    method: str = NONE
    temperature: float = 1.0
    scale: tuple[float, ...] = ()
    bias: tuple[float, ...] = ()
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"temperature must be above 0, got {self.temperature}")
        if not 0 <= self.noise < 1:
            raise ValueError(f"noise must be a share below 1, got {self.noise}")
        if len(self.scale) != len(self.bias) or (self.method == PER_LABEL and not self.scale):
            raise ValueError(
                f"per_label needs a scale and a bias for each label, got {len(self.scale)} and {len(self.bias)}"
            )

    def probabilities(self, logits: ArrayLike) -> Floats:
        """Probabilities (n, labels) of logits (n, labels); rows sum to 1."""
        scores = self.scores(logits)
        chances: Floats = (1 - self.noise) * np.exp(_log_softmax(scores)) + self.noise / scores.shape[1]
        return chances

    def scores(self, logits: ArrayLike) -> Floats:
        """The logits (n, labels) as they are to be read; ValueError where they have other labels than were fitted."""
        raw = np.asarray(logits, dtype=np.float64)
        if self.method == TEMPERATURE:
            cooled: Floats = raw / self.temperature
            return cooled
        if self.method == PER_LABEL:
            if raw.ndim != 2 or raw.shape[1] != len(self.scale):
                raise ValueError(f"calibrated for {len(self.scale)} labels, got logits of shape {raw.shape}")
            moved: Floats = raw * np.asarray(self.scale) + np.asarray(self.bias)
            return moved
        return raw

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON that from_dict reads."""
        return {
            "method": self.method,
            "temperature": self.temperature,
            "scale": list(self.scale),
            "bias": list(self.bias),
            "noise": self.noise,
        }

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "Calibration":
        """What to_dict made plain; ValueError for what is none."""
        try:
            return cls(
                method=settings["method"],
                temperature=float(settings["temperature"]),
                scale=tuple(map(float, settings["scale"])),
                bias=tuple(map(float, settings["bias"])),
                noise=float(settings.get("noise", 0.0)),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"expected method, temperature, scale and bias, got {settings!r}") from error


def fit_calibration(logits: ArrayLike, truth: ArrayLike, clusters: ArrayLike, seed: int) -> Calibration:
    """The calibration that is likeliest on rows it was not fitted on, then fitted on all of them.

    `logits` is (n, labels), `truth` (n,) label indices, `clusters` (n,) the pairs' queries. The clusters are dealt
    into FOLDS parts; each method, without and with noise, is fitted on all parts but one and its log-likelihood
    measured on that one. The highest sum wins, the one with fewer parameters where two are alike. With fewer than two
    clusters nothing can be left out, and it is the temperature. ValueError without rows, or for logits that are not
    finite.
    """
    scores, labels = _checked(logits, truth)
    names = np.asarray(clusters)
    if names.shape != labels.shape:
        raise ValueError(f"clusters must name each of the {len(labels)} rows, got shape {names.shape}")
    distinct, place = np.unique(names, return_inverse=True)
    if len(distinct) < 2:
        return _with_temperature(scores, labels)
    part = np.random.default_rng(seed).permutation(len(distinct))[place] % min(FOLDS, len(distinct))
    likelihood = [0.0] * len(_FITS)
    for left_out in range(int(part.max()) + 1):
        own = part == left_out
        for number, fit in enumerate(_FITS):
            found = fit(scores[~own], labels[~own]).probabilities(scores[own])[np.arange(own.sum()), labels[own]]
            likelihood[number] += float(np.log(np.maximum(found, _LEAST)).sum())
    return _FITS[int(np.argmax(likelihood))](scores, labels)


def _uncalibrated(_scores: Floats, _labels: NDArray[np.int64]) -> Calibration:
    return Calibration()


def _with_temperature(scores: Floats, labels: NDArray[np.int64]) -> Calibration:
    return Calibration(TEMPERATURE, fit_temperature(scores, labels))


def _per_label(scores: Floats, labels: NDArray[np.int64]) -> Calibration:
    """A scale and a bias for each label, near the one temperature unless the rows say otherwise.

    Biases and the logarithms of scale * temperature have a normal prior with a standard deviation of 1.
    Source: vector scaling of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    temperature = fit_temperature(scores, labels)
    rows, width = scores.shape
    targets = _soft_targets(labels, width)
    cooled = scores / temperature

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scale, bias = np.exp(parameters[:width]), parameters[width:]
        likely = _log_softmax(cooled * scale + bias)
        excess = np.exp(likely) - targets
        slope = np.concatenate([(excess * cooled).sum(axis=0) * scale, excess.sum(axis=0)]) + parameters
        return float(-(targets * likely).sum() + parameters @ parameters / 2) / rows, slope / rows

    limit = math.log(HOTTEST / COLDEST)
    found = minimize(loss, np.zeros(2 * width), jac=True, method="L-BFGS-B", bounds=[(-limit, limit)] * (2 * width))
    scale = np.exp(found.x[:width]) / temperature
    return Calibration(PER_LABEL, temperature, tuple(scale.tolist()), tuple(found.x[width:].tolist()))


def _noisy_temperature(scores: Floats, labels: NDArray[np.int64]) -> Calibration:
    scale, _, noise, temperature = _fit_noise(scores, labels, 1)
    return Calibration(TEMPERATURE, temperature / float(scale[0]), noise=noise)


def _noisy_per_label(scores: Floats, labels: NDArray[np.int64]) -> Calibration:
    scale, bias, noise, temperature = _fit_noise(scores, labels, scores.shape[1])
    return Calibration(PER_LABEL, temperature, tuple((scale / temperature).tolist()), tuple(bias.tolist()), noise)


def _fit_noise(scores: Floats, labels: NDArray[np.int64], own: int) -> tuple[Floats, Floats, float, float]:
    """Scales, biases (own,), noise and the temperature that the scales go with.

    With own = 1 all labels share the scale, and there is no bias. Priors as in _per_label; half the logistic of a
    normal with mean -3 and a standard deviation of 2 is the noise's, so that it is small unless the rows say otherwise.
    """
    temperature = fit_temperature(scores, labels)
    rows, width = scores.shape
    each = np.arange(rows)
    cooled = scores / temperature
    mean = np.zeros(2 * own + 1)
    mean[-1] = -3.0
    weight = np.ones(2 * own + 1)
    weight[-1] = 0.25

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scale, noise = np.exp(parameters[:own]), 0.5 * float(expit(parameters[-1]))
        bias = parameters[own:-1] if own > 1 else np.zeros(1)
        chances = np.exp(_log_softmax(cooled * scale + bias))
        alone = chances[each, labels]
        given = (1 - noise) * alone + noise / width
        chances[each, labels] -= 1
        excess = chances * ((1 - noise) * alone / given)[:, None]
        by_scale = (excess * cooled).sum(axis=0)
        off = parameters - mean
        slope = weight * off
        slope[:own] += (by_scale if own > 1 else by_scale.sum()) * scale
        slope[own:-1] += excess.sum(axis=0) if own > 1 else 0.0
        slope[-1] += float(((alone - 1 / width) / given).sum()) * noise * (1 - 2 * noise)
        return float(-np.log(given).sum() + (weight * off * off).sum() / 2) / rows, slope / rows

    limit = math.log(HOTTEST / COLDEST)
    bounds = [(-limit, limit)] * (2 * own) + [(-15.0, 15.0)]
    found = minimize(loss, mean, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.exp(found.x[:own]), found.x[own:-1], 0.5 * float(expit(found.x[-1])), temperature


_FITS: tuple[Callable[[Floats, NDArray[np.int64]], Calibration], ...] = (
    _uncalibrated,
    _with_temperature,
    _noisy_temperature,
    _per_label,
    _noisy_per_label,
)


def fit_temperature(logits: ArrayLike, truth: ArrayLike) -> float:
    """The temperature that makes softmax(logits / temperature) likeliest on labels not trained on.

    `logits` is (n, labels), `truth` (n,) label indices. The search is bounded to 0.05..20, so a split that is
    wrong throughout gives a bound and not infinity. A few rows that are right throughout do not make it certain:
    each label counts as true by (n + 1) / (n + 2), the rest is spread evenly. ValueError without rows.
    Sources: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; for the targets Platt,
    "Probabilistic Outputs for Support Vector Machines" (1999).
    """
    scores, labels = _checked(logits, truth)
    targets = _soft_targets(labels, scores.shape[1])

    def loss(log_temperature: float) -> float:
        return -float((targets * _log_softmax(scores / math.exp(log_temperature))).sum() / len(scores))

    found = minimize_scalar(loss, bounds=(math.log(COLDEST), math.log(HOTTEST)), method="bounded")
    return float(math.exp(found.x))


def _log_softmax(scores: Floats) -> Floats:
    """As scipy's, which takes several times as long for the few rows that a search looks at again and again."""
    shifted: Floats = scores - scores.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _checked(logits: ArrayLike, truth: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    scores = np.asarray(logits, dtype=np.float64)
    labels = np.asarray(truth, dtype=np.int64)
    if scores.ndim != 2 or len(scores) == 0 or labels.shape != (len(scores),):
        raise ValueError(f"need one label for each row of logits, got shapes {scores.shape} and {labels.shape}")
    if not np.isfinite(scores).all():
        row = int(np.argmin(np.isfinite(scores).all(axis=1)))
        raise ValueError(f"logits must be finite, got {scores[row].tolist()} in row {row}")
    return scores, labels


def _soft_targets(labels: NDArray[np.int64], width: int) -> Floats:
    rows = len(labels)
    targets = np.full((rows, width), 1 / (rows + 2) / max(width - 1, 1))
    targets[np.arange(rows), labels] = (rows + 1) / (rows + 2)
    return targets


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = BINS) -> float:
    """The mean gap between confidence and share correct over bins of equal width, weighted by their size.

    `confidence` is (n,) in [0, 1], `correct` (n,) booleans; 0 is perfect, nan without rows.
    Source: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
    AAAI 2015.
    """
    sure, right = _checked_confidence(confidence, correct)
    if len(sure) == 0:
        return NAN
    gaps = np.bincount(_bin_of(sure, bins), weights=sure - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def calibration_error(
    confidence: ArrayLike, correct: ArrayLike, clusters: ArrayLike, *, seed: int, draws: int = 500, bins: int = BINS
) -> Estimate:
    """`expected_calibration_error` with an interval that resamples whole clusters, (n,) names.

    Chance alone makes gaps, in the data and once more in every draw from it. So the upper bound is the reflected one:
    how far the draws lie above the value is taken as how far the value lies above the truth. The lower bound is what
    is left of the value when the gaps are moved by as much as the draws move them, which is 0 for all that chance
    could have made alone. The interval holds the value; without a spread both bounds are nan.
    Source: Davison and Hinkley, "Bootstrap Methods and their Application" (1997), section 5.2.
    """
    sure, right = _checked_confidence(confidence, correct)
    if not len(sure):
        return Estimate(NAN, NAN, NAN, 0)
    gaps = np.zeros((len(sure), bins + 1))
    gaps[np.arange(len(sure)), _bin_of(sure, bins)] = sure - right
    gaps[:, bins] = 1
    tables = sum_by_cluster(gaps, clusters)
    own = tables[:, :bins].sum(axis=0) / len(sure)
    value = float(np.abs(own).sum())
    low, _ = bootstrap_clusters(
        lambda sums: np.abs(sums[:, :bins]).sum(axis=1) / sums[:, bins], tables, draws=draws, seed=seed
    )
    _, moved = bootstrap_clusters(
        lambda sums: np.abs(sums[:, :bins] / sums[:, bins:] - own).sum(axis=1), tables, draws=draws, seed=seed
    )
    if math.isnan(low):
        return Estimate(value, NAN, NAN, len(sure))
    return Estimate(value, max(0.0, value - moved), max(value, 2 * value - low), len(sure))


@dataclass(frozen=True)
class ReliabilityBin:
    """The pairs with a confidence in (low, high]: how many, their mean confidence, and the share that is right."""

    low: float
    high: float
    confidence: float
    right: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"low": self.low, "high": self.high, "confidence": self.confidence, "right": self.right.to_dict()}


def reliability_curve(
    confidence: ArrayLike, correct: ArrayLike, clusters: ArrayLike, *, seed: int, draws: int = 500, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Confidence against what it is worth, over the bins of the calibration error that hold a pair."""
    sure, right = _checked_confidence(confidence, correct)
    place, names = _bin_of(sure, bins), np.asarray(clusters)
    curve = []
    for number in np.unique(place).tolist():
        own = place == number
        share = clustered_share(right[own], np.ones(own.sum()), names[own], draws=draws, seed=seed)
        curve.append(ReliabilityBin(number / bins, (number + 1) / bins, float(sure[own].mean()), share))
    return tuple(curve)


@dataclass(frozen=True)
class CoveragePoint:
    """The share of pairs whose confidence is at least `confidence`, and how many of those are right."""

    coverage: float
    confidence: float
    accuracy: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"coverage": self.coverage, "confidence": self.confidence, "accuracy": self.accuracy.to_dict()}


def accuracy_by_coverage(
    confidence: ArrayLike,
    correct: ArrayLike,
    clusters: ArrayLike,
    *,
    seed: int,
    draws: int = 500,
    coverages: Sequence[float] = COVERAGES,
) -> tuple[CoveragePoint, ...]:
    """What accuracy is left when only the surest share of the pairs is taken, for rising shares.

    Pairs of one confidence come together, so that a point may cover more than was asked for; a point that covers
    what the one before it does is left out.
    """
    sure, right = _checked_confidence(confidence, correct)
    names = np.asarray(clusters)
    falling = np.sort(sure)[::-1]
    points: list[CoveragePoint] = []
    for asked in coverages if len(sure) else ():
        threshold = float(falling[max(0, math.ceil(asked * len(sure) - 1e-9) - 1)])
        if points and threshold == points[-1].confidence:
            continue
        own = sure >= threshold
        share = clustered_share(right[own], np.ones(own.sum()), names[own], draws=draws, seed=seed)
        points.append(CoveragePoint(float(own.mean()), threshold, share))
    return tuple(points)


def _checked_confidence(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, Floats]:
    sure = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if sure.shape != right.shape or sure.ndim != 1:
        raise ValueError(f"confidence and correct must be of one length, got {sure.shape} and {right.shape}")
    if len(sure) and not (sure.min() >= 0 and sure.max() <= 1 + 1e-6):
        raise ValueError(f"confidence must lie in 0..1, got {sure.min()} to {sure.max()}")
    return sure, right


def _bin_of(sure: Floats, bins: int) -> NDArray[np.int64]:
    """A bin holds its upper edge and not its lower one, but the first holds 0."""
    return np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
