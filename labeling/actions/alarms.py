"""Alarms about agreement: raised, renewed and ended by what each report says, and noted by a lead."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.models import AgreementReport, Alarm, Project, User

FEWEST = 20  # pairs, or comparisons at a question: nothing is alarming on fewer
FEWEST_LATELY = 50  # newest judgments of a person


@dataclass(frozen=True)
class Alarming:
    """Something that a report says for sure: what it is, of what or whom, and its numbers as plain JSON."""

    kind: Alarm.Kind
    subject: str
    details: dict[str, Any]


@transaction.atomic
def raise_alarms(project: Project, report: AgreementReport) -> list[Alarm]:
    """Bring the project's alarms in line with a report; return those that are new.

    One that is still so is renewed, whether noted or not; one that is not so any more is over. One that was over comes
    up again as a new one. Reports must take turns: the caller has locked the project, or is the only one.
    """
    live = Alarm.objects.select_for_update().filter(project=project).exclude(state=Alarm.State.OVER)
    current = {(one.kind, one.subject): one for one in live}
    new = []
    for found in alarming(report.data, project.agreement_goal):
        alarm = current.pop((found.kind, found.subject), None)
        if alarm is None:
            alarm = Alarm(project=project, kind=found.kind, subject=found.subject)
            new.append(alarm)
        alarm.details, alarm.seen_at = found.details, report.computed_at
        alarm.save(update_fields=["details", "seen_at"] if alarm.pk else None)
    for alarm in current.values():
        alarm.state = Alarm.State.OVER
        alarm.save(update_fields=["state"])
        record(project, None, "alarm.over", alarm)
    for alarm in new:
        record(project, None, "alarm.raise", alarm, **alarm.details)
    return new


def alarming(data: Mapping[str, Any], goal: float) -> Iterator[Alarming]:
    """Yield what is alarming in a report, as Report.to_dict has it.

    Agreement whose interval is wholly below the goal; a question whose newest version with answers is surely worse than
    the one before; a person whose newest judgments surely agree less with the others than those before.
    """
    raw = data["overall"]["raw"]
    if raw["n"] >= FEWEST and _below(raw, goal):
        yield Alarming(Alarm.Kind.GOAL, "", {"agreement": raw, "goal": goal})
    newest = {change["question"]: change for change in sorted(data["question_changes"], key=lambda one: one["new"])}
    measured = {(one["question"], one["version"]): one["agreement"] for one in data["question_versions"]}
    for question, change in newest.items():
        before, after = (measured[question, change[version]] for version in ("old", "new"))
        if min(before["n"], after["n"]) >= FEWEST and _below(change["difference"], 0):
            yield Alarming(Alarm.Kind.QUESTION, question, change | {"before": before, "after": after})
    for drift in data["drift"]:
        if drift["lately"]["n"] >= FEWEST_LATELY and _below(drift["difference"], 0):
            yield Alarming(Alarm.Kind.PERSON, str(drift["person"]), dict(drift))


def _below(estimate: Mapping[str, Any], bound: float) -> bool:
    """Say whether the whole interval is below; one that is not known is not."""
    return estimate["high"] is not None and estimate["high"] < bound


@transaction.atomic
def note_alarm(project: Project, alarm_id: int, actor: User) -> Alarm | None:
    """Take note of an open alarm; None where it is not open any more."""
    return _move(project, alarm_id, actor, Alarm.State.OPEN, Alarm.State.NOTED)


@transaction.atomic
def reopen_alarm(project: Project, alarm_id: int, actor: User) -> Alarm | None:
    """Take back that an alarm was noted; None where it is not noted any more."""
    return _move(project, alarm_id, actor, Alarm.State.NOTED, Alarm.State.OPEN)


def _move(project: Project, alarm_id: int, actor: User, old: Alarm.State, new: Alarm.State) -> Alarm | None:
    alarm = Alarm.objects.select_for_update().filter(project=project, pk=alarm_id, state=old).first()
    if alarm is None:
        return None
    noted = new == Alarm.State.NOTED
    alarm.state, alarm.noted_by, alarm.noted_at = new, actor if noted else None, timezone.now() if noted else None
    alarm.save(update_fields=["state", "noted_by", "noted_at"])
    record(project, actor, "alarm.note" if noted else "alarm.reopen", alarm)
    return alarm
