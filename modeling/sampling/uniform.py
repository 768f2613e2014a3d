"""Every pair as likely as any other."""

import numpy as np

from modeling.sampling.contract import Probabilities, Scores, check_probabilities


def score(probabilities: Probabilities, random: np.random.Generator, /) -> Scores:
    """Random scores (n,) in [0, 1): an order that the model has no say in."""
    check_probabilities(probabilities)
    return random.random(len(probabilities), dtype=np.float32)
