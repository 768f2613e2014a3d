import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

from modeling.labels.agreement import (
    agreement,
    cohen_kappa,
    fleiss_kappa,
    gain_distances,
    gwet_ac1,
    krippendorff_alpha,
    one_against_rest,
    raw_agreement,
    table_against_rest,
)

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


@st.composite
def two_people(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    """Two people's labels of the same units; labels that nobody gives are likely."""
    units, labels = draw(st.integers(1, 30)), draw(st.integers(2, 6))
    some = draw(st.sets(st.integers(0, labels - 1), min_size=1))
    column = st.lists(st.sampled_from(sorted(some)), min_size=units, max_size=units)
    return draw(column), draw(column), labels


def alpha_by_pairs(counts: Counts, distances: Any = None) -> float:
    """The definition by brute force: disagreement within units over disagreement among all judgments."""
    units = [np.repeat(np.arange(len(row)), row) for row in counts if row.sum() >= 2]
    if not units:
        return math.nan
    apart = 1 - np.eye(counts.shape[1]) if distances is None else np.asarray(distances)
    everything = np.concatenate(units)
    n = len(everything)
    within = sum(apart[unit[:, None], unit].sum() / (len(unit) - 1) for unit in units) / n
    overall = apart[everything[:, None], everything].sum() / (n * (n - 1))
    return float(1 - within / overall) if overall else math.nan


def ordinal_distances(counts: Counts) -> Any:
    """Krippendorff's: the judgments from one label to the other, those at the ends by half, squared."""
    totals = counts[counts.sum(axis=1) >= 2].sum(axis=0)
    labels = range(len(totals))
    return [
        [(sum(totals[min(a, b) : max(a, b) + 1]) - (totals[a] + totals[b]) / 2) ** 2 for a in labels] for b in labels
    ]


@given(any_counts)
def test_alpha_equals_its_definition_by_pairs(counts: Counts) -> None:
    assert krippendorff_alpha(counts) == pytest.approx(alpha_by_pairs(counts), nan_ok=True)


@given(any_counts)
def test_alpha_with_distances_equals_its_definition_by_pairs(counts: Counts) -> None:
    squares = gain_distances(np.arange(counts.shape[1]) ** 2)
    assert krippendorff_alpha(counts, squares) == pytest.approx(alpha_by_pairs(counts, squares), nan_ok=True)
    ordinal = alpha_by_pairs(counts, ordinal_distances(counts))
    assert krippendorff_alpha(counts, "ordinal") == pytest.approx(ordinal, nan_ok=True)


@given(even_counts())
def test_fleiss_kappa_is_that_of_statsmodels(counts: Counts) -> None:
    assert fleiss_kappa(counts) == pytest.approx(inter_rater.fleiss_kappa(counts))


@given(even_counts(), st.data())
def test_fleiss_kappa_of_one_label_is_that_of_statsmodels(counts: Counts, data: st.DataObject) -> None:
    given_labels = np.flatnonzero(counts.any(axis=0))
    binary = one_against_rest(counts, data.draw(st.sampled_from(given_labels.tolist())))
    assert fleiss_kappa(binary) == pytest.approx(inter_rater.fleiss_kappa(binary))


@given(two_people())
def test_cohen_kappa_is_that_of_scikit_learn(people: tuple[list[int], list[int], int]) -> None:
    first, second, labels = people
    table = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(table, (first, second), 1)
    places = np.arange(labels)
    linear = np.abs(places[:, None] - places)
    for name, distances in ((None, None), ("linear", linear), ("quadratic", linear**2)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where the value is undefined
            expected = cohen_kappa_score(first, second, labels=places, weights=name)
        assert cohen_kappa(table, distances) == pytest.approx(expected, nan_ok=True)


@given(two_people())
def test_cohen_kappa_is_that_of_statsmodels(people: tuple[list[int], list[int], int]) -> None:
    first, second, labels = people
    table = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(table, (first, second), 1)
    if not math.isnan(cohen_kappa(table)):
        assert cohen_kappa(table) == pytest.approx(inter_rater.cohens_kappa(table, return_results=False))


@given(two_people(), st.data())
def test_cohen_kappa_of_one_label_is_that_of_scikit_learn(
    people: tuple[list[int], list[int], int], data: st.DataObject
) -> None:
    first, second, labels = people
    table = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(table, (first, second), 1)
    label = data.draw(st.integers(0, labels - 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where the value is undefined
        expected = cohen_kappa_score(np.equal(first, label), np.equal(second, label), labels=[False, True])
    assert cohen_kappa(table_against_rest(table, label)) == pytest.approx(expected, nan_ok=True)


@given(even_counts())
def test_gwet_ac1_does_not_fall_with_how_uneven_the_labels_are(counts: Counts) -> None:
    """Its chance is the highest, one by the number of labels, where all labels are as frequent."""
    raw, labels = raw_agreement(counts), counts.shape[1]
    assert gwet_ac1(counts) >= (raw - 1 / labels) / (1 - 1 / labels) - 1e-9


def test_gwet_ac1_of_one_label_only_is_one_as_chance_explains_nothing() -> None:
    assert gwet_ac1([[2, 0], [3, 0]]) == 1.0
    assert math.isnan(gwet_ac1([[2], [3]]))
    assert math.isnan(fleiss_kappa([[2, 0], [3, 0]]))


def test_cohen_kappa_without_units_or_disagreement_by_chance_is_undefined() -> None:
    assert math.isnan(cohen_kappa([[0, 0], [0, 0]]))
    assert math.isnan(cohen_kappa([[7, 0], [0, 0]]))


@given(even_counts())
def test_alpha_is_fleiss_kappa_with_its_small_sample_correction(counts: Counts) -> None:
    kappa, judgments = inter_rater.fleiss_kappa(counts), counts.sum()
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
    with pytest.raises(ValueError, match=r"2 by 2 labels, got shape \(3, 3\)"):
        krippendorff_alpha([[1, 1]], np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"symmetric, not negative, and 0 on the diagonal"):
        krippendorff_alpha([[1, 1]], [[0, 1], [2, 0]])
    with pytest.raises(ValueError, match=r"a matrix or \"ordinal\", got \"ratio\""):
        krippendorff_alpha([[1, 1]], "ratio")
    with pytest.raises(ValueError, match=r"as wide as high, got shape \(1, 2\)"):
        cohen_kappa([[1, 1]])
    with pytest.raises(ValueError, match=r"one finite number for each label, got \[1.0, nan\]"):
        gain_distances([1.0, math.nan])
    with pytest.raises(ValueError, match=r"label must be one of 0 to 1, got 2"):
        one_against_rest([[1, 1]], 2)
