"""How far annotators agree, beyond chance, with intervals over whole queries."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.estimates import (
    NAN,
    Estimate,
    Floats,
    alpha_of_coincidences,
    bootstrap_clusters,
    clustered_share,
    sum_by_cluster,
)


@dataclass(frozen=True)
class Agreement:
    """Agreement over the units that at least two people judged."""

    raw: Estimate
    alpha: Estimate
    units: int
    judgments: int


def krippendorff_alpha(counts: ArrayLike) -> float:
    """Krippendorff's alpha for labels without an order.

    `counts` is (units, labels): how many people gave unit u the label l. People may differ from unit to unit
    and in number; units with fewer than two judgments do not count. nan when no unit has two judgments, or
    when all judgments carry one label.
    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
    """
    agreeing, totals = _coincidences(_pairable(_checked(counts)))
    return float(alpha_of_coincidences(agreeing.sum(), totals.sum(axis=0)))


def raw_agreement(counts: ArrayLike) -> float:
    """The share of agreeing pairs of judgments in a unit, averaged over units.

    `counts` is (units, labels). Every unit with two or more judgments weighs the same. nan without any.
    Source: Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76 (1971).
    """
    table = _pairable(_checked(counts))
    return float(_unit_agreement(table).mean()) if len(table) else NAN


def agreement(counts: ArrayLike, clusters: ArrayLike, *, draws: int = 500, seed: int) -> Agreement:
    """Raw agreement and alpha with 95 % intervals that resample whole clusters.

    `counts` is (units, labels), `clusters` (units,) names what hangs together: the query of each pair.
    Bootstrap draws in which alpha is undefined are left out. n of both is the number of units with two or
    more judgments; values are nan where krippendorff_alpha and raw_agreement say so.
    """
    table = _checked(counts)
    names = np.asarray(clusters)
    if names.shape != (len(table),):
        raise ValueError(f"clusters must be one name for each of {len(table)} units, got shape {names.shape}")
    names = names[table.sum(axis=1) >= 2]
    table = _pairable(table)
    raw = clustered_share(_unit_agreement(table), np.ones(len(table)), names, draws=draws, seed=seed)
    alpha = _alpha_estimate(table, names, draws=draws, seed=seed)
    return Agreement(raw=raw, alpha=alpha, units=len(table), judgments=int(table.sum()))


def _alpha_estimate(table: NDArray[np.int64], names: NDArray[np.generic], *, draws: int, seed: int) -> Estimate:
    agreeing, totals = _coincidences(table)
    sums = sum_by_cluster(np.column_stack([agreeing, totals]), names)
    low, high = bootstrap_clusters(
        lambda drawn: alpha_of_coincidences(drawn[:, 0], drawn[:, 1:]), sums, draws=draws, seed=seed
    )
    return Estimate(krippendorff_alpha(table), low, high, len(table))


def _checked(counts: ArrayLike) -> NDArray[np.int64]:
    table = np.asarray(counts)
    if table.ndim != 2:
        raise ValueError(f"counts must be a table of units by labels, got shape {table.shape}")
    if table.size and not np.issubdtype(table.dtype, np.integer):
        raise ValueError(f"counts must be whole numbers, got {table.dtype}")
    if table.size and table.min() < 0:
        unit, label = np.argwhere(table < 0)[0]
        raise ValueError(f"counts must not be negative, got {table[unit, label]} at unit {unit}, label {label}")
    return table.astype(np.int64)


def _pairable(table: NDArray[np.int64]) -> NDArray[np.int64]:
    pairable: NDArray[np.int64] = table[table.sum(axis=1) >= 2]
    return pairable


def _unit_agreement(table: NDArray[np.int64]) -> Floats:
    judged = table.sum(axis=1)
    shares: Floats = (table * (table - 1)).sum(axis=1) / (judged * (judged - 1))
    return shares


def _coincidences(table: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """What each unit adds to the trace (units,) and to the row sums (units, labels) of the matrix."""
    judged = table.sum(axis=1)
    return _unit_agreement(table) * judged, table.astype(np.float64)
