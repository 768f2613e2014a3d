"""Agreement within each part of the judgments: a locale, a month, a guideline's version."""

from dataclasses import dataclass

import numpy as np

from modeling.estimates import Estimate, Floats, alpha_of_coincidences
from modeling.labels.draws import Draws, blocks, estimates, ratio, shares
from modeling.labels.judged import Comparisons, Indexes

# Values of a slice are measured so many numbers (values by labels by draws) at a time: 64 MB.
_NUMBERS = 8_000_000


@dataclass(frozen=True)
class PartAgreement:
    """Agreement among the judgments of one part. `units` have two or more judgments in it, and n is their number."""

    units: int
    judgments: int
    raw: Estimate
    alpha: Estimate


def agreement_by_part(
    draws: Draws, query: Indexes, label: Indexes, compared: Comparisons, codes: Indexes, parts: int, labels: int
) -> list[PartAgreement]:
    """Agreement in each part, by part; `codes` (n,) says which part each judgment is in, -1 for none.

    Only judgments of one part are compared: where a pair has judgments of two parts, each part has its own unit.
    """
    found = []
    for here in blocks(parts, _NUMBERS // ((3 + labels) * (1 + draws.draws))):
        inside = (codes >= here.start) & (codes < here.stop)
        shifted = np.where(inside, codes - here.start, -1)
        found += _block(draws, query, label, compared, shifted, here.stop - here.start, labels)
    return found


def _block(
    draws: Draws, query: Indexes, label: Indexes, compared: Comparisons, codes: Indexes, parts: int, labels: int
) -> list[PartAgreement]:
    part = codes[compared.first]
    within = compared.among((part == codes[compared.second]) & (part >= 0))
    counted, m = within.counted, within.size[within.first]
    alike = label[within.first] == label[within.second]
    like = within.first[alike]
    rows = query[like], codes[like]
    units = draws.sums(query[counted], codes[counted], 1 / within.size[counted], parts)
    agreeing = draws.sums(*rows, 2 / (m * (m - 1))[alike], parts).values
    weighed = draws.sums(*rows, 2 / (m - 1)[alike], parts).values
    totals = draws.sums(query[counted], codes[counted] * labels + label[counted], None, parts * labels).values
    by_label: Floats = np.moveaxis(totals.reshape(parts, labels, -1), 1, -1)
    n = units.values[:, 0].round()
    found = zip(
        n.astype(int).tolist(),
        by_label[:, 0].sum(axis=-1).round().astype(int).tolist(),
        shares(ratio(agreeing, units.values), n, units.queries),
        estimates(alpha_of_coincidences(weighed, by_label), n),
        strict=True,
    )
    return [PartAgreement(*row) for row in found]
