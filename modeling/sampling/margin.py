"""The pairs between whose two likeliest labels the judge can hardly choose."""

import numpy as np

from modeling.sampling.contract import Probabilities, Scores, check_probabilities

# Rows sorted at a time: bounds the memory, whatever the pool's size.
_BLOCK_ROWS = 1_000_000


def score(probabilities: Probabilities, _random: np.random.Generator, /) -> Scores:
    """1 - (largest - second largest probability), (n,) in [0, 1]: 1 where two labels are equally likely.

    Source: Scheffer, Decomain and Wrobel, "Active hidden Markov models for information extraction" (2001).
    """
    check_probabilities(probabilities)
    scores = np.empty(len(probabilities), dtype=np.float32)
    for start in range(0, len(probabilities), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        top = np.partition(probabilities[block], -2, axis=1)[:, -2:]
        scores[block] = 1 - (top[:, 1] - top[:, 0])
    return scores
