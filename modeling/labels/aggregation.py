"""One label out of several people's."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from modeling.estimates import NAN

TIE = -1


class Majority(NamedTuple):
    """The label most people gave, or TIE, and the share of judgments that the leading label has."""

    label: int
    share: float


def majority(counts: ArrayLike) -> Majority:
    """The most frequent label of one unit.

    `counts` is (labels,): how many people gave each label. The label is TIE (-1) when the lead is shared, or
    when nobody judged; in the latter case the share is nan.
    """
    votes = np.asarray(counts)
    if votes.ndim != 1 or votes.size == 0:
        raise ValueError(f"counts must be one number for each label, got shape {votes.shape}")
    if votes.min() < 0:
        raise ValueError(f"counts must not be negative, got {votes.tolist()}")
    total = votes.sum()
    if total == 0:
        return Majority(TIE, NAN)
    best = votes.max()
    label = int(votes.argmax()) if (votes == best).sum() == 1 else TIE
    return Majority(label, float(best / total))
