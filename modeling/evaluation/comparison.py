"""Whether one judge is really better than another, on the same pairs."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from modeling.estimates import NAN, Estimate, Floats, none_if_nan, sum_by_cluster

LEVEL = 0.95
BETTER, NOT_WORSE = RULES = ("better", "not_worse")


@dataclass(frozen=True)
class Comparison:
    """By how much more pairs the first judge is right than the second, on `difference.n` pairs of `queries` queries.

    `only_first` and `only_second` count the pairs on which one of them alone is right. `p` is two-sided: how often
    chance makes judges that are equally good differ at least so much. nan where fewer than two queries can tell.
    """

    difference: Estimate
    p: float
    level: float
    queries: int
    only_first: int
    only_second: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: nan becomes None."""
        return {
            "difference": self.difference.to_dict(),
            "p": none_if_nan(self.p),
            "level": self.level,
            "n": self.difference.n,
            "queries": self.queries,
            "only_first": self.only_first,
            "only_second": self.only_second,
        }


def compare(
    truth: ArrayLike, first: ArrayLike, second: ArrayLike, clusters: ArrayLike, *, level: float = LEVEL
) -> Comparison:
    """Compare two judges' labels of the same pairs with people's: a paired t test, clustered by query.

    `truth`, `first` and `second` are (n,) label indices, `clusters` (n,) the pairs' queries. Each query adds how many
    more of its pairs the first judge has right; their sum's spread over queries gives the interval, with one degree of
    freedom less than there are queries. Two imagined queries, one each way, differ as much as those that do differ
    (by one pair where none does): so that a handful of queries proves nothing, and judges that are right on the same
    pairs are not known to be equal. ValueError for shapes that do not fit.
    Sources: Cameron and Miller, "A Practitioner's Guide to Cluster-Robust Inference", Journal of Human Resources 50
    (2015); for the imagined queries Agresti and Min, "Simple improved confidence intervals for comparing matched
    proportions", Statistics in Medicine 24 (2005), who add half a pair to each cell of the table.
    """
    people, ours, theirs, names = (np.asarray(one) for one in (truth, first, second, clusters))
    if people.ndim != 1 or not people.shape == ours.shape == theirs.shape == names.shape:
        raise ValueError(
            f"truth, first, second and clusters must be of one length, got {people.shape}, {ours.shape}, "
            f"{theirs.shape} and {names.shape}"
        )
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    won, lost = (ours == people) & (theirs != people), (ours != people) & (theirs == people)
    n = len(people)
    gained = won.astype(np.float64) - lost
    sums = sum_by_cluster(np.column_stack([gained, np.ones(n)]), names)
    difference, p = _clustered_t(sums, level)
    return Comparison(difference, p, level, len(sums), int(won.sum()), int(lost.sum()))


def _clustered_t(sums: Floats, level: float) -> tuple[Estimate, float]:
    """The mean of what clusters (clusters, 2) add, as (gained, pairs), with its interval; and p of there being none."""
    queries, n = len(sums), round(float(sums[:, 1].sum()))
    if n == 0:
        return Estimate(NAN, NAN, NAN, 0), NAN
    mean = float(sums[:, 0].sum() / n)
    if queries < 2:
        return Estimate(mean, NAN, NAN, n), NAN
    spread = float(((sums[:, 0] - mean * sums[:, 1]) ** 2).sum()) * queries / (queries - 1)
    differing = sums[sums[:, 0] != 0, 0]
    imagined = 2 * float((differing**2).mean() if len(differing) else 1.0)
    error = math.sqrt(spread + imagined) / n
    reach = float(stdtrit(queries - 1, (1 + level) / 2)) * error
    p = 2 * float(stdtr(queries - 1, -abs(mean) / error))
    return Estimate(mean, max(-1.0, mean - reach), min(1.0, mean + reach), n), p


def decide(comparison: Comparison, rule: str, margin: float = 0.0) -> bool:
    """Whether the first judge is to take the second's place.

    "better": when the whole interval is above 0. "not_worse": when it is above -margin. A judge that is no better
    is then taken for better in at most (1 - level) / 2 of such comparisons, and so is one that is worse by the margin
    taken for not worse. Never where the data cannot tell. ValueError for another rule or a margin below 0.
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}")
    if not margin >= 0:
        raise ValueError(f"margin must not be below 0, got {margin}")
    return comparison.difference.low > (0.0 if rule == BETTER else -margin)
