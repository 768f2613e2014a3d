"""A judge's labels against people's, by query, with the baseline they have to beat."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.estimates import (
    NAN,
    Estimate,
    Floats,
    alpha_of_coincidences,
    bootstrap_clusters,
    clustered_share,
    none_if_nan,
    sum_by_cluster,
)
from modeling.evaluation.calibration import (
    CoveragePoint,
    ReliabilityBin,
    accuracy_by_coverage,
    calibration_error,
    reliability_curve,
)


@dataclass(frozen=True)
class LabelScore:
    """One label's scores; n is how many pairs people gave it. nan where nothing can be divided.

    The interval of F1 is f1_low to f1_high.
    """

    precision: float
    recall: float
    f1: float
    f1_low: float
    f1_high: float
    n: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain JSON: nan becomes None."""
        return {
            "precision": none_if_nan(self.precision),
            "recall": none_if_nan(self.recall),
            "f1": none_if_nan(self.f1),
            "f1_low": none_if_nan(self.f1_low),
            "f1_high": none_if_nan(self.f1_high),
            "n": self.n,
        }


@dataclass(frozen=True)
class Evaluation:
    """What a judge did on n pairs that people labeled. `confusion[people's label][judge's label]`.

    `ece_before` is the calibration error before calibration, nan where that is not known.
    """

    n: int
    accuracy: Estimate
    majority_accuracy: float
    alpha: Estimate
    macro_f1: Estimate
    per_label: tuple[LabelScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    ece: Estimate
    ece_before: Estimate
    reliability: tuple[ReliabilityBin, ...]
    coverage: tuple[CoveragePoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: nan becomes None, tuples become lists."""
        return {
            "n": self.n,
            "accuracy": self.accuracy.to_dict(),
            "majority_accuracy": none_if_nan(self.majority_accuracy),
            "alpha": self.alpha.to_dict(),
            "macro_f1": self.macro_f1.to_dict(),
            "per_label": [score.to_dict() for score in self.per_label],
            "confusion": [list(row) for row in self.confusion],
            "ece": self.ece.to_dict(),
            "ece_before": self.ece_before.to_dict(),
            "reliability": [one.to_dict() for one in self.reliability],
            "coverage": [one.to_dict() for one in self.coverage],
        }


def evaluate(
    truth: ArrayLike,
    probabilities: ArrayLike,
    clusters: ArrayLike,
    *,
    majority_label: int,
    seed: int,
    draws: int = 500,
    uncalibrated: ArrayLike | None = None,
) -> Evaluation:
    """Compare a judge's probabilities with people's labels.

    `truth` is (n,) label indices, `probabilities` (n, labels), `clusters` (n,) the pairs' queries, which are
    resampled for every interval. `majority_label` is the most frequent label of the TRAINING data: always giving
    it is the baseline. `uncalibrated` (n, labels) are the probabilities before calibration. alpha is
    Krippendorff's between the judge and people; macro F1 is over the labels that either of them used; ece is of
    the largest probability, in 15 bins, and `reliability` shows them; `coverage` is the accuracy of the surest
    share. Without rows every number is nan. ValueError for shapes that do not fit or labels out of range.
    """
    people, chances, names = _checked(truth, probabilities, clusters, majority_label)
    labels = chances.shape[1]
    judged = chances.argmax(axis=1)
    confusion = np.bincount(people * labels + judged, minlength=labels * labels).reshape(labels, labels)
    right = people == judged
    n = len(people)
    sure = chances.max(axis=1)
    sums = counts_by_query(people, judged, labels, names)
    before = Estimate(NAN, NAN, NAN, 0)
    if uncalibrated is not None:
        _, raw, _ = _checked(truth, uncalibrated, clusters, majority_label)
        before = calibration_error(raw.max(axis=1), raw.argmax(axis=1) == people, names, draws=draws, seed=seed)
    return Evaluation(
        n=n,
        accuracy=clustered_share(right, np.ones(n), names, draws=draws, seed=seed),
        majority_accuracy=float((people == majority_label).mean()) if n else NAN,
        alpha=_estimate(alpha_of_counts, sums, n, draws=draws, seed=seed),
        macro_f1=_estimate(macro_f1_of_counts, sums, n, draws=draws, seed=seed),
        per_label=_label_scores(confusion, sums, draws=draws, seed=seed),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        ece=calibration_error(sure, right, names, draws=draws, seed=seed),
        ece_before=before,
        reliability=reliability_curve(sure, right, names, draws=draws, seed=seed),
        coverage=accuracy_by_coverage(sure, right, names, draws=draws, seed=seed),
    )


def alpha_against_people(
    truth: ArrayLike, judged: ArrayLike, clusters: ArrayLike, *, labels: int, seed: int, draws: int = 500
) -> Estimate:
    """Krippendorff's alpha of a judge's labels and people's, (n,) indices below `labels`, clustered by query."""
    people, said = np.asarray(truth, dtype=np.int64), np.asarray(judged, dtype=np.int64)
    sums = counts_by_query(people, said, labels, np.asarray(clusters))
    return _estimate(alpha_of_counts, sums, len(people), draws=draws, seed=seed)


def _checked(
    truth: ArrayLike, probabilities: ArrayLike, clusters: ArrayLike, majority_label: int
) -> tuple[NDArray[np.int64], Floats, NDArray[np.generic]]:
    people = np.asarray(truth, dtype=np.int64)
    chances = np.asarray(probabilities, dtype=np.float64)
    names = np.asarray(clusters)
    if chances.ndim != 2 or people.shape != (len(chances),) or names.shape != people.shape:
        raise ValueError(
            "truth (n,), probabilities (n, labels) and clusters (n,) must fit, "
            f"got {people.shape}, {chances.shape} and {names.shape}"
        )
    labels = chances.shape[1]
    if people.size and not (people.min() >= 0 and people.max() < labels):
        raise ValueError(f"truth must lie in 0..{labels - 1}, got {people.min()} to {people.max()}")
    if not 0 <= majority_label < labels:
        raise ValueError(f"majority_label must lie in 0..{labels - 1}, got {majority_label}")
    if not np.isfinite(chances).all():
        raise ValueError("probabilities must be finite")
    return people, chances, names


def counts_by_query(
    people: NDArray[np.int64], judged: NDArray[np.int64], labels: int, names: NDArray[np.generic]
) -> Floats:
    """What each query adds for each label: (queries, 3, labels), of right pairs, of the judge's and of people's.

    `people` and `judged` are (n,) label indices below `labels`, `names` (n,) the pairs' queries.
    """
    one_hot = np.eye(labels)
    counts = np.stack([one_hot[people] * (people == judged)[:, None], one_hot[judged], one_hot[people]], axis=1)
    return sum_by_cluster(counts, names)


# Statistics of sums (..., 3, labels) of what counts_by_query makes.


def alpha_of_counts(sums: Floats) -> Floats:
    """Alpha of two raters (...): each pair adds its two labels, and two to the agreement if they are one."""
    return alpha_of_coincidences(2 * sums[..., 0, :].sum(axis=-1), sums[..., 1, :] + sums[..., 2, :])


def _f1_of(sums: Floats) -> Floats:
    """F1 of each label, (..., labels), nan where nobody gave it."""
    given = sums[..., 1, :] + sums[..., 2, :]
    f1: Floats = np.divide(2 * sums[..., 0, :], given, out=np.full_like(given, np.nan), where=given > 0)
    return f1


def macro_f1_of_counts(sums: Floats) -> Floats:
    """The mean F1 of the labels that were given, (...); nan without any."""
    f1 = _f1_of(sums)
    used = ~np.isnan(f1)
    count = used.sum(axis=-1)
    total = np.where(used, f1, 0).sum(axis=-1)
    mean: Floats = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean


def _estimate(statistic: Callable[[Floats], Floats], sums: Floats, n: int, *, draws: int, seed: int) -> Estimate:
    low, high = bootstrap_clusters(statistic, sums, draws=draws, seed=seed)
    return Estimate(float(statistic(sums.sum(axis=0, keepdims=True))[0]), low, high, n)


def _label_scores(confusion: NDArray[np.int64], sums: Floats, *, draws: int, seed: int) -> tuple[LabelScore, ...]:
    hits = confusion.diagonal()
    given, true = confusion.sum(axis=0), confusion.sum(axis=1)
    scores = []
    for label, (hit, by_judge, by_people) in enumerate(zip(hits.tolist(), given.tolist(), true.tolist(), strict=True)):
        f1 = _estimate(
            lambda drawn: _f1_of(drawn)[..., 0], sums[:, :, label : label + 1], by_people, draws=draws, seed=seed
        )
        scores.append(LabelScore(_ratio(hit, by_judge), _ratio(hit, by_people), f1.value, f1.low, f1.high, by_people))
    return tuple(scores)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else NAN
