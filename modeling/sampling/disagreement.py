"""The pairs that the champion and another adapter see differently."""

import numpy as np

from modeling.sampling.contract import Pool, Probabilities, Reason, Scored, Scores, Strategy, in_blocks


def score(pool: Pool, _random: np.random.Generator) -> Scored:
    """The Jensen-Shannon divergence of the two adapters' probabilities, in bits, (n,) in [0, 1].

    0 where both say the same, 1 where neither thinks possible what the other says. It is the entropy of their mean
    less the mean of their entropies. Source: Lin, "Divergence measures based on the Shannon entropy" (IEEE Trans.
    Inf. Theory, 1991); for two or more models: McCallum and Nigam, "Employing EM and pool-based active learning for
    text classification" (ICML 1998).
    """
    champion, rival = pool.known_probabilities(), pool.known_rival()
    if champion.shape != rival.shape:
        raise ValueError(f"both adapters need the same rows and labels, got shapes {champion.shape} and {rival.shape}")

    def reason(position: int) -> Reason:
        first, second = (pool.label(int(table[position].argmax())) for table in (champion, rival))
        if first == second:
            words = "both say %(first)s, the champion with %(p).2f, the challenger with %(q).2f"
            values = {"first": first, "p": champion[position].max(), "q": rival[position].max()}
            return Reason(words, values)
        return Reason("champion says %(first)s, challenger %(second)s", {"first": first, "second": second})

    return Scored(in_blocks(_divergences, champion, rival), reason)


def _divergences(champion: Probabilities, rival: Probabilities) -> Scores:
    divergence = _entropies((champion + rival) / 2) - (_entropies(champion) + _entropies(rival)) / 2
    return np.asarray(np.clip(divergence, 0, 1), dtype=np.float32)


def _entropies(probabilities: Probabilities) -> Probabilities:
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    entropies: Probabilities = -np.einsum("ij,ij->i", probabilities, logs)
    return entropies


STRATEGY = Strategy(
    key="disagreement",
    name="Champion against challenger",
    sentence="Pairs that the champion and the challenger see differently.",
    score=score,
    needs=("probabilities", "rival"),
)
