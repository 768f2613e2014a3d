"""Alarms: raised, renewed, noted and over."""

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from labeling.actions.agreement import measure_agreement
from labeling.actions.alarms import FEWEST, FEWEST_LATELY, alarming, note_alarm, raise_alarms, reopen_alarm
from labeling.models import AgreementReport, Alarm, AuditLogEntry, Project, Role
from tests.labeling.acting import judge_all, make_members
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def estimate(value: float | None, low: float | None = None, high: float | None = None, n: int = 200) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


FINE = estimate(0.95, 0.93, 0.97)
WORSE = estimate(-0.1, -0.15, -0.05)


def data(
    raw: dict[str, Any] = FINE,
    changes: list[tuple[str, int, int, dict[str, Any]]] | None = None,
    drift: list[dict[str, Any]] | None = None,
    n: int = 200,
) -> dict[str, Any]:
    """Return what matters of a report; each version of a question has `n` comparisons."""
    changes = changes or []
    measured = {(question, version) for question, old, new, _ in changes for version in (old, new)}
    return {
        "overall": {"raw": raw},
        "question_changes": [
            {"question": question, "old": old, "new": new, "difference": difference}
            for question, old, new, difference in changes
        ],
        "question_versions": [
            {"question": question, "version": version, "agreement": estimate(0.8, 0.7, 0.9, n)}
            for question, version in sorted(measured)
        ],
        "drift": drift or [],
    }


def drift(person: int, difference: dict[str, Any], lately: int = 200) -> dict[str, Any]:
    return {"person": person, "before": FINE, "lately": estimate(0.8, 0.75, 0.85, lately), "difference": difference}


def found(report: dict[str, Any], goal: float = 0.9) -> list[tuple[str, str]]:
    return [(one.kind.value, one.subject) for one in alarming(report, goal)]


def raised(project: Project, report: dict[str, Any]) -> list[Alarm]:
    return raise_alarms(project, AgreementReport(project=project, computed_at=timezone.now(), data=report))


def states(project: Project) -> list[tuple[str, str, str]]:
    return list(Alarm.objects.filter(project=project).order_by("pk").values_list("kind", "subject", "state"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (estimate(0.85, 0.8, 0.899), [("goal", "")]),
        (estimate(0.85, 0.8, 0.9), []),
        (estimate(0.85, 0.8, 0.899, FEWEST - 1), []),
        (estimate(0.85, None, None), []),
        (estimate(None), []),
    ],
)
def test_agreement_is_alarming_when_its_interval_is_wholly_below_the_goal(
    raw: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert found(data(raw)) == expected


def test_question_is_alarming_by_its_newest_change_alone() -> None:
    better = estimate(0.1, 0.05, 0.15)
    unsure = estimate(-0.1, -0.2, 0.0)
    assert found(data(changes=[("type", 1, 2, WORSE)])) == [("question", "type")]
    assert found(data(changes=[("type", 2, 3, better), ("type", 1, 2, WORSE)])) == []
    assert found(data(changes=[("type", 2, 3, WORSE), ("type", 1, 2, better), ("job", 1, 2, unsure)])) == [
        ("question", "type")
    ]
    assert found(data(changes=[("type", 1, 2, WORSE)], n=FEWEST - 1)) == []
    one = next(iter(alarming(data(changes=[("type", 1, 3, WORSE)]), 0.9)))
    assert (one.details["old"], one.details["new"], one.details["after"]["n"]) == (1, 3, 200)


def test_person_is_alarming_with_enough_of_late() -> None:
    report = data(drift=[drift(7, WORSE), drift(8, estimate(-0.1, -0.2, 0.01)), drift(9, WORSE, FEWEST_LATELY - 1)])
    assert found(report) == [("person", "7")]


def test_alarm_is_renewed_and_ends_and_comes_again() -> None:
    project = make_project()
    low = data(estimate(0.8, 0.75, 0.85))
    first = raised(project, low)
    assert [alarm.kind for alarm in first] == ["goal"]
    seen = first[0].seen_at
    assert raised(project, data(estimate(0.7, 0.65, 0.75))) == []
    alarm = Alarm.objects.get(project=project)
    assert alarm.seen_at > seen
    assert alarm.details["agreement"]["value"] == 0.7
    assert raised(project, data()) == []
    assert states(project) == [("goal", "", "over")]
    assert len(raised(project, low)) == 1
    assert states(project) == [("goal", "", "over"), ("goal", "", "open")]
    verbs = AuditLogEntry.objects.filter(project=project, verb__startswith="alarm.").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["alarm.raise", "alarm.over", "alarm.raise"]


def test_noted_alarm_stays_noted_until_it_was_over() -> None:
    project = make_project()
    lead = make_member(project, Role.LEAD).user
    low = data(estimate(0.8, 0.75, 0.85))
    [alarm] = raised(project, low)
    noted = note_alarm(project, alarm.pk, lead)
    assert noted is not None
    assert (noted.noted_by, noted.state) == (lead, "noted")
    assert note_alarm(project, alarm.pk, lead) is None
    assert raised(project, low) == []
    assert states(project) == [("goal", "", "noted")]
    alarm.refresh_from_db()
    assert alarm.noted_by == lead
    raised(project, data())
    assert note_alarm(project, alarm.pk, lead) is None
    assert len(raised(project, low)) == 1


def test_note_is_taken_back() -> None:
    project = make_project()
    lead = make_member(project, Role.LEAD).user
    [alarm] = raised(project, data(estimate(0.8, 0.75, 0.85)))
    assert reopen_alarm(project, alarm.pk, lead) is None
    note_alarm(project, alarm.pk, lead)
    opened = reopen_alarm(project, alarm.pk, lead)
    assert opened is not None
    assert (opened.state, opened.noted_by, opened.noted_at) == ("open", None, None)
    verbs = AuditLogEntry.objects.filter(project=project, verb__startswith="alarm.", actor=lead).order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["alarm.note", "alarm.reopen"]


def test_alarm_of_another_project_is_not_noted() -> None:
    project, other = make_project(), make_project()
    [alarm] = raised(project, data(estimate(0.8, 0.75, 0.85)))
    assert note_alarm(other, alarm.pk, make_member(other, Role.LEAD).user) is None
    raised(other, data())
    assert states(project) == [("goal", "", "open")]


def test_alarms_of_one_kind_are_told_apart() -> None:
    project = make_project()
    raised(project, data(changes=[("type", 1, 2, WORSE), ("job", 1, 2, WORSE)], drift=[drift(7, WORSE)]))
    raised(project, data(changes=[("job", 1, 2, WORSE)], drift=[drift(7, WORSE), drift(8, WORSE)]))
    assert states(project) == [
        ("question", "type", "over"),
        ("question", "job", "open"),
        ("person", "7", "open"),
        ("person", "8", "open"),
    ]


def test_same_alarm_is_not_there_twice_at_a_time() -> None:
    project = make_project()
    [alarm] = raised(project, data(estimate(0.8, 0.75, 0.85)))
    with pytest.raises(IntegrityError, match="alarm_once_at_a_time"), transaction.atomic():
        Alarm.objects.create(project=project, kind="goal", seen_at=timezone.now())
    Alarm.objects.filter(pk=alarm.pk).update(state="over")
    Alarm.objects.create(project=project, kind="goal", seen_at=timezone.now())


def test_measuring_raises_what_is_alarming() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pairs = [make_pair(project) for _ in range(24)]
    make_round(project, pairs)
    judge_all(make_members(project, 2), {pair: "ES" if number % 2 else "EE" for number, pair in enumerate(pairs)})
    report = measure_agreement(project)
    alarm = Alarm.objects.get(project=project)
    assert (alarm.kind, alarm.state, alarm.seen_at) == ("goal", "open", report.computed_at)
    assert alarm.details["agreement"] == report.data["overall"]["raw"]
    assert alarm.details["agreement"]["value"] == pytest.approx(0.5)
    assert alarm.raised_at - report.computed_at < dt.timedelta(minutes=1)
    Project.objects.filter(pk=project.pk).update(agreement_goal=0.3)
    measure_agreement(project)
    assert states(project) == [("goal", "", "over")]
