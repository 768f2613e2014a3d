"""Published worked examples of agreement: tables and expected values, each with its source."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from modeling.labels.agreement import (
    agreement,
    cohen_kappa,
    fleiss_chance,
    fleiss_kappa,
    gain_distances,
    gwet_ac1,
    gwet_chance,
    krippendorff_alpha,
    one_against_rest,
    raw_agreement,
)

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: 4 observers, 12 units, None
# where an observer gave no label. Alpha from there, recomputed; the coincidences too. Percent agreement, Gwet's AC1,
# its chance and generalised Fleiss from the R package irrCAC (cac.raw4raters), whose data are the same.
KRIPPENDORFF_4X12: tuple[tuple[int | None, ...], ...] = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
KRIPPENDORFF_4X12_ALPHA = 0.7434
KRIPPENDORFF_4X12_ORDINAL = 0.8154
KRIPPENDORFF_4X12_INTERVAL = 0.8491
KRIPPENDORFF_4X12_RATIO = 0.7974
KRIPPENDORFF_4X12_RAW = 0.8182
KRIPPENDORFF_4X12_FLEISS = 0.7612
KRIPPENDORFF_4X12_AC1 = 0.7754
KRIPPENDORFF_4X12_AC1_CHANCE = 0.1903
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
FLEISS_30X6_CHANCE = 0.2199
FLEISS_30X6_KAPPA = 0.4302
FLEISS_30X6_ALPHA = 0.4334
FLEISS_30X6_KAPPA_BY_LABEL = (0.245, 0.245, 0.520, 0.471, 0.566)
FLEISS_30X6_SHARES = (0.144, 0.144, 0.167, 0.306, 0.239)

# Two raters, table[first rater][second rater], and Cohen's kappa: "Cohen's kappa" in Wikipedia, whose second and third
# table agree equally often; AC1 of the first recomputed.
COHEN_TABLES = (
    (((20, 5), (10, 15)), 0.4),
    (((45, 15), (25, 15)), 0.1304),
    (((25, 35), (5, 35)), 0.2593),
)
COHEN_FIRST_AC1 = 0.4059

# Gwet, "Handbook of Inter-Rater Reliability": two raters and two labels, where nearly everything agrees and most
# chance-corrected values are below zero.
GWET_PARADOX = ((118, 5), (2, 0))
GWET_PARADOX_RAW = 0.944
GWET_PARADOX_COHEN = -0.0234
GWET_PARADOX_SCOTT = -0.0288
GWET_PARADOX_AC1 = 0.9408
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


@pytest.mark.parametrize(
    ("distances", "alpha"),
    [
        ("ordinal", KRIPPENDORFF_4X12_ORDINAL),
        (gain_distances(range(1, 6)), KRIPPENDORFF_4X12_INTERVAL),
        (
            [[((one - other) / (one + other)) ** 2 for one in range(1, 6)] for other in range(1, 6)],
            KRIPPENDORFF_4X12_RATIO,
        ),
    ],
    ids=["ordinal", "interval", "ratio"],
)
def test_krippendorff_2011_with_distances(distances: ArrayLike | Literal["ordinal"], alpha: float) -> None:
    counts = counts_of_raters(KRIPPENDORFF_4X12, 5)
    assert krippendorff_alpha(counts, distances) == pytest.approx(alpha, abs=5e-5)


def test_gwet_four_raters_with_missing_values() -> None:
    counts = counts_of_raters(KRIPPENDORFF_4X12, 5)
    assert fleiss_kappa(counts) == pytest.approx(KRIPPENDORFF_4X12_FLEISS, abs=5e-5)
    assert gwet_ac1(counts) == pytest.approx(KRIPPENDORFF_4X12_AC1, abs=5e-5)
    shares = (counts / counts.sum(axis=1, keepdims=True)).mean(axis=0)
    assert gwet_chance(shares) == pytest.approx(KRIPPENDORFF_4X12_AC1_CHANCE, abs=5e-5)


def test_krippendorff_2011_two_observers() -> None:
    alpha = krippendorff_alpha(counts_of_letters(KRIPPENDORFF_2X12))
    assert alpha == pytest.approx(KRIPPENDORFF_2X12_ALPHA, abs=5e-4)


def test_fleiss_1971_diagnoses() -> None:
    alpha = krippendorff_alpha(FLEISS_30X6)
    assert raw_agreement(FLEISS_30X6) == pytest.approx(FLEISS_30X6_RAW, abs=5e-5)
    assert alpha == pytest.approx(FLEISS_30X6_ALPHA, abs=5e-5)
    assert fleiss_kappa(FLEISS_30X6) == pytest.approx(FLEISS_30X6_KAPPA, abs=5e-5)
    shares = np.sum(FLEISS_30X6, axis=0) / (30 * 6)
    assert shares == pytest.approx(FLEISS_30X6_SHARES, abs=1e-3)
    assert fleiss_chance(shares) == pytest.approx(FLEISS_30X6_CHANCE, abs=5e-5)


def test_fleiss_1971_diagnoses_by_label() -> None:
    kappas = [fleiss_kappa(one_against_rest(FLEISS_30X6, label)) for label in range(5)]
    assert kappas == pytest.approx(FLEISS_30X6_KAPPA_BY_LABEL, abs=5e-4)


@pytest.mark.parametrize(("table", "kappa"), COHEN_TABLES)
def test_cohen_of_published_tables(table: Sequence[Sequence[int]], kappa: float) -> None:
    assert cohen_kappa(table) == pytest.approx(kappa, abs=5e-5)


def test_gwet_ac1_of_two_raters() -> None:
    table, _kappa = COHEN_TABLES[0]
    assert gwet_ac1(counts_of_table(table)) == pytest.approx(COHEN_FIRST_AC1, abs=5e-5)


def test_gwet_paradox_high_agreement_low_alpha() -> None:
    counts = counts_of_table(GWET_PARADOX)
    assert raw_agreement(counts) == pytest.approx(GWET_PARADOX_RAW, abs=5e-5)
    assert cohen_kappa(GWET_PARADOX) == pytest.approx(GWET_PARADOX_COHEN, abs=5e-5)
    assert fleiss_kappa(counts) == pytest.approx(GWET_PARADOX_SCOTT, abs=5e-5)  # Scott's pi, for two raters
    assert gwet_ac1(counts) == pytest.approx(GWET_PARADOX_AC1, abs=5e-5)
    assert krippendorff_alpha(counts) == pytest.approx(GWET_PARADOX_ALPHA, abs=5e-5)
