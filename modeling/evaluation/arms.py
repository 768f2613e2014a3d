"""Whether choosing pairs helps: judges of both arms by how many labels they learned from, on the same holdout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from modeling.estimates import Estimate, Floats, bootstrap_clusters
from modeling.evaluation.classification import alpha_of_counts, counts_by_query


@dataclass(frozen=True)
class Point:
    """A number that belongs to judges of so many labels."""

    labels: int
    alpha: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: nan becomes None."""
        return {"labels": self.labels, "alpha": self.alpha.to_dict()}


@dataclass(frozen=True)
class Arms:
    """The learning curves of both arms, the smallest number of labels first, and what lies between them.

    `difference` has alpha of the active arm minus that of the random arm at every number of labels that both were
    measured with; `lead` is its mean, with nan where there is no such number.
    """

    active: tuple[Point, ...]
    random: tuple[Point, ...]
    difference: tuple[Point, ...]
    lead: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: nan becomes None."""
        curves = {name: [point.to_dict() for point in getattr(self, name)] for name in ("active", "random")}
        return curves | {"difference": [point.to_dict() for point in self.difference], "lead": self.lead.to_dict()}


def compare_arms(
    truth: ArrayLike,
    queries: ArrayLike,
    active: Mapping[int, ArrayLike],
    random: Mapping[int, ArrayLike],
    *,
    labels: int,
    draws: int = 500,
    seed: int,
) -> Arms:
    """Compare judges that learned from labels of the active arm with judges that learned from the random arm's.

    `truth` is (n,) people's labels of the holdout pairs of the random stream, as indices below `labels`; `queries` is
    (n,). `active` and `random` map how many labels a judge learned from to what it says of these pairs, (n,). The
    active arm is the mix as it was drawn, its random part included: what the project would have had for the same
    work. alpha is Krippendorff's, of the judge and people. The intervals come from drawing whole queries, the same for
    both arms, so that a query which is hard for every judge does not widen what lies between them; that another
    training on other labels would come out differently is not in them. ValueError for shapes that do not fit.
    Source of the comparison by curves: Settles, "Active Learning Literature Survey" (2009), section 2.
    """
    people, names = np.asarray(truth, dtype=np.int64), np.asarray(queries)
    ours, theirs = (_counts(people, names, said, labels) for said in (active, random))
    shared = sorted(ours.keys() & theirs.keys())
    n = len(people)

    def alpha(counts: Floats) -> Estimate:
        return _estimate(counts[:, None, None], n, draws, seed)

    def between(sizes: list[int]) -> Estimate:
        sides = [np.stack([side[size] for size in sizes], axis=1) for side in (ours, theirs)]
        return _estimate(np.stack(sides, axis=1), n, draws, seed)

    return Arms(
        active=tuple(Point(size, alpha(ours[size])) for size in sorted(ours)),
        random=tuple(Point(size, alpha(theirs[size])) for size in sorted(theirs)),
        difference=tuple(Point(size, between([size])) for size in shared),
        lead=between(shared) if shared else Estimate(np.nan, np.nan, np.nan, 0),
    )


def _counts(
    people: np.ndarray[Any, np.dtype[np.int64]],
    names: np.ndarray[Any, np.dtype[Any]],
    said: Mapping[int, ArrayLike],
    labels: int,
) -> dict[int, Floats]:
    """By number of labels, what counts_by_query makes of a judge: (queries, 3, labels)."""
    found = {}
    for size, one in said.items():
        judged = np.asarray(one, dtype=np.int64)
        if people.ndim != 1 or judged.shape != people.shape or names.shape != people.shape:
            raise ValueError(
                f"truth, queries and the labels of the judge of {size} must be of one length, got {people.shape}, "
                f"{names.shape} and {judged.shape}"
            )
        found[size] = counts_by_query(people, judged, labels, names)
    return found


def _estimate(tables: Floats, n: int, draws: int, seed: int) -> Estimate:
    """Alpha of tables (queries, 1, 1, 3, labels); of (queries, 2, sizes, 3, labels) the first side's mean lead."""

    def statistic(sums: Floats) -> Floats:
        alphas = alpha_of_counts(sums).mean(axis=-1)
        found: Floats = alphas[:, 0] - alphas[:, 1] if alphas.shape[1] == 2 else alphas[:, 0]
        return found

    if len(tables) == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    low, high = bootstrap_clusters(statistic, tables, draws=draws, seed=seed)
    return Estimate(float(statistic(tables.sum(axis=0)[None])[0]), low, high, n)
