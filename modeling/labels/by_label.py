"""Agreement over all, and on each label against the rest."""

from dataclasses import dataclass

import numpy as np

from modeling.estimates import Estimate, Floats
from modeling.labels.agreement import (
    alpha_of_distances,
    chance_corrected,
    expected_distance,
    fleiss_chance,
    gwet_chance,
    midranks,
    ordinal_expected_distance,
)
from modeling.labels.draws import Draws, blocks, estimates, ratio, shares
from modeling.labels.judged import Comparisons, Indexes, distinct

# Disagreements are summed for so many pairs of labels at a time.
_LABEL_PAIRS = 1_000


@dataclass(frozen=True)
class OverallAgreement:
    """Agreement by every measure; n of each is the number of units with two or more judgments."""

    raw: Estimate
    alpha: Estimate
    alpha_ordinal: Estimate
    alpha_gains: Estimate
    fleiss: Estimate
    ac1: Estimate


@dataclass(frozen=True)
class LabelAgreement:
    """Agreement on whether it is this label; `judgments` of units with two or more gave it, and n is their number."""

    label: int
    judgments: int
    raw: Estimate
    alpha: Estimate
    fleiss: Estimate
    ac1: Estimate


@dataclass(frozen=True)
class _Sums:
    """Sums with their draws: (1 + draws) on the last axis, labels before it.

    `unlike` and `apart` sum the comparisons of unlike judgments one of which has the label: in a unit of m judgments
    a comparison counts 2 / (m (m - 1)) in `unlike`, so that a unit weighs 1, and 2 / (m - 1) in `apart`, so that it
    weighs m. `by_gains` and `by_order` are those times the labels' distance, over all labels.
    """

    units: Floats
    queries: Indexes
    given: Floats
    totals: Floats
    unlike: Floats
    apart: Floats
    by_gains: Floats
    by_order: Floats


def label_agreement(
    draws: Draws, query: Indexes, label: Indexes, compared: Comparisons, distances: Floats, order: Indexes
) -> tuple[OverallAgreement, tuple[LabelAgreement, ...]]:
    """Agreement over all, and of each label against the rest, by label.

    `query` and `label` are (n,), `distances` (labels, labels) for alpha by gains, `order` (labels,) the labels in
    their order for the ordinal alpha.
    """
    sums = _sums(draws, query, label, compared, distances, order)
    totals, judgments = sums.totals.T, sums.totals.sum(axis=0)
    label_shares = ratio(sums.given, sums.given.sum(axis=0))
    unlike = ratio(sums.unlike.sum(axis=0) / 2, sums.units)
    rows = np.stack(
        [
            alpha_of_distances(sums.apart.sum(axis=0) / 2, judgments**2 - (totals**2).sum(axis=-1), judgments),
            alpha_of_distances(sums.by_order, ordinal_expected_distance(totals[:, order]), judgments),
            alpha_of_distances(sums.by_gains, expected_distance(totals, distances), judgments),
            chance_corrected(1 - unlike, fleiss_chance(label_shares.T)),
            chance_corrected(1 - unlike, gwet_chance(label_shares.T)),
        ]
    )
    raw = shares((1 - unlike)[None], sums.units[None, 0], sums.queries)
    overall = OverallAgreement(*raw, *estimates(rows, np.full(len(rows), sums.units[0])))
    return overall, _against_rest(sums, judgments, label_shares)


def _against_rest(sums: _Sums, judgments: Floats, label_shares: Floats) -> tuple[LabelAgreement, ...]:
    raw = 1 - ratio(sums.unlike, sums.units)
    alpha = alpha_of_distances(sums.apart, 2 * sums.totals * (judgments - sums.totals), judgments)
    binary = np.stack([label_shares, 1 - label_shares], axis=-1)
    fleiss = chance_corrected(raw, fleiss_chance(binary))
    ac1 = chance_corrected(raw, gwet_chance(binary))
    labels = len(raw)
    n = np.full(labels, sums.units[0])
    found = zip(
        range(labels),
        sums.totals[:, 0].round().astype(int).tolist(),
        shares(raw, n, np.repeat(sums.queries, labels)),
        estimates(alpha, n),
        estimates(fleiss, n),
        estimates(ac1, n),
        strict=True,
    )
    return tuple(LabelAgreement(*row) for row in found)


def _sums(
    draws: Draws, query: Indexes, label: Indexes, compared: Comparisons, distances: Floats, order: Indexes
) -> _Sums:
    labels, size, counted = len(distances), compared.size, compared.counted
    units = draws.sums(query[counted], np.zeros_like(counted), 1 / size[counted], 1)
    given = draws.sums(query, label, 1 / size, labels).values
    totals = draws.sums(query[counted], label[counted], None, labels).values
    ranks = np.empty_like(totals)
    ranks[order] = midranks(totals[order].T).T

    differ = label[compared.first] != label[compared.second]
    first, second = compared.first[differ], compared.second[differ]
    low, high = np.minimum(label[first], label[second]), np.maximum(label[first], label[second])
    codes, place = distinct(low * labels + high)
    sides = np.stack([codes // labels, codes % labels])
    m = size[first]
    unlike, apart = np.zeros_like(totals), np.zeros_like(totals)
    by_gains, by_order = np.zeros_like(totals[0]), np.zeros_like(totals[0])
    for here in blocks(len(codes), _LABEL_PAIRS):
        inside = (place >= here.start) & (place < here.stop)
        entries = query[first[inside]], place[inside] - here.start
        columns = here.stop - here.start
        block = draws.sums(*entries, 2 / (m[inside] - 1), columns).values
        share = draws.sums(*entries, 2 / (m[inside] * (m[inside] - 1)), columns).values
        one, other = sides[:, here]
        for side in (one, other):
            np.add.at(unlike, side, share)
            np.add.at(apart, side, block)
        by_gains += distances[one, other] @ block
        by_order += (block * (ranks[one] - ranks[other]) ** 2).sum(axis=0)
    return _Sums(units.values[0], units.queries, given, totals, unlike, apart, by_gains, by_order)
