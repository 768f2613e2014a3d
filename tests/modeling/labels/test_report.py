import json
import math
from collections.abc import Sequence
from dataclasses import fields
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from modeling.labels import by_label, by_person, by_question
from modeling.labels import report as report_of
from modeling.labels.agreement import (
    cohen_kappa,
    fleiss_kappa,
    gain_distances,
    gwet_ac1,
    krippendorff_alpha,
    one_against_rest,
    raw_agreement,
    table_against_rest,
)
from modeling.labels.report import FORMAT, Judged, Repeats, Report, Slice, measure

GAINS = (1.0, 0.1, 0.01, 0.0)
WALKS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("type", "yes"), ("conflict", "no")),
    (("type", "yes"), ("conflict", "yes")),
    (("type", "no"), ("job", "yes")),
    (("type", "no"), ("job", "no"), ("together", "yes")),
    (("type", "no"), ("job", "no"), ("together", "no")),
)
LABELS = np.array([0, 1, 1, 2, 3])


def some_judged(pairs: int = 120, people: int = 6, *, queries: int = 30, seed: int = 1) -> Judged:
    """One to four people a pair, who mostly give the same walk; two versions and three months."""
    random = np.random.default_rng(seed)
    size = random.integers(1, 5, pairs)
    pair = np.repeat(np.arange(pairs), size)
    person = np.concatenate([random.permutation(people)[:m] for m in size])
    true = random.integers(0, len(WALKS), pairs)[pair]
    walk = np.where(random.random(len(pair)) < 0.7, true, random.integers(0, len(WALKS), len(pair)))
    order = random.permutation(len(pair))
    columns = (
        pair + 900,
        pair % queries + 40,
        person + 7,
        LABELS[walk],
        walk,
        random.integers(3, 5, len(pair)),
        random.integers(24_300, 24_303, len(pair)),
    )
    return Judged(*(column[order] for column in columns))


def counts_of(judged: Judged, keep: Any = None) -> Any:
    """Counts (units, labels) of the judgments to keep."""
    keep = np.ones(len(judged), dtype=bool) if keep is None else keep
    units, unit = np.unique(judged.pair[keep], return_inverse=True)
    counts = np.zeros((len(units), len(GAINS)), dtype=np.int64)
    np.add.at(counts, (unit, judged.label[keep]), 1)
    return counts


def measured(judged: Judged, **options: Any) -> Report:
    defaults: dict[str, Any] = {"slices": {}, "repeats": None, "draws": 50, "seed": 3}
    return measure(judged, WALKS, GAINS, **defaults | options)


def comparisons(judged: Judged) -> list[tuple[int, int]]:
    places = range(len(judged))
    return [(i, j) for i, j in combinations(places, 2) if judged.pair[i] == judged.pair[j]]


def near(value: Any) -> Any:
    return pytest.approx(value, nan_ok=True)


def test_report_holds_every_measure_over_all_and_by_label() -> None:
    judged = some_judged()
    counts = counts_of(judged)
    report = measured(judged)
    found = {name: estimate.value for name, estimate in vars(report.overall).items()}
    assert found == near(
        {
            "raw": raw_agreement(counts),
            "alpha": krippendorff_alpha(counts),
            "alpha_ordinal": krippendorff_alpha(counts, "ordinal"),
            "alpha_gains": krippendorff_alpha(counts, gain_distances(GAINS)),
            "fleiss": fleiss_kappa(counts),
            "ac1": gwet_ac1(counts),
        }
    )
    units = (counts.sum(axis=1) > 1).sum()
    assert (report.units, report.judgments, report.people) == (units, len(judged), 6)
    assert {estimate.n for estimate in vars(report.overall).values()} == {units}
    for label, row in enumerate(report.labels):
        binary = one_against_rest(counts, label)
        assert (row.label, row.raw.value) == (label, near(raw_agreement(binary)))
        assert row.alpha.value == near(krippendorff_alpha(binary))
        assert row.fleiss.value == near(fleiss_kappa(binary))
        assert row.ac1.value == near(gwet_ac1(binary))
        assert row.judgments == counts[counts.sum(axis=1) > 1][:, label].sum()


def test_report_takes_labels_in_the_order_of_their_gains() -> None:
    judged = some_judged()
    report = measure(judged, WALKS, (0.0, 0.1, 1.0, 0.01), slices={}, repeats=None, draws=20, seed=1)
    by_gain = counts_of(judged)[:, [2, 1, 3, 0]]
    assert report.overall.alpha_ordinal.value == near(krippendorff_alpha(by_gain, "ordinal"))


def test_report_compares_answers_of_those_who_both_reached_the_question() -> None:
    judged = some_judged()
    report = measured(judged)
    alike: dict[str, list[bool]] = {}
    collided: dict[tuple[str, tuple[str, ...]], int] = {}
    for i, j in comparisons(judged):
        one, other = dict(WALKS[judged.walk[i]]), dict(WALKS[judged.walk[j]])
        for question in one.keys() & other.keys():
            answers = tuple(sorted({one[question], other[question]}))
            alike.setdefault(question, []).append(len(answers) == 1)
            if len(answers) == 2:
                collided[question, answers] = collided.get((question, answers), 0) + 1
    assert {row.question: (row.agreement.value, row.both) for row in report.questions} == {
        question: (near(np.mean(found)), len(found)) for question, found in alike.items()
    }
    values = [row.agreement.value for row in report.questions]
    assert values == sorted(values)
    found = {
        (row.question, tuple(sorted(collision.answers))): collision.n
        for row in report.questions
        for collision in row.collisions
    }
    assert found == collided


def test_report_compares_a_questions_versions() -> None:
    judged = some_judged()
    report = measured(judged)
    by_version = {(row.question, row.version): row.agreement for row in report.question_versions}
    alike: dict[tuple[str, int], list[bool]] = {}
    for i, j in comparisons(judged):
        one, other = dict(WALKS[judged.walk[i]]), dict(WALKS[judged.walk[j]])
        if judged.version[i] == judged.version[j]:
            for question in one.keys() & other.keys():
                alike.setdefault((question, int(judged.version[i])), []).append(one[question] == other[question])
    assert {key: (row.value, row.n) for key, row in by_version.items()} == {
        key: (near(np.mean(found)), len(found)) for key, found in alike.items()
    }
    assert len(report.question_changes) == 4
    for change in report.question_changes:
        assert (change.old, change.new) == (3, 4)
        difference = by_version[change.question, 4].value - by_version[change.question, 3].value
        assert change.difference.value == near(difference)
        assert change.difference.low < difference < change.difference.high
    losses = [change.difference.value for change in report.question_changes]
    assert losses == sorted(losses)


def test_report_knows_a_version_that_was_relabeled_away() -> None:
    """All judgments were made anew under version 5: what they were is compared as versions, and nowhere else."""
    former = some_judged(seed=1)
    judged = Judged(**vars(former) | {"version": np.full_like(former.version, 5), "walk": np.zeros_like(former.walk)})
    report = measured(judged, by_version=judged.joined(former))
    known = measured(former)
    old = [row for row in report.question_versions if row.version < 5]
    assert {(row.question, row.version): row.agreement for row in old} == {
        (row.question, row.version): row.agreement for row in known.question_versions
    }
    assert report.versions[:2] == known.versions
    assert (report.versions[2].version, report.versions[2].units) == (5, report.units)
    [helped] = [row for row in report.question_changes if (row.question, row.new) == ("type", 5)]
    [before] = [row.agreement for row in old if (row.question, row.version) == ("type", 4)]
    assert helped.old == 4
    assert helped.difference.value == near(1 - before.value)
    assert helped.difference.low > 0
    alone = measured(judged)
    assert (report.overall, report.questions, report.months) == (alone.overall, alone.questions, alone.months)
    assert report.judgments == len(judged)


def test_report_compares_who_judged_anew_with_who_did_not() -> None:
    """Of one pair a version's judgments are compared with one another, whichever of them stand."""
    stands = Judged(*map(np.array, ([1, 1], [4, 4], [7, 8], [0, 0], [0, 0], [2, 1], [9, 9])))
    former = Judged(*map(np.array, ([1], [4], [7], [1], [1], [1], [9])))
    report = measured(stands, by_version=stands.joined(former))
    assert [(row.version, row.units, row.judgments, row.raw.value) for row in report.versions] == [
        (1, 1, 2, 0.0),
        (2, 0, 0, near(math.nan)),
    ]
    assert report.overall.raw.value == 1.0
    with pytest.raises(ValueError, match="two judgments of person 7"):
        measured(stands, by_version=stands.joined(Judged(**vars(former) | {"version": np.array([2])})))


def test_report_says_how_each_person_agrees_with_the_others() -> None:
    judged = some_judged()
    lately = judged.month == 24_302
    report = measured(judged, lately=lately)
    for row in report.persons:
        given, weights, pairs = [], [], []
        sides: dict[bool, list[float]] = {True: [], False: []}
        for index in np.flatnonzero(judged.person == row.person):
            others = (judged.pair == judged.pair[index]) & (judged.person != row.person)
            if others.any():
                given.append(float((judged.label[others] == judged.label[index]).mean()))
                for other in np.flatnonzero(others):
                    pairs.append((judged.label[index], judged.label[other]))
                    weights.append(1 / others.sum())
            same = others & (judged.version == judged.version[index])
            if same.any():
                sides[bool(lately[index])].append(float((judged.label[same] == judged.label[index]).mean()))
        assert (row.agreement.value, row.agreement.n) == (near(float(np.mean(given))), len(given))
        assert row.judgments == (judged.person == row.person).sum()
        assert row.alpha.value == near(alpha_of_two(pairs, weights))
        drift = next(drift for drift in report.drift if drift.person == row.person)
        for side, found in ((True, drift.lately), (False, drift.before)):
            assert (found.value, found.n) == (near(float(np.mean(sides[side]))), len(sides[side]))
        assert drift.difference.value == near(drift.lately.value - drift.before.value)
    values = [row.agreement.value for row in report.persons]
    assert values == sorted(values)


def alpha_of_two(pairs: Sequence[tuple[int, int]], weights: Sequence[float]) -> float:
    """Alpha of pairs of values that count in part."""
    totals = np.zeros(len(GAINS))
    for pair, weight in zip(pairs, weights, strict=True):
        for label in pair:
            totals[label] += weight
    n = totals.sum()
    apart = sum(2 * weight for (one, other), weight in zip(pairs, weights, strict=True) if one != other)
    return float(1 - (n - 1) * apart / (n * n - (totals**2).sum()))


def test_report_compares_every_two_people() -> None:
    judged = some_judged()
    report = measured(judged)
    tables: dict[tuple[int, int], Any] = {}
    for i, j in comparisons(judged):
        one, other = (i, j) if judged.person[i] < judged.person[j] else (j, i)
        table = tables.setdefault((int(judged.person[one]), int(judged.person[other])), np.zeros((4, 4), dtype=int))
        table[judged.label[one], judged.label[other]] += 1
    assert [(row.a, row.b) for row in report.person_pairs] == sorted(tables)
    for row in report.person_pairs:
        table = tables[row.a, row.b]
        assert (row.n, row.raw.value) == (table.sum(), near(np.trace(table) / table.sum()))
        assert row.kappa.value == near(cohen_kappa(table))
        assert row.labels == near(tuple(cohen_kappa(table_against_rest(table, label)) for label in range(4)))
        assert math.isnan(row.kappa.low) == (row.n < 20)
        assert math.isnan(row.raw.low) == (row.n < 20)
    assert len({row.n < 20 for row in report.person_pairs}) == 2


def test_report_of_many_labels_has_no_kappa_for_each_of_two_people() -> None:
    judged = some_judged(pairs=30)
    report = measure(judged, WALKS, np.linspace(1, 0, 30), slices={}, repeats=None, draws=5, seed=1)
    assert len(report.labels) == 30
    assert {row.labels for row in report.person_pairs} == {()}
    assert report.person_pairs[0].kappa.value == near(measured(judged).person_pairs[0].kappa.value)


def test_report_splits_by_slice_version_and_month() -> None:
    judged = some_judged()
    codes = np.where(judged.query % 5 == 4, -1, judged.query % 5)
    codes[judged.month == 24_300] = 0  # a pair's judgments need not be of one slice
    report = measured(judged, slices={"locale": Slice(codes, ("de", "es", "fr", "jp"))})
    parts: list[tuple[Any, Any]] = [
        (row, codes == ["de", "es", "fr", "jp"].index(row.value)) for row in report.slices["locale"]
    ]
    parts += [(row, judged.version == row.version) for row in report.versions]
    parts += [(row, judged.month == row.month) for row in report.months]
    assert len(parts) == 4 + 2 + 3
    for row, keep in parts:
        counts = counts_of(judged, keep)
        counted = counts[counts.sum(axis=1) > 1]
        assert (row.units, row.judgments) == (len(counted), counted.sum())
        assert (row.raw.value, row.alpha.value) == (near(raw_agreement(counts)), near(krippendorff_alpha(counts)))
        assert row.raw.low < row.raw.value < row.raw.high
    units = [row.units for row in report.slices["locale"]]
    assert units == sorted(units, reverse=True)
    assert [row.version for row in report.versions] == [3, 4]
    assert [row.month for row in report.months] == [24_300, 24_301, 24_302]


def test_report_says_how_people_agree_with_themselves() -> None:
    repeats = Repeats(
        person=np.array([9, 8, 9, 8, 9]),
        query=np.array([41, 42, 43, 44, 45]),
        first=np.array([0, 1, 2, 3, 0]),
        second=np.array([0, 1, 1, 3, 1]),
        first_walk=np.array([0, 1, 3, 4, 0]),
        second_walk=np.array([0, 2, 1, 4, 1]),
    )
    found = measured(some_judged(), repeats=repeats).repeats
    assert found
    assert (found.raw.value, found.raw.n) == (near(0.6), 5)
    assert [(row.person, row.raw.value, row.raw.n) for row in found.persons] == [(9, near(1 / 3), 3), (8, 1.0, 2)]
    assert found.persons[1].raw.low == pytest.approx(0.3424, abs=5e-5)  # Wilson's for 2 of 2


def test_report_of_nothing_has_no_numbers() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    empty = Judged(nothing, nothing, nothing, nothing, nothing, nothing, nothing)
    report = measure(empty, (), GAINS, slices={"locale": Slice(nothing, ("de",))}, repeats=None, seed=1)
    assert (report.units, report.judgments, report.people, report.persons, report.questions) == (0, 0, 0, (), ())
    assert all(math.isnan(estimate.value) for estimate in vars(report.overall).values())
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["slices"]["locale"][0] == {
        "value": "de",
        "units": 0,
        "judgments": 0,
        "raw": {"value": None, "low": None, "high": None, "n": 0},
        "alpha": {"value": None, "low": None, "high": None, "n": 0},
    }


def test_report_of_single_judgments_counts_them_without_agreement() -> None:
    judged = some_judged(pairs=30)
    first = np.unique(judged.pair, return_index=True)[1]
    alone = Judged(*(column[first] for column in vars(judged).values()))
    report = measured(alone, lately=np.ones(len(first), dtype=bool))
    assert (report.units, report.judgments, report.drift, report.person_pairs) == (0, 30, (), ())
    assert math.isnan(report.overall.raw.value)
    assert {row.agreement.n for row in report.persons} == {0}
    json.dumps(report.to_dict(), allow_nan=False)


def test_report_where_all_agree_has_an_interval_of_raw_agreement_only() -> None:
    judged = some_judged()
    same = Judged(**vars(judged) | {"label": np.ones_like(judged.label), "walk": np.ones_like(judged.walk)})
    report = measured(same)
    assert report.overall.raw.value == 1.0
    assert 0.8 < report.overall.raw.low < report.overall.raw.high == 1.0
    assert math.isnan(report.overall.alpha.value)
    assert {(row.question, row.agreement.value, row.collisions) for row in report.questions if row.both} == {
        ("type", 1.0, ()),
        ("conflict", 1.0, ()),
    }
    assert [row.both for row in report.questions[2:]] == [0, 0]


def test_report_is_the_same_again_and_does_not_mind_the_order() -> None:
    judged = some_judged()
    turned = Judged(*(column[::-1] for column in vars(judged).values()))
    assert measured(judged) == measured(judged)
    assert measured(judged).overall.raw.value == near(measured(turned).overall.raw.value)
    assert measured(judged) != measured(judged, seed=4)


def test_report_refuses_what_cannot_be() -> None:
    judged = some_judged()
    with pytest.raises(ValueError, match=r"label must lie between 0 and 3, got 4"):
        measured(Judged(**vars(judged) | {"label": judged.label + 1}))
    with pytest.raises(ValueError, match=r"walk must lie between 0 and 4, got 5"):
        measured(Judged(**vars(judged) | {"walk": judged.walk + 1}))
    with pytest.raises(ValueError, match=r"two judgments of person 7"):
        measured(Judged(**vars(judged) | {"person": np.full_like(judged.person, 7)}))
    with pytest.raises(ValueError, match=r"two queries"):
        measured(Judged(**vars(judged) | {"query": np.arange(len(judged))}))
    with pytest.raises(ValueError, match=r"slice locale has 1 codes for \d+ judgments"):
        measured(judged, slices={"locale": Slice(np.zeros(1, dtype=int), ("de",))})
    with pytest.raises(ValueError, match=r"code of slice locale must lie between -1 and 0, got 1"):
        measured(judged, slices={"locale": Slice(np.ones(len(judged), dtype=int), ("de",))})
    with pytest.raises(ValueError, match=r"lately must mark each of \d+ judgments, got shape \(2,\)"):
        measured(judged, lately=np.ones(2, dtype=bool))
    with pytest.raises(ValueError, match="arrays of one length"):
        Judged(**vars(judged) | {"query": judged.query[1:]})


def test_format_is_raised_with_what_a_report_has() -> None:
    """Whoever changes this raises FORMAT, so that kept reports of the old make are measured again."""
    parts = {
        "Report": "units judgments people overall labels questions question_versions question_changes persons "
        "person_pairs slices versions months drift repeats",
        "OverallAgreement": "raw alpha alpha_ordinal alpha_gains fleiss ac1",
        "LabelAgreement": "label judgments raw alpha fleiss ac1",
        "QuestionAgreement": "question agreement both collisions",
        "Collision": "answers n",
        "QuestionVersion": "question version agreement",
        "QuestionChange": "question old new difference",
        "PersonAgreement": "person judgments agreement alpha",
        "PersonPair": "a b n raw kappa labels",
        "SliceAgreement": "value units judgments raw alpha",
        "VersionAgreement": "version units judgments raw alpha",
        "MonthAgreement": "month units judgments raw alpha",
        "Drift": "person before lately difference",
        "RepeatAgreement": "raw persons",
        "PersonRepeats": "person raw",
    }
    modules = (by_label, by_person, by_question, report_of)
    kinds = {name: getattr(module, name) for name in parts for module in modules if hasattr(module, name)}
    assert {name: " ".join(field.name for field in fields(kind)) for name, kind in kinds.items()} == parts
    assert measured(some_judged()).to_dict()["format"] == FORMAT == 1
