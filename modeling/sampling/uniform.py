"""Every pair as likely as any other."""

import numpy as np

from modeling.sampling.contract import Pool, Reason, Scored, Strategy


def score(pool: Pool, random: np.random.Generator) -> Scored:
    """Random scores (n,) in [0, 1): an order that the judge has no say in."""
    return Scored(random.random(len(pool), dtype=np.float32), lambda _: Reason("drawn by chance"))


STRATEGY = Strategy(
    key="uniform",
    name="By chance",
    sentence="Every pair is as likely as any other; the rules around it hold all the same.",
    score=score,
)
