"""The pairs whose likeliest label the judge believes in least."""

import numpy as np

from modeling.sampling.contract import Pool, Probabilities, Scored, Scores, Strategy, in_blocks, two_likeliest


def score(pool: Pool, _random: np.random.Generator) -> Scored:
    """(1 - largest probability) k / (k - 1) with k labels, (n,) in [0, 1]: 1 where all are equally likely.

    Source: Lewis and Gale, "A sequential algorithm for training text classifiers" (SIGIR 1994); Culotta and
    McCallum, "Reducing labeling effort for structured prediction tasks" (AAAI 2005).
    """
    return Scored(in_blocks(_doubts, pool.known_probabilities()), two_likeliest(pool))


def _doubts(probabilities: Probabilities) -> Scores:
    labels = probabilities.shape[1]
    return np.asarray(np.clip((1 - probabilities.max(axis=1)) * labels / (labels - 1), 0, 1), dtype=np.float32)


STRATEGY = Strategy(
    key="least_confidence",
    name="Least confidence",
    sentence="Pairs whose likeliest label has the smallest probability.",
    score=score,
    needs=("probabilities",),
)
