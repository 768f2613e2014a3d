"""Published worked examples of agreement: tables and expected values, each with its source."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from modeling.labels.agreement import agreement, krippendorff_alpha, raw_agreement

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: 4 observers, 12 units, None
# where an observer gave no label. Nominal alpha 0.743; percent agreement 0.81818 from the R package irrCAC
# (cac.raw4raters), whose data are the same.
KRIPPENDORFF_4X12: tuple[tuple[int | None, ...], ...] = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
KRIPPENDORFF_4X12_ALPHA = 0.7434
KRIPPENDORFF_4X12_RAW = 0.8182
KRIPPENDORFF_4X12_UNITS = 11
KRIPPENDORFF_4X12_JUDGMENTS = 40

# Krippendorff (2011), example B: 2 observers, 12 units, nominal alpha 0.692.
KRIPPENDORFF_2X12 = ("aabbdcccedda", "babbbccceddd")
KRIPPENDORFF_2X12_ALPHA = 0.692

# Fleiss, "Measuring nominal scale agreement among many raters" (1971), table 1: 30 patients, 6 psychiatrists,
# 5 diagnoses. Mean agreement 0.5556, kappa 0.4302 (R irr::diagnoses); alpha recomputed.
FLEISS_30X6 = (
    (0, 0, 0, 6, 0),
    (0, 3, 0, 0, 3),
    (0, 1, 4, 0, 1),
    (0, 0, 0, 0, 6),
    (0, 3, 0, 3, 0),
    (2, 0, 4, 0, 0),
    (0, 0, 4, 0, 2),
    (2, 0, 3, 1, 0),
    (2, 0, 0, 4, 0),
    (0, 0, 0, 0, 6),
    (1, 0, 0, 5, 0),
    (1, 1, 0, 4, 0),
    (0, 3, 3, 0, 0),
    (1, 0, 0, 5, 0),
    (0, 2, 0, 3, 1),
    (0, 0, 5, 0, 1),
    (3, 0, 0, 1, 2),
    (5, 1, 0, 0, 0),
    (0, 2, 0, 4, 0),
    (1, 0, 2, 0, 3),
    (0, 0, 0, 0, 6),
    (0, 1, 0, 5, 0),
    (0, 2, 0, 1, 3),
    (2, 0, 0, 4, 0),
    (1, 0, 0, 4, 1),
    (0, 5, 0, 1, 0),
    (4, 0, 0, 0, 2),
    (0, 2, 0, 4, 0),
    (1, 0, 5, 0, 0),
    (0, 0, 0, 0, 6),
)
FLEISS_30X6_RAW = 0.5556
FLEISS_30X6_KAPPA = 0.4302
FLEISS_30X6_ALPHA = 0.4334

# Gwet, "Handbook of Inter-Rater Reliability": table[first rater][second rater] of two raters and two labels,
# where nearly everything agrees and the chance-corrected value is below zero; also Scott's pi and agreement.
GWET_PARADOX = ((118, 5), (2, 0))
GWET_PARADOX_RAW = 0.944
GWET_PARADOX_SCOTT = -0.0288
GWET_PARADOX_ALPHA = -0.0247


def counts_of_raters(raters: Sequence[Sequence[int | None]], labels: int) -> NDArray[np.int64]:
    counts = np.zeros((len(raters[0]), labels), dtype=np.int64)
    for rater in raters:
        for unit, label in enumerate(rater):
            if label is not None:
                counts[unit, label - 1] += 1
    return counts


def counts_of_letters(raters: Sequence[str]) -> NDArray[np.int64]:
    return counts_of_raters([[ord(letter) - ord("a") + 1 for letter in rater] for rater in raters], 5)


def counts_of_table(table: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    units = []
    for first, row in enumerate(table):
        for second, times in enumerate(row):
            unit = np.zeros(len(table), dtype=np.int64)
            unit[first] += 1
            unit[second] += 1
            units += [unit] * times
    return np.array(units)


def test_krippendorff_2011_with_missing_values() -> None:
    counts = counts_of_raters(KRIPPENDORFF_4X12, 5)
    result = agreement(counts, np.arange(12), seed=1)
    assert krippendorff_alpha(counts) == pytest.approx(KRIPPENDORFF_4X12_ALPHA, abs=5e-5)
    assert raw_agreement(counts) == pytest.approx(KRIPPENDORFF_4X12_RAW, abs=5e-5)
    assert (result.units, result.judgments) == (KRIPPENDORFF_4X12_UNITS, KRIPPENDORFF_4X12_JUDGMENTS)
    assert result.alpha.value == pytest.approx(KRIPPENDORFF_4X12_ALPHA, abs=5e-5)
    assert result.raw.value == pytest.approx(KRIPPENDORFF_4X12_RAW, abs=5e-5)


def test_krippendorff_2011_two_observers() -> None:
    alpha = krippendorff_alpha(counts_of_letters(KRIPPENDORFF_2X12))
    assert alpha == pytest.approx(KRIPPENDORFF_2X12_ALPHA, abs=5e-4)


def test_fleiss_1971_diagnoses() -> None:
    units, raters = 30, 6
    alpha = krippendorff_alpha(FLEISS_30X6)
    assert raw_agreement(FLEISS_30X6) == pytest.approx(FLEISS_30X6_RAW, abs=5e-5)
    assert alpha == pytest.approx(FLEISS_30X6_ALPHA, abs=5e-5)
    # With as many judgments for every unit, alpha is kappa with a correction for the sample's size.
    kappa = (alpha - 1 / (units * raters)) / (1 - 1 / (units * raters))
    assert kappa == pytest.approx(FLEISS_30X6_KAPPA, abs=5e-5)


def test_gwet_paradox_high_agreement_low_alpha() -> None:
    counts = counts_of_table(GWET_PARADOX)
    alpha = krippendorff_alpha(counts)
    scott = (alpha - 1 / (2 * len(counts))) / (1 - 1 / (2 * len(counts)))
    assert raw_agreement(counts) == pytest.approx(GWET_PARADOX_RAW, abs=5e-5)
    assert alpha == pytest.approx(GWET_PARADOX_ALPHA, abs=5e-5)
    assert scott == pytest.approx(GWET_PARADOX_SCOTT, abs=5e-5)
