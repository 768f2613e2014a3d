"""Whether to go on labeling: what the next round is expected to change, and what that means."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from modeling.estimates import Estimate, Floats, bootstrap_clusters
from modeling.evaluation.classification import alpha_of_counts
from modeling.evaluation.learning_curve import can_forecast, fit_law, law_weights

GO_ON, UNSURE, STOP = ADVICE = ("go_on", "unsure", "stop")

# Alpha may be 1 on a small holdout, and the law has no logarithm of 0.
_LEAST_ERROR = 1e-4


@dataclass(frozen=True)
class NextRound:
    """What a round of `more` labels is expected to bring.

    `alpha` is the judge's alpha with people after it, `change` how much that is above the curve's alpha today, both
    with an interval. `advice` is GO_ON where the expected change is worth a round, STOP where even the upper end of
    its interval is not, UNSURE between them.
    """

    more: int
    alpha: Estimate
    change: Estimate
    worth: float
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: nan becomes None."""
        return {
            "more": self.more,
            "alpha": self.alpha.to_dict(),
            "change": self.change.to_dict(),
            "worth": self.worth,
            "advice": self.advice,
        }


def expect_next_round(
    labels: ArrayLike, tables: ArrayLike, more: int, *, worth: float, draws: int = 500, seed: int
) -> NextRound:
    """Fit 1 - alpha = scale * labels ** -exponent to judges of the same holdout, and read it `more` labels ahead.

    `labels` is (judges,): how many each learned from. `tables` is (queries, judges, 3, labels): what
    classification.counts_by_query makes of each. `worth` is the change of alpha for which a round is worth its cost.
    The intervals are those of learning_curve.forecast. ValueError for shapes that do not fit, a worth below 0, or
    where learning_curve.can_forecast says no.
    Sources: Hestness et al., "Deep Learning Scaling is Predictable, Empirically" (2017), for the law; Bloodgood and
    Vijay-Shanker, "A Method for Stopping Active Learning Based on Stabilizing Predictions and the Need for
    User-Adjustable Stopping", CoNLL 2009, for leaving what is worth it to the one who pays.
    """
    seen, counts = np.asarray(labels, dtype=np.float64), np.asarray(tables, dtype=np.float64)
    if counts.ndim != 4 or counts.shape[1:3] != (len(seen), 3):
        raise ValueError(f"tables must be (queries, {len(seen)}, 3, labels), got {counts.shape}")
    if not worth >= 0:
        raise ValueError(f"worth must not be below 0, got {worth}")
    if not can_forecast(seen, more):
        raise ValueError(f"judges with {sorted(seen.tolist())} labels carry no forecast for {more} more")
    whole = counts.sum(axis=0)
    weights = law_weights(whole[:, 0].sum(axis=-1), whole[:, 2].sum(axis=-1))
    now, then = float(seen.max()), float(seen.max()) + more

    def law(sums: Floats) -> tuple[Floats, Floats]:
        return fit_law(seen, np.maximum(1 - alpha_of_counts(sums), _LEAST_ERROR), weights)

    def alpha(sums: Floats) -> Floats:
        scale, exponent = law(sums)
        return 1 - scale * then**-exponent

    def change(sums: Floats) -> Floats:
        scale, exponent = law(sums)
        return scale * now**-exponent - scale * then**-exponent

    n = round(float(whole[:, 2].sum(axis=-1).max()))
    found = []
    for statistic in (alpha, change):
        low, high = bootstrap_clusters(statistic, counts, draws=draws, seed=seed)
        found.append(Estimate(float(statistic(whole[None])[0]), low, high, n))
    return NextRound(more, found[0], found[1], worth, advise(found[1], worth))


def advise(change: Estimate, worth: float) -> str:
    """GO_ON, UNSURE or STOP for an expected change of alpha; UNSURE where its interval is not known."""
    if change.high < worth:
        return STOP
    return GO_ON if change.value >= worth and not np.isnan(change.high) else UNSURE
