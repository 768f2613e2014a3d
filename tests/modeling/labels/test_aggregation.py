import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from crowdkit import aggregation as crowdkit
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from modeling.labels.aggregation import (
    NONE,
    TIE,
    WEAK,
    ErrorRates,
    Prior,
    compare_methods,
    dawid_skene,
    majorities,
    majority,
    posterior_of,
)


@pytest.mark.parametrize(
    ("counts", "label", "share"),
    [
        ([0, 3, 0, 0], 1, 1.0),
        ([2, 1, 0, 0], 0, 2 / 3),
        ([1, 1, 0, 0], TIE, 0.5),
        ([1, 2, 2, 0], TIE, 0.4),
        ([2, 1, 1, 0], 0, 0.5),
    ],
)
def test_majority_names_the_label_or_a_tie(counts: list[int], label: int, share: float) -> None:
    result = majority(counts)
    assert result.label == label
    assert result.share == pytest.approx(share)


def test_majority_of_nobody_is_a_tie_without_a_share() -> None:
    result = majority([0, 0])
    assert result.label == TIE
    assert math.isnan(result.share)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_majority_label_has_more_votes_than_any_other(counts: list[int]) -> None:
    label, _share = majority(counts)
    ranked = sorted(counts, reverse=True)
    alone = ranked[0] > (ranked[1] if len(ranked) > 1 else 0)
    assert (label != TIE) == alone
    if alone:
        assert counts[label] == ranked[0]


@pytest.mark.parametrize("counts", [[], [[1, 2]], [1, -1]])
def test_majority_refuses_what_are_no_votes(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="counts must"):
        majority(counts)


@given(st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=1, max_size=6))
def test_majorities_are_the_majority_of_each_unit(counts: list[list[int]]) -> None:
    assert majorities(counts).tolist() == [majority(row).label for row in counts]


class Said(NamedTuple):
    """Who gave which label to which item."""

    item: NDArray[np.int64]
    person: NDArray[np.int64]
    label: NDArray[np.int64]


@st.composite
def any_said(draw: st.DrawFn) -> Said:
    rows = st.tuples(st.integers(5, 12), st.integers(-2, 2), st.integers(0, 3))
    said = draw(st.lists(rows, min_size=1, max_size=40))
    return Said(*np.array(said, dtype=np.int64).T)


def simulated(items: int = 800, seed: int = 3) -> tuple[Said, NDArray[np.int64]]:
    """Ten people who err each in their own way, three of ten judgments an item; and the true labels."""
    random = np.random.default_rng(seed)
    truth = random.choice(4, items, p=[0.45, 0.25, 0.1, 0.2])
    skill = random.uniform(0.4, 0.98, 10)
    confusion = np.stack(
        [skill[who] * np.eye(4) + (1 - skill[who]) * random.dirichlet(np.ones(4), 4) for who in range(10)]
    )
    person = np.concatenate([random.permutation(10)[:3] for _ in range(items)])
    item = np.repeat(np.arange(items), 3)
    chance = confusion[person, truth[item]].cumsum(axis=1)
    label = (random.random(len(item))[:, None] > chance).sum(axis=1).clip(max=3)
    return Said(item, person, label), truth


@settings(deadline=None)
@given(any_said(), st.sampled_from([WEAK, NONE, Prior(0.5, 2.0, 7.0)]))
def test_dawid_skene_never_loses_log_posterior_and_gives_probabilities(said: Said, prior: Prior) -> None:
    model = dawid_skene(*said, labels=4, prior=prior)
    assert (np.diff(model.log_posterior) > -1e-7).all()
    assert model.posterior.sum(axis=1) == pytest.approx(1)
    assert model.confusion.sum(axis=2) == pytest.approx(1)
    assert model.prior.sum() == pytest.approx(1)
    assert model.counts.sum(axis=(1, 2)).tolist() == pytest.approx([(said.person == one).sum() for one in model.people])
    assert model.items.tolist() == sorted(set(said.item.tolist()))
    assert model.people.tolist() == sorted(set(said.person.tolist()))
    assert model.converged


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 1_000), st.integers(100, 300))
def test_dawid_skene_without_priors_is_that_of_crowd_kit(seed: int, items: int) -> None:
    said, _truth = simulated(items, seed)
    model = dawid_skene(*said, labels=4, prior=NONE, iterations=6, tolerance=-math.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = pd.DataFrame({"task": said.item, "worker": said.person, "label": said.label})
        peer = crowdkit.DawidSkene(n_iter=6, tol=-math.inf).fit_predict_proba(columns)
    assert model.posterior == pytest.approx(peer.reindex(index=model.items, columns=range(4)).to_numpy(), abs=1e-6)


def test_dawid_skene_is_right_more_often_than_the_majority() -> None:
    said, truth = simulated()
    model = dawid_skene(*said, labels=4)
    counts = np.zeros((len(truth), 4), dtype=np.int64)
    np.add.at(counts, (said.item, said.label), 1)
    shares = compare_methods({"majority": majorities(counts), "dawid_skene": model.posterior.argmax(axis=1)}, truth)
    assert list(shares) == ["majority", "dawid_skene"]
    assert shares["dawid_skene"].value > shares["majority"].value + 0.02
    assert {share.n for share in shares.values()} == {len(truth)}
    # Its probabilities mean what they say.
    best = model.posterior.max(axis=1)
    assert best.mean() == pytest.approx(shares["dawid_skene"].value, abs=0.03)


def test_dawid_skene_does_not_mind_order_or_ids() -> None:
    said, _truth = simulated(items=100)
    turned = Said(*(column[::-1] for column in said))
    first, second = dawid_skene(*said, labels=4), dawid_skene(*turned, labels=4)
    assert first.posterior == pytest.approx(second.posterior)
    assert (first.posterior == dawid_skene(*said, labels=4).posterior).all()
    renamed = dawid_skene(-1_000_000 * said.item, said.person * 7, said.label, labels=4)
    assert renamed.posterior[::-1] == pytest.approx(first.posterior)


def test_dawid_skene_of_little_is_defined() -> None:
    nothing = dawid_skene([], [], [], labels=3)
    assert (nothing.posterior.shape, nothing.confusion.shape) == ((0, 3), (0, 3, 3))
    assert nothing.prior.tolist() == pytest.approx([1 / 3] * 3)
    alone = dawid_skene([4], [9], [1], labels=3)
    assert alone.posterior.argmax() == 1
    assert alone.posterior[0].min() > 0
    assert alone.confusion[0, 1].argmax() == 1
    assert alone.confusion[0, 2] == pytest.approx(WEAK.confusion(3)[2] / 1.25, abs=0.2)
    one_label = dawid_skene([1, 1, 2], [8, 9, 9], [0, 0, 0], labels=1)
    assert one_label.posterior.tolist() == [[1.0], [1.0]]
    unused = dawid_skene([1, 1, 2, 2], [8, 9, 8, 9], [0, 0, 1, 1], labels=3)
    assert (unused.posterior[:, 2] > 0).all()
    assert unused.posterior.argmax(axis=1).tolist() == [0, 1]
    apart = dawid_skene([1, 1], [8, 9], [0, 1], labels=2)
    assert apart.posterior[0].tolist() == pytest.approx([0.5, 0.5])


def test_dawid_skene_stops_when_told_to() -> None:
    said, _truth = simulated(items=100)
    model = dawid_skene(*said, labels=4, iterations=2)
    assert (len(model.log_posterior), model.converged) == (2, False)


def test_posterior_of_one_item_is_that_of_the_model() -> None:
    said, _truth = simulated(items=100)
    model = dawid_skene(*said, labels=4)
    for item in range(100):
        here = said.item == item
        assert posterior_of(said.label[here], said.person[here], model) == pytest.approx(model.posterior[item])


def test_posterior_of_nobody_is_the_prior_and_of_a_stranger_that_of_people_on_average() -> None:
    confusion = np.array([[[0.9, 0.1], [0.4, 0.6]], [[0.7, 0.3], [0.2, 0.8]]])
    model = ErrorRates(np.array([3, 5]), np.array([0.6, 0.4]), confusion)
    assert posterior_of([], [], model) == pytest.approx([0.6, 0.4])
    assert posterior_of([0], [3], model) == pytest.approx([0.54 / 0.70, 0.16 / 0.70])
    assert posterior_of([0, 1], [3, 5], model) == pytest.approx([0.162 / 0.29, 0.128 / 0.29])
    assert posterior_of([0], [77], model) == pytest.approx([0.48 / 0.60, 0.12 / 0.60])
    unknown = ErrorRates(np.zeros(0, dtype=np.int64), np.array([0.5, 0.5]), np.zeros((0, 2, 2)))
    assert posterior_of([1], [3], unknown) == pytest.approx([0.2, 0.8])


def test_compare_methods_takes_a_tie_for_no_answer() -> None:
    shares = compare_methods({"majority": [0, TIE, 2], "other": [1, 1, 2]}, [0, 1, 2])
    assert [share.value for share in shares.values()] == pytest.approx([2 / 3, 2 / 3])
    assert shares["majority"].low == pytest.approx(0.2077, abs=5e-5)
    assert math.isnan(compare_methods({"majority": []}, [])["majority"].value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": [0, 4]}, "label must lie between 0 and 3, got 4"),
        ({"label": [0]}, r"of one length, got \(2,\), \(2,\), \(1,\)"),
        ({"labels": 0}, "labels must be at least 1, got 0"),
        ({"prior": Prior(-1.0)}, "must not be negative, got Prior"),
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
    ],
)
def test_dawid_skene_refuses_what_cannot_be(arguments: dict[str, Any], message: str) -> None:
    some: dict[str, Any] = {"item": [1, 2], "person": [1, 1], "label": [0, 1], "labels": 4}
    with pytest.raises(ValueError, match=message):
        dawid_skene(**some | arguments)


def test_what_compares_labels_refuses_other_lengths() -> None:
    with pytest.raises(ValueError, match=r"other must have a label for each of 2 units, got shape \(1,\)"):
        compare_methods({"other": [1]}, [1, 2])
    model = dawid_skene([1], [1], [0], labels=2)
    with pytest.raises(ValueError, match=r"given must be a label below 2 for each of 1 people, got \[2\]"):
        posterior_of([2], [1], model)
    with pytest.raises(ValueError, match=r"units by labels, got shape \(2,\)"):
        majorities([1, 2])
