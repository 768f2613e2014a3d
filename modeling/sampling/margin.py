"""The pairs between whose two likeliest labels the judge can hardly choose."""

import numpy as np

from modeling.sampling.contract import Pool, Probabilities, Scored, Scores, Strategy, in_blocks, two_likeliest


def score(pool: Pool, _random: np.random.Generator) -> Scored:
    """1 - (largest - second largest probability), (n,) in [0, 1]: 1 where two labels are equally likely.

    Source: Scheffer, Decomain and Wrobel, "Active hidden Markov models for information extraction" (2001).
    """
    return Scored(in_blocks(_margins, pool.known_probabilities()), two_likeliest(pool))


def _margins(probabilities: Probabilities) -> Scores:
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(1 - (top[:, 1] - top[:, 0]), dtype=np.float32)


STRATEGY = Strategy(
    key="margin",
    name="Margin",
    sentence="Pairs whose two likeliest labels are nearly as likely as each other.",
    score=score,
    needs=("probabilities",),
)
