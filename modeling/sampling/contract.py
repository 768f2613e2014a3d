"""What every strategy is: probabilities in, one score a pair out, the larger the sooner."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.floating[Any]]
Scores = NDArray[np.float32]

# (n, labels) probabilities and a seeded generator to (n,) scores. Strategies keep no state, change nothing
# that they are given and score a row the same whatever its neighbours, chance aside.
Strategy = Callable[[Probabilities, np.random.Generator], Scores]


def check_probabilities(probabilities: Probabilities) -> None:
    """ValueError unless the array is (n, labels >= 2) and holds numbers between 0 and 1 only."""
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        raise ValueError(
            f"probabilities must be pairs by labels with two labels or more, got shape {probabilities.shape}"
        )
    # min and max see nan and infinities, too, and need no array of the pool's size.
    if len(probabilities) and not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-6):
        row = int(np.argmin(((probabilities >= 0) & (probabilities <= 1 + 1e-6)).all(axis=1)))
        values = probabilities[row].tolist()
        raise ValueError(f"probabilities must lie between 0 and 1, got {values} in row {row}")
