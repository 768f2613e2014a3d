"""A judge's labels against people's, by query, with the baseline they have to beat."""

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
from modeling.evaluation.calibration import expected_calibration_error


@dataclass(frozen=True)
class LabelScore:
    """One label's scores; n is how many pairs people gave it. nan where nothing can be divided."""

    precision: float
    recall: float
    f1: float
    n: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain JSON: nan becomes None."""
        return {
            "precision": none_if_nan(self.precision),
            "recall": none_if_nan(self.recall),
            "f1": none_if_nan(self.f1),
            "n": self.n,
        }


@dataclass(frozen=True)
class Evaluation:
    """What a judge did on n pairs that people labeled. `confusion[people's label][judge's label]`."""

    n: int
    accuracy: Estimate
    majority_accuracy: float
    alpha: Estimate
    macro_f1: float
    per_label: tuple[LabelScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    ece: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: nan becomes None, tuples become lists."""
        return {
            "n": self.n,
            "accuracy": self.accuracy.to_dict(),
            "majority_accuracy": none_if_nan(self.majority_accuracy),
            "alpha": self.alpha.to_dict(),
            "macro_f1": none_if_nan(self.macro_f1),
            "per_label": [score.to_dict() for score in self.per_label],
            "confusion": [list(row) for row in self.confusion],
            "ece": none_if_nan(self.ece),
        }


def evaluate(
    truth: ArrayLike,
    probabilities: ArrayLike,
    clusters: ArrayLike,
    *,
    majority_label: int,
    seed: int,
    draws: int = 500,
) -> Evaluation:
    """Compare a judge's probabilities with people's labels.

    `truth` is (n,) label indices, `probabilities` (n, labels), `clusters` (n,) the pairs' queries, by which
    the intervals of accuracy and alpha are resampled. `majority_label` is the most frequent label of the
    TRAINING data: always giving it is the baseline. alpha is Krippendorff's between the judge and people;
    macro F1 is over the labels that either of them used; ece is of the largest probability, in 15 bins.
    Without rows every number is nan. ValueError for shapes that do not fit or labels out of range.
    """
    people, chances, names = _checked(truth, probabilities, clusters, majority_label)
    labels = chances.shape[1]
    judged = chances.argmax(axis=1)
    confusion = np.bincount(people * labels + judged, minlength=labels * labels).reshape(labels, labels)
    per_label = _label_scores(confusion)
    f1 = [score.f1 for score in per_label if not np.isnan(score.f1)]
    right = people == judged
    n = len(people)
    return Evaluation(
        n=n,
        accuracy=clustered_share(right, np.ones(n), names, draws=draws, seed=seed),
        majority_accuracy=float((people == majority_label).mean()) if n else NAN,
        alpha=_alpha(people, judged, labels, names, draws=draws, seed=seed),
        macro_f1=float(np.mean(f1)) if f1 else NAN,
        per_label=per_label,
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        ece=expected_calibration_error(chances.max(axis=1), right),
    )


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


def _label_scores(confusion: NDArray[np.int64]) -> tuple[LabelScore, ...]:
    hits = confusion.diagonal()
    given, true = confusion.sum(axis=0), confusion.sum(axis=1)
    return tuple(
        LabelScore(
            precision=_ratio(int(hit), int(by_judge)),
            recall=_ratio(int(hit), int(by_people)),
            f1=_ratio(2 * int(hit), int(by_judge + by_people)),
            n=int(by_people),
        )
        for hit, by_judge, by_people in zip(hits, given, true, strict=True)
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else NAN


def _alpha(
    people: NDArray[np.int64],
    judged: NDArray[np.int64],
    labels: int,
    names: NDArray[np.generic],
    *,
    draws: int,
    seed: int,
) -> Estimate:
    """Alpha of two raters: each pair adds its two labels, and two to the agreement if they are one."""
    one_hot = np.eye(labels)
    rows = np.column_stack([2.0 * (people == judged), one_hot[people] + one_hot[judged]])
    sums = sum_by_cluster(rows, names)
    total = sums.sum(axis=0)
    low, high = bootstrap_clusters(
        lambda drawn: alpha_of_coincidences(drawn[:, 0], drawn[:, 1:]), sums, draws=draws, seed=seed
    )
    return Estimate(float(alpha_of_coincidences(total[0], total[1:])), low, high, len(people))
