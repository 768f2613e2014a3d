"""The peer of active learning: breaking ties as small-text has it, asked for pairs with our model's probabilities."""

import numpy as np
from numpy.typing import NDArray
from small_text.query_strategies import BreakingTies


class _Model:
    """What small-text asks of a classifier."""

    def __init__(self, probabilities: NDArray[np.float64]) -> None:
        self.probabilities = probabilities

    def predict_proba(self, _pool: object) -> NDArray[np.float64]:
        return self.probabilities


def pick(probabilities: NDArray[np.float64], labeled: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The positions of `size` pairs that are not labeled, by small-text's choice from probabilities (n, labels)."""
    pool = np.arange(len(probabilities))
    unlabeled = np.setdiff1d(pool, labeled)
    picked = BreakingTies().query(_Model(probabilities), pool, unlabeled, labeled, np.zeros(len(labeled)), n=size)
    return np.asarray(picked, dtype=np.int64)
