"""How surely people part on pairs that nobody has judged yet, from the pairs that several have."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.sampling.contract import Probabilities, check_probabilities

# Rows at a time: bounds the memory, whatever the pool's size.
_BLOCK_ROWS = 500_000

# Parts of the margin from 0 to 1, and how many pairs the mean of all counts for in each cell.
_MARGINS = 4
_PRIOR = 10.0

Shares = NDArray[np.float32]
Cells = NDArray[np.int64]


def expected_parting(judged: Probabilities, parted: ArrayLike, pool: Probabilities) -> Shares:
    """The expected share (n,) of pairs like each of the pool's on which people part, in [0, 1].

    `judged` (m, labels) are the judge's probabilities of pairs that two people or more have judged, `parted` (m,) is
    true where they did not all give one label, `pool` (n, labels) are the judge's probabilities of the pairs asked
    about. Pairs are alike that have the same two likeliest labels and about the same margin between them: where a
    judge hesitates and people part, another label of a person tells it little, where they do not it tells it much.
    Cells with few judged pairs lean on the mean of all, which counts for 10 pairs. All 0 without judged pairs.
    ValueError for shapes that do not fit.
    Source of the idea: Baumler, Sotnikova and Daume, "Which Examples Should be Multiply Annotated? Active Learning
    When Annotators May Disagree" (Findings of ACL 2023); the mean of a cell is shrunk as in Efron and Morris,
    "Stein's Estimation Rule and Its Competitors" (JASA 68, 1973).
    """
    rows = np.asarray(parted, dtype=np.float64)
    check_probabilities(judged)
    check_probabilities(pool)
    if rows.shape != (len(judged),) or judged.shape[1] != pool.shape[1]:
        raise ValueError(f"judged, parted and pool do not fit: {judged.shape}, {rows.shape} and {pool.shape}")
    if not len(rows):
        return np.zeros(len(pool), dtype=np.float32)
    cells = pool.shape[1] ** 2 * _MARGINS
    cell = _cells(judged)
    pairs = np.bincount(cell, minlength=cells)
    shares = (np.bincount(cell, rows, minlength=cells) + _PRIOR * rows.mean()) / (pairs + _PRIOR)
    return np.asarray(shares.astype(np.float32)[_cells(pool)])


def _cells(probabilities: Probabilities) -> Cells:
    """The cell of each pair (n,): its two likeliest labels, whichever of them is first, and its margin."""
    labels = probabilities.shape[1]
    cells = np.empty(len(probabilities), dtype=np.int64)
    for start in range(0, len(probabilities), _BLOCK_ROWS):
        block = probabilities[start : start + _BLOCK_ROWS]
        top = np.argpartition(block, -2, axis=1)[:, -2:]
        values = np.take_along_axis(block, top, axis=1)
        margin = np.minimum((np.abs(values[:, 1] - values[:, 0]) * _MARGINS).astype(np.int64), _MARGINS - 1)
        cells[start : start + _BLOCK_ROWS] = (top.min(axis=1) * labels + top.max(axis=1)) * _MARGINS + margin
    return cells
