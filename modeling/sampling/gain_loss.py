"""The pairs where the best label the judge can give is expected to cost the most gain."""

import numpy as np
from numpy.typing import NDArray

from modeling.sampling.contract import Pool, Probabilities, Reason, Scored, Scores, Strategy, in_blocks


def score(pool: Pool, _random: np.random.Generator) -> Scored:
    """2 min over labels d of sum over labels l of p(l) |gain(l) - gain(d)|, over the gains' range; (n,) in [0, 1].

    What the best decision d is expected to be wrong by, in gain: 1 where the highest and the lowest gain are equally
    likely. To take E for S costs more than to take S for C. All scores are 0 where all gains are the same.
    Source: least expected risk as in Berger, "Statistical decision theory" (1985), chapter 1, with the absolute
    error of the gain as its loss. ValueError without gains, or with another number of them than of labels.
    """
    probabilities = pool.known_probabilities()
    gains = _known_gains(pool, probabilities.shape[1])
    wrong_by = np.abs(gains[:, None] - gains[None, :]).astype(probabilities.dtype)
    worst = float(wrong_by.max())

    def losses(rows: Probabilities) -> Scores:
        if worst == 0:
            return np.zeros(len(rows), dtype=np.float32)
        return np.asarray(np.clip(2 * (rows @ wrong_by).min(axis=1) / worst, 0, 1), dtype=np.float32)

    def reason(position: int) -> Reason:
        expected = probabilities[position] @ wrong_by
        best = int(expected.argmin())
        words = "taken for %(label)s it is expected to be wrong by %(loss).2f in gain"
        return Reason(words, {"label": pool.label(best), "loss": float(expected[best])})

    return Scored(in_blocks(losses, probabilities), reason)


def _known_gains(pool: Pool, labels: int) -> NDArray[np.float64]:
    if pool.gains is None or np.shape(pool.gains) != (labels,):
        raise ValueError(f"each of {labels} labels needs a gain, got {pool.gains}")
    return np.asarray(pool.gains, dtype=np.float64)


STRATEGY = Strategy(
    key="gain_loss",
    name="Expected loss of gain",
    sentence="Pairs where the best label that the judge can give is expected to be wrong by the most gain.",
    score=score,
    needs=("probabilities", "gains"),
)
