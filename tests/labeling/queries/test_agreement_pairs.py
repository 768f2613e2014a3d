"""The pairs behind a number: exactly as many as the report of the same judgments says."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from labeling.models import Judgment, Project, User
from labeling.queries import agreement, agreement_pairs
from labeling.queries.agreement import fetch_evidence
from labeling.queries.agreement_pairs import (
    Behind,
    Counted,
    compared_in,
    comparisons_behind,
    count_behind,
    pairs_behind,
)
from labeling.queries.projects import labels_of
from modeling.estimates import Estimate
from tests.labeling.judged import judged_project, modeled

pytestmark = pytest.mark.django_db

PAIRS = 200


def counted(project: Project, **behind: Any) -> Counted:
    return count_behind(comparisons_behind(project, Behind(**behind)))


def pairs(project: Project, **behind: Any) -> int:
    return counted(project, **behind).pairs


def comparisons(project: Project, **behind: Any) -> int:
    return counted(project, **behind).comparisons


def share_of_units(project: Project, units: int, **behind: Any) -> float:
    """Return the mean over all units of the share of their comparisons that are so."""
    every = compared_in(comparisons_behind(project, Behind()), all_pairs(project))
    so = compared_in(comparisons_behind(project, Behind(**behind)), all_pairs(project))
    return sum(len(so[pair]) / len(every[pair]) for pair in every if every[pair]) / units


def all_pairs(project: Project) -> list[int]:
    return list(project.pairs.values_list("pk", flat=True))


def test_whole_is_behind_the_overall_agreement() -> None:
    project, _ = judged_project(PAIRS)
    report = modeled(project, draws=10)
    assert pairs(project) == report.overall.raw.n == report.units > 30
    agreeing = share_of_units(project, report.units, differ=False)
    assert agreeing == pytest.approx(report.overall.raw.value)
    assert agreeing + share_of_units(project, report.units, differ=True) == pytest.approx(1)


def test_every_question_has_the_pairs_of_judgments_that_both_met_it() -> None:
    project, _ = judged_project(PAIRS)
    report = modeled(project, draws=10)
    assert {row.question for row in report.questions} == {"kind", "fit", "size", "use"}
    for row in report.questions:
        both = comparisons(project, question=row.question)
        assert both == row.both > 0, row
        alike = comparisons(project, question=row.question, differ=False)
        assert alike == round(row.agreement.value * row.both)
        assert both - alike == comparisons(project, question=row.question, differ=True)
        assert both - alike == sum(collision.n for collision in row.collisions)
        for collision in row.collisions:
            assert comparisons(project, question=row.question, answers=collision.answers) == collision.n
            turned = (collision.answers[1], collision.answers[0])
            assert comparisons(project, question=row.question, answers=turned) == collision.n
    evidence = fetch_evidence(project)
    assert evidence.by_version is not None
    assert len(evidence.by_version) > len(evidence.judged) + 30
    for version in report.question_versions:
        both = comparisons(project, question=version.question, version=version.version)
        assert both == version.agreement.n, version


def test_every_person_and_two_of_them_have_their_pairs() -> None:
    project, people = judged_project(PAIRS)
    report = modeled(project, draws=10)
    assert len(report.persons) == len(people)
    for person in report.persons:
        assert pairs(project, person=person.person) == person.agreement.n > 0
    assert len(report.person_pairs) > 10
    for two in report.person_pairs:
        found = counted(project, person=two.a, beside=two.b)
        assert found.pairs == found.comparisons == two.n
        assert comparisons(project, person=two.b, beside=two.a, differ=False) == round(two.raw.value * two.n)


def test_every_label_has_the_pairs_where_somebody_gave_it() -> None:
    project, _ = judged_project(PAIRS)
    report = modeled(project, draws=10)
    for label in labels_of(project):
        row = next(row for row in report.labels if row.label == label.position)
        found = compared_in(comparisons_behind(project, Behind(label=label.key)), all_pairs(project))
        ids = {one for two in found.values() for compared in two for one in compared}
        assert Judgment.objects.filter(pk__in=ids, label=label).count() == row.judgments > 0
        parted = share_of_units(project, report.units, label=label.key, differ=True)
        assert 1 - parted == pytest.approx(row.raw.value)
        assert comparisons(project, label=label.key) == sum(
            comparisons(project, label=label.key, differ=differ) for differ in (True, False)
        )
    keys = [label.key for label in labels_of(project)]
    apart = sum(comparisons(project, labels=two) for two in itertools.combinations(keys, 2))
    assert apart == comparisons(project, differ=True)
    assert sum(comparisons(project, labels=(key, key)) for key in keys) == comparisons(project, differ=False)


def check_parts(project: Project, parts: Iterable[tuple[int, Estimate, dict[str, Any]]]) -> None:
    for units, raw, behind in parts:
        assert pairs(project, **behind) == units == raw.n, behind


def test_every_slice_version_and_month_has_its_pairs() -> None:
    project, _ = judged_project(PAIRS)
    report = modeled(project, draws=10)
    assert {"locale", "length", "brand", "stream", "attribute:shelf"} <= set(report.slices)
    slices = [(name, row) for name, rows in report.slices.items() for row in rows]
    check_parts(project, [(row.units, row.raw, {"slice": name, "value": row.value}) for name, row in slices])
    check_parts(project, [(row.units, row.raw, {"version": row.version}) for row in report.versions])
    check_parts(project, [(row.units, row.raw, {"month": row.month}) for row in report.months])
    assert len(report.months) == 3
    for row in report.slices["stream"]:
        assert pairs(project, stream=row.value) == row.units


def test_repeats_are_behind_agreement_with_oneself() -> None:
    project, _ = judged_project(PAIRS)
    found = modeled(project, draws=10).repeats
    assert found is not None
    assert comparisons(project, repeat=True) == found.raw.n > 10
    assert comparisons(project, repeat=True, differ=False) == round(found.raw.value * found.raw.n)
    for row in found.persons:
        assert comparisons(project, repeat=True, person=row.person) == row.raw.n


def test_drift_is_behind_a_persons_newest_judgments(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (agreement, agreement_pairs):
        monkeypatch.setattr(module, "NEWEST", 15)
    project, _ = judged_project(PAIRS)
    drift = modeled(project, draws=10).drift
    assert len(drift) > 3
    for row in drift:
        assert pairs(project, person=row.person, lately=True) == row.lately.n
        assert pairs(project, person=row.person, lately=False) == row.before.n


def test_filters_go_together() -> None:
    project, people = judged_project(PAIRS)
    person = people[0].pk
    both: dict[str, Any] = {"question": "fit", "slice": "locale", "value": "us", "person": person}
    found = compared_in(comparisons_behind(project, Behind(**both, differ=True)), all_pairs(project))
    expected = {pair: by_hand(project, pair, people[0]) for pair in all_pairs(project)}
    assert {pair: len(found[pair]) for pair in found} == expected
    assert 0 < sum(expected.values()) < comparisons(project, question="fit", person=person)


def by_hand(project: Project, pair: int, person: User) -> int:
    """Count comparisons of a person's with another's judgment of an English pair that differ at fit."""
    rows = Judgment.objects.filter(
        pair=pair, retired_at__isnull=True, stream__in=("random", "active"), pair__query__locale="us"
    ).order_by("slot")[:3]  # as many as the pair was to have
    said = [(row.annotator_id, dict(step.split(":") for step in row.path.split(","))) for row in rows]
    mine = [walk["fit"] for who, walk in said if who == person.pk and "fit" in walk]
    theirs = [walk["fit"] for who, walk in said if who != person.pk and "fit" in walk]
    return sum(one != other for one in mine for other in theirs)


def test_pairs_are_found_by_key_both_ways() -> None:
    project, _ = judged_project(PAIRS)
    found = comparisons_behind(project, Behind(differ=True))
    every = pairs_behind(found, 1000)
    assert every == sorted(set(every))
    assert pairs_behind(found, 5) == every[:5]
    assert pairs_behind(found, 5, after=every[4]) == every[5:10]
    assert pairs_behind(found, 3, before=every[4]) == every[1:4]
    assert pairs_behind(found, 5, after=every[-1]) == []


def test_pairs_are_the_same_in_windows_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    project, people = judged_project(PAIRS)
    for behind in (Behind(), Behind(question="use", differ=True), Behind(person=people[0].pk), Behind(repeat=True)):
        found = comparisons_behind(project, behind)
        monkeypatch.setattr(agreement_pairs, "WINDOW", 5_000)
        every = pairs_behind(found, 1000)
        assert every
        for window in (1, 7, 50):
            monkeypatch.setattr(agreement_pairs, "WINDOW", window)
            assert pairs_behind(found, 1000) == every
            assert pairs_behind(found, 1000, before=every[-1] + 1) == every
            assert pairs_behind(found, 3, after=every[0]) == every[1:4]


def test_count_stops_where_it_costs_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    project, _ = judged_project(PAIRS)
    whole = counted(project)
    assert not whole.more
    monkeypatch.setattr(agreement_pairs, "COUNTED", 7)
    assert counted(project).pairs == 7
    assert counted(project).more


def test_judgments_of_other_projects_are_not_behind() -> None:
    project, _ = judged_project(40, seed=2)
    before = counted(project)
    judged_project(40, seed=3)
    assert counted(project) == before


def test_queries_are_few(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    project, people = judged_project(40)
    for behind in (Behind(), Behind(question="fit", differ=True), Behind(person=people[0].pk, lately=True)):
        with django_assert_max_num_queries(4):
            found = comparisons_behind(project, behind)
            compared_in(found, pairs_behind(found, 20))


@pytest.mark.parametrize(
    "behind",
    [
        Behind(slice="colour", value="red"),
        Behind(slice="stream", value="gold"),
        Behind(stream="gold"),
        Behind(slice="brand", value="all others"),
    ],
)
def test_what_there_is_not_is_refused(behind: Behind) -> None:
    project, _ = judged_project(8)
    with pytest.raises(ValueError, match=r"There is no slice|is what is left"):
        comparisons_behind(project, behind)
