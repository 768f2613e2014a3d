"""A judge within each part of the holdout: a locale, queries of a length, a brand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from modeling.estimates import Estimate, clustered_share
from modeling.evaluation.classification import alpha_against_people


@dataclass(frozen=True)
class PartScore:
    """What a judge did on the pairs of one value of a slice, of `queries` queries."""

    value: str
    queries: int
    accuracy: Estimate
    alpha: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: nan becomes None."""
        return {
            "value": self.value,
            "n": self.accuracy.n,
            "queries": self.queries,
            "accuracy": self.accuracy.to_dict(),
            "alpha": self.alpha.to_dict(),
        }


def evaluate_slices(
    truth: ArrayLike,
    judged: ArrayLike,
    clusters: ArrayLike,
    slices: Mapping[str, tuple[ArrayLike, Sequence[str]]],
    *,
    labels: int,
    seed: int,
    draws: int = 500,
) -> dict[str, tuple[PartScore, ...]]:
    """Accuracy and alpha against people in each part, by slice, in the order of the slice's values.

    `truth` and `judged` are (n,) label indices, `clusters` (n,) the pairs' queries. A slice is (codes, values): codes
    (n,) index into the values, -1 where there is none. Values without a pair are left out. The parts of one slice are
    many looks at one judge: some stand out by chance.
    ValueError for shapes that do not fit.
    """
    people, said, names = (np.asarray(one) for one in (truth, judged, clusters))
    codes = {name: np.asarray(one) for name, (one, _) in slices.items()}
    shapes = {name: one.shape for name, one in codes.items() if one.shape != people.shape}
    if not people.shape == said.shape == names.shape or shapes:
        raise ValueError(f"need {people.shape} of all, got judged {said.shape}, clusters {names.shape}, {shapes}")
    found = {}
    for name, (_, values) in slices.items():
        parts = []
        for code, value in enumerate(values):
            own = codes[name] == code
            if own.any():
                here = people[own], said[own], names[own]
                share = clustered_share(here[0] == here[1], np.ones(own.sum()), here[2], draws=draws, seed=seed)
                alpha = alpha_against_people(*here, labels=labels, draws=draws, seed=seed)
                parts.append(PartScore(value, len(np.unique(here[2])), share, alpha))
        found[name] = tuple(parts)
    return found
