"""The pairs over all of whose labels the judge is undecided."""

import numpy as np

from modeling.sampling.contract import Pool, Probabilities, Scored, Scores, Strategy, in_blocks, two_likeliest


def score(pool: Pool, _random: np.random.Generator) -> Scored:
    """-sum of p ln p, over ln k with k labels, (n,) in [0, 1]: 1 where all are equally likely; 0 ln 0 is 0.

    Source: Shannon, "A mathematical theory of communication" (1948); as a way to choose: Settles, "Active learning
    literature survey" (2009), section 3.1.
    """
    return Scored(in_blocks(_entropies, pool.known_probabilities()), two_likeliest(pool))


def _entropies(probabilities: Probabilities) -> Scores:
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    entropy = -np.einsum("ij,ij->i", probabilities, logs) / np.log(probabilities.shape[1])
    return np.asarray(np.clip(entropy, 0, 1), dtype=np.float32)


STRATEGY = Strategy(
    key="entropy",
    name="Entropy",
    sentence="Pairs over all of whose labels the judge is undecided, not only over two.",
    score=score,
    needs=("probabilities",),
)
