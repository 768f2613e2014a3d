import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from statsmodels.stats.inter_rater import fleiss_kappa

from modeling.labels.agreement import agreement, krippendorff_alpha, raw_agreement

Counts = NDArray[np.int64]
any_counts = st.tuples(st.integers(1, 12), st.integers(2, 5)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 4))
)


@st.composite
def even_counts(draw: st.DrawFn) -> Counts:
    """Every unit judged by the same number of people, with more than one label in use."""
    units, labels, raters = draw(st.integers(2, 12)), draw(st.integers(2, 5)), draw(st.integers(2, 6))
    given_labels = arrays(np.int64, (units, raters), elements=st.integers(0, labels - 1))
    judged = draw(given_labels.filter(lambda rows: len(np.unique(rows)) > 1))
    return np.stack([np.bincount(row, minlength=labels) for row in judged])


def alpha_by_pairs(counts: Counts) -> float:
    """The definition by brute force: disagreement within units over disagreement among all judgments."""
    units = [np.repeat(np.arange(len(row)), row) for row in counts if row.sum() >= 2]
    if not units:
        return math.nan
    everything = np.concatenate(units)
    n = len(everything)
    within = sum((unit[:, None] != unit).sum() / (len(unit) - 1) for unit in units) / n
    overall = (everything[:, None] != everything).sum() / (n * (n - 1))
    return float(1 - within / overall) if overall else math.nan


@given(any_counts)
def test_alpha_equals_its_definition_by_pairs(counts: Counts) -> None:
    assert krippendorff_alpha(counts) == pytest.approx(alpha_by_pairs(counts), nan_ok=True)


@given(even_counts())
def test_alpha_is_fleiss_kappa_with_its_small_sample_correction(counts: Counts) -> None:
    kappa, judgments = fleiss_kappa(counts), counts.sum()
    assert krippendorff_alpha(counts) == pytest.approx(kappa + (1 - kappa) / judgments)


@given(any_counts)
def test_agreement_ignores_order_of_units_labels_and_single_judgments(counts: Counts) -> None:
    shuffled = np.vstack([counts[::-1, ::-1], np.eye(counts.shape[1], dtype=np.int64)])
    assert krippendorff_alpha(shuffled) == pytest.approx(krippendorff_alpha(counts), nan_ok=True)
    assert raw_agreement(shuffled) == pytest.approx(raw_agreement(counts), nan_ok=True)


def test_agreement_of_two_who_always_agree_is_one() -> None:
    counts = [[2, 0], [0, 2], [2, 0]]
    assert krippendorff_alpha(counts) == 1.0
    assert raw_agreement(counts) == 1.0


def test_alpha_of_one_label_only_is_undefined_but_raw_agreement_is_not() -> None:
    counts = [[2, 0], [3, 0]]
    assert math.isnan(krippendorff_alpha(counts))
    assert raw_agreement(counts) == 1.0


@pytest.mark.parametrize("counts", [np.empty((0, 4), dtype=np.int64), [[1, 0], [0, 1]]])
def test_agreement_without_a_second_judgment_is_undefined(counts: Counts) -> None:
    result = agreement(counts, np.arange(len(counts)), seed=1)
    assert math.isnan(result.alpha.value)
    assert math.isnan(result.raw.value)
    assert (result.units, result.judgments) == (0, 0)


def test_agreement_intervals_hold_the_value_and_widen_with_clusters() -> None:
    random = np.random.default_rng(5)
    truth = np.repeat(random.integers(0, 4, 40), 5)
    hard = np.repeat(random.random(40) < 0.3, 5)
    judged = np.where(hard[:, None], random.integers(0, 4, (200, 3)), truth[:, None])
    counts = np.stack([np.bincount(row, minlength=4) for row in judged])
    by_query = agreement(counts, np.repeat(np.arange(40), 5), seed=2)
    by_pair = agreement(counts, np.arange(200), seed=2)
    for result in (by_query, by_pair):
        assert result.alpha.low < result.alpha.value < result.alpha.high
        assert result.raw.low < result.raw.value < result.raw.high
        assert (result.units, result.judgments, result.alpha.n) == (200, 600, 200)
    assert by_query.alpha.high - by_query.alpha.low > 1.3 * (by_pair.alpha.high - by_pair.alpha.low)
    assert by_query == agreement(counts, np.repeat(np.arange(40), 5), seed=2)


def test_agreement_refuses_what_is_no_table_of_counts() -> None:
    with pytest.raises(ValueError, match=r"got -1 at unit 1, label 0"):
        krippendorff_alpha([[1, 1], [-1, 2]])
    with pytest.raises(ValueError, match=r"whole numbers, got float64"):
        krippendorff_alpha([[0.5, 1.5]])
    with pytest.raises(ValueError, match=r"units by labels, got shape \(2,\)"):
        raw_agreement([1, 1])
    with pytest.raises(ValueError, match=r"one name for each of 2 units, got shape \(1,\)"):
        agreement([[1, 1], [0, 2]], [7], seed=1)
