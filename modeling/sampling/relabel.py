"""Which labeled pairs deserve another judgment, on one scale with the new ones."""

from math import comb

import numpy as np
from numpy.typing import NDArray

from modeling.sampling.contract import Pool, Probabilities, Reason, Scored, Scores, Strategy, in_blocks

# Votes beyond these change nothing any more.
_MOST_VOTES = 30


def score(pool: Pool, _random: np.random.Generator) -> Scored:
    """sqrt(label uncertainty x model uncertainty), (n,) in [0, 1].

    With a votes for the label that has most and b for all others, label uncertainty is twice the chance that a
    Beta(a + 1, b + 1) variable lies below one half: 1 without votes and for a tie, 1/2 after one vote, 1/4 after two
    that agree, 5/8 after two against one. Model uncertainty is what the champion's probability of that label leaves,
    and of a new pair what its likeliest label leaves. So a new pair that the judge is unsure of, and a labeled one
    on which it contradicts one person, compete on one scale. Of labels with equally many votes the champion's
    likelier one counts. More than 30 votes count as 30.

    Source: Ipeirotis, Provost, Sheng and Wang, "Repeated labeling using multiple noisy labelers" (Data Mining and
    Knowledge Discovery, 2014), LMU; that a label may be worth more than a new pair: Lin, Mausam and Weld, "To
    re(label), or not to re(label)" (HCOMP 2014).
    """
    probabilities = pool.known_probabilities()
    votes = pool.votes
    if votes is None:
        raise ValueError("the pool has no votes")
    if votes.shape != probabilities.shape:
        raise ValueError(f"each pair and label needs its votes, got shape {votes.shape}, not {probabilities.shape}")
    uncertainty = _label_uncertainty()

    def rate(rows: Probabilities, counts: NDArray[np.integer]) -> Scores:
        label, most, others = _standing(rows, counts)
        left = 1 - np.take_along_axis(rows, label[:, None], axis=1)[:, 0]
        return np.asarray(np.sqrt(uncertainty[most, others] * np.clip(left, 0, 1)), dtype=np.float32)

    def reason(position: int) -> Reason:
        row = probabilities[position]
        label, most, others = (int(value[0]) for value in _standing(row[None], votes[position][None]))
        values = {"label": pool.label(label), "p": row[label], "most": most, "others": others}
        if most + others == 0:
            return Reason("new, and the judge gives %(label)s only %(p).2f", values)
        words = "%(most)d said %(label)s and %(others)d another label; the judge gives %(label)s %(p).2f"
        return Reason(words, values)

    return Scored(in_blocks(rate, probabilities, votes), reason)


def _standing(
    probabilities: Probabilities, votes: NDArray[np.integer]
) -> tuple[NDArray[np.intp], NDArray[np.integer], NDArray[np.integer]]:
    """The label with most votes, the likelier one of a tie; its votes and all others, each (n,)."""
    label = (votes + np.clip(probabilities, 0, 1) / 2).argmax(axis=1)
    most = np.take_along_axis(votes, label[:, None], axis=1)[:, 0].astype(np.int64)
    others = votes.sum(axis=1, dtype=np.int64) - most
    return label, np.minimum(most, _MOST_VOTES), np.minimum(others, _MOST_VOTES)


def _label_uncertainty() -> NDArray[np.float64]:
    """min(1, 2 P(Beta(a + 1, b + 1) < 1/2)) for a and b votes, which is a tail of the binomial distribution."""

    def tail(a: int, b: int) -> float:
        tosses = a + b + 1
        return float(sum(comb(tosses, heads) for heads in range(a + 1, tosses + 1)) / 2**tosses)

    numbers = range(_MOST_VOTES + 1)
    return np.array([[min(1.0, 2 * tail(a, b)) for b in numbers] for a in numbers])


STRATEGY = Strategy(
    key="relabel",
    name="Relabel or new",
    sentence="Labels that few people gave and the judge doubts get one more judgment, unless a new pair is worth more.",
    score=score,
    needs=("probabilities", "votes"),
    relabels=True,
)
