"""What it may cost that a label is wrong."""

import numpy as np
from numpy.typing import ArrayLike

from modeling.estimates import Floats


def expected_loss(chances: ArrayLike, gains: ArrayLike) -> Floats:
    """How far the gain of the likeliest label is expected to lie from the true label's.

    `chances` is (..., labels), each row the probabilities of the true label, and `gains` (labels,) or of the same
    shape, what each label is worth in a ranking; the result is (...), in units of gain. Among labels that are equally
    likely the one with the least loss counts, so that a tie is not made worse than it must be.
    """
    likely, worth = np.asarray(chances, dtype=np.float64), np.asarray(gains, dtype=np.float64)
    if likely.ndim == 0 or likely.shape[-1] == 0 or worth.shape[-1:] != likely.shape[-1:]:
        raise ValueError(f"chances and gains must be of the same labels, got shapes {likely.shape} and {worth.shape}")
    distance = np.abs(worth[..., :, None] - worth[..., None, :])
    losses = (likely[..., None, :] * distance).sum(axis=-1)
    leading = likely >= likely.max(axis=-1, keepdims=True) - 1e-9
    loss: Floats = np.where(leading, losses, np.inf).min(axis=-1)
    return loss
