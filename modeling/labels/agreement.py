"""How far annotators agree, beyond chance, with intervals over whole queries."""

from dataclasses import dataclass
from typing import Literal

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


def raw_agreement(counts: ArrayLike) -> float:
    """The share of agreeing pairs of judgments in a unit, averaged over units.

    `counts` is (units, labels): how many people gave unit u the label l. Every unit with two or more judgments
    weighs the same. nan without any.
    Source: Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76 (1971).
    """
    table = _pairable(_checked(counts))
    return float(_unit_agreement(table).mean()) if len(table) else NAN


def krippendorff_alpha(counts: ArrayLike, distances: ArrayLike | Literal["ordinal"] | None = None) -> float:
    """Krippendorff's alpha: one minus the disagreement within units over that among all judgments.

    `counts` is (units, labels): how many people gave unit u the label l. People may differ from unit to unit
    and in number; units with fewer than two judgments do not count. `distances` (labels, labels) says how far
    apart two labels are: symmetric, 0 on the diagonal, squared where Krippendorff squares; `gain_distances` makes
    one. None: any two labels are equally far. "ordinal": the labels have an order, that of the columns, and the
    distance of two is how many judgments lie between them. nan when no unit has two judgments, or when all
    judgments carry one label (or labels without a distance between them): then chance alone explains all.
    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
    """
    table = _pairable(_checked(counts))
    totals = table.sum(axis=0).astype(np.float64)
    matrix = _distances(distances, totals)
    judged = table.sum(axis=1)
    observed = float((((table @ matrix) * table).sum(axis=1) / (judged - 1)).sum())
    return float(alpha_of_distances(observed, expected_distance(totals, matrix), totals.sum()))


def fleiss_kappa(counts: ArrayLike) -> float:
    """Fleiss's kappa, as Gwet generalised it to units that differ in their number of judgments.

    `counts` is (units, labels). Agreement is `raw_agreement`, over units with two or more judgments; chance is that
    two people who give each label as often as it is given on average, each unit weighing the same, give one label;
    units with one judgment take part in it. With as many judgments of every unit it is the classic. nan when no
    unit has two judgments or all judgments carry one label.
    Source: Gwet, "Handbook of Inter-Rater Reliability", 4th edition (2014), chapter 2.
    """
    table = _checked(counts)
    return float(chance_corrected(raw_agreement(table), fleiss_chance(_mean_shares(table))))


def gwet_ac1(counts: ArrayLike) -> float:
    """Gwet's AC1: agreement corrected by a chance that stays small where one label prevails.

    `counts` is (units, labels); the number of columns matters, as chance is spread over labels that may be given.
    Units with one judgment take part in the labels' shares, as in `fleiss_kappa`. nan when no unit has two
    judgments, or for fewer than two labels.
    Source: Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement", British
    Journal of Mathematical and Statistical Psychology 61 (2008).
    """
    table = _checked(counts)
    return float(chance_corrected(raw_agreement(table), gwet_chance(_mean_shares(table))))


def cohen_kappa(table: ArrayLike, distances: ArrayLike | None = None) -> float:
    """Cohen's kappa of two people; weighted, where distances are given.

    `table` is (labels, labels): how many units the first person gave label r and the second label c. `distances`
    is (labels, labels), 0 on the diagonal: |r - c| for linear and (r - c) squared for quadratic weights. nan
    without units, or when chance leaves no room for disagreement: both gave the same one label throughout.
    Sources: Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20
    (1960); Cohen, "Weighted kappa", Psychological Bulletin 70 (1968).
    """
    units = _checked(table)
    if units.shape[0] != units.shape[1]:
        raise ValueError(f"table must be as wide as high, got shape {units.shape}")
    matrix = _distances(distances, units.sum(axis=0).astype(np.float64))
    total = units.sum()
    if total == 0:
        return NAN
    by_chance = np.outer(units.sum(axis=1), units.sum(axis=0)) / total
    expected = (matrix * by_chance).sum()
    return float(1 - (matrix * units).sum() / expected) if expected > 0 else NAN


def one_against_rest(counts: ArrayLike, label: int) -> NDArray[np.int64]:
    """Counts (units, 2) of one label and of all others together: agreement on whether it is this label."""
    table = _checked(counts)
    if not 0 <= label < table.shape[1]:
        raise ValueError(f"label must be one of 0 to {table.shape[1] - 1}, got {label}")
    return np.column_stack([table[:, label], table.sum(axis=1) - table[:, label]])


def table_against_rest(table: ArrayLike, label: int) -> NDArray[np.int64]:
    """The table of two people (labels, labels) for `cohen_kappa`, with one label and all others together: (2, 2)."""
    rows = one_against_rest(table, label)
    return one_against_rest(rows.T, label).T


def gain_distances(gains: ArrayLike) -> Floats:
    """How far apart labels are by their gains (labels,): the squared difference, (labels, labels).

    With it alpha is Krippendorff's interval alpha of the gains: it minds most what costs a ranking most.
    """
    values = np.asarray(gains, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"gains must be one finite number for each label, got {values.tolist()}")
    distances: Floats = (values[:, None] - values) ** 2
    return distances


# What follows takes sums over units, so that sums of bootstrap draws do as well: any leading axes, labels last.


def alpha_of_distances(observed: ArrayLike, expected: ArrayLike, judgments: ArrayLike) -> Floats:
    """Alpha from the distances within units and by chance; nan where chance has none.

    `observed` is the sum over units of the distances of every ordered pair of judgments, by the unit's judgments
    less one; `expected` is `expected_distance`; `judgments` how many there are.
    """
    by_chance, n = np.asarray(expected, dtype=np.float64), np.asarray(judgments, dtype=np.float64)
    within = np.asarray(observed, dtype=np.float64)
    relative = np.divide((n - 1) * within, by_chance, out=np.zeros_like(by_chance), where=by_chance > 0)
    return np.where(by_chance > 0, 1 - relative, np.nan)


def expected_distance(totals: Floats, distances: Floats) -> Floats:
    """The distances of every ordered pair of all judgments, summed, from totals (..., labels): (...)."""
    summed: Floats = ((totals @ distances) * totals).sum(axis=-1)
    return summed


def ordinal_expected_distance(totals: Floats) -> Floats:
    """The same where the distance of labels is the squared difference of their `midranks`."""
    n = totals.sum(axis=-1, keepdims=True)
    ranks = midranks(totals)
    mean = np.divide((totals * ranks).sum(axis=-1, keepdims=True), n, out=np.zeros_like(n), where=n > 0)
    summed = 2 * n[..., 0] * (totals * (ranks - mean) ** 2).sum(axis=-1)
    return np.where((totals > 0).sum(axis=-1) > 1, summed, 0.0)


def midranks(totals: Floats) -> Floats:
    """The middle rank of each label's judgments, all judgments in the labels' order, from totals (..., labels)."""
    ranks: Floats = np.cumsum(totals, axis=-1) - totals / 2
    return ranks


def fleiss_chance(label_shares: Floats) -> Floats:
    """How often two people agree by chance, from the labels' shares (..., labels), by Fleiss."""
    chance: Floats = (label_shares**2).sum(axis=-1)
    return chance


def gwet_chance(label_shares: Floats) -> Floats:
    """The same by Gwet: nan for fewer than two labels."""
    labels = label_shares.shape[-1]
    if labels < 2:
        return np.full(label_shares.shape[:-1], np.nan)
    chance: Floats = (label_shares * (1 - label_shares)).sum(axis=-1) / (labels - 1)
    return chance


def chance_corrected(observed: ArrayLike, chance: ArrayLike) -> Floats:
    """What is left of agreement beyond chance, as a share of what chance leaves; nan where it leaves nothing."""
    agreeing, lucky = np.asarray(observed, dtype=np.float64), np.asarray(chance, dtype=np.float64)
    room = 1 - lucky
    result = np.full(np.broadcast_shapes(agreeing.shape, room.shape), np.nan)
    np.divide(agreeing - lucky, room, out=result, where=room > 0)
    return result


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


def _distances(distances: ArrayLike | Literal["ordinal"] | None, totals: Floats) -> Floats:
    labels = len(totals)
    if distances is None:
        return 1.0 - np.eye(labels)
    if isinstance(distances, str):
        if distances != "ordinal":
            raise ValueError(f'distances must be a matrix or "ordinal", got "{distances}"')
        return gain_distances(midranks(totals))
    matrix = np.asarray(distances, dtype=np.float64)
    if matrix.shape != (labels, labels):
        raise ValueError(f"distances must be a table of {labels} by {labels} labels, got shape {matrix.shape}")
    if np.diagonal(matrix).any() or (matrix < 0).any() or (matrix != matrix.T).any():
        raise ValueError(f"distances must be symmetric, not negative, and 0 on the diagonal, got {matrix.tolist()}")
    return matrix


def _mean_shares(table: NDArray[np.int64]) -> Floats:
    """The share of each label, each judged unit weighing the same; nan without any."""
    judged = table.sum(axis=1)
    used = judged > 0
    if not used.any():
        return np.full(table.shape[1], np.nan)
    shares: Floats = (table[used] / judged[used, None]).mean(axis=0)
    return shares


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
