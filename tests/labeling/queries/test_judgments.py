"""An annotator's own work, and what an undo would take back."""

import datetime as dt

import pytest
from django.utils import timezone

from labeling.models import Judgment, Skip
from labeling.queries.judgments import day_start, judged_today, judgments_of, last_step, step_name, today_of
from tests.labeling.acting import SKIP_PATH, claim, judge, make_members, submit, undo_last
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def test_day_starts_at_midnight_of_the_time_zone() -> None:
    evening = dt.datetime(2026, 3, 29, 23, 30, tzinfo=dt.UTC)
    assert day_start(evening) == dt.datetime(2026, 3, 29, tzinfo=dt.UTC)
    with timezone.override("Europe/Berlin"):  # where that is 1:30 on the day after
        assert day_start(evening) == dt.datetime(2026, 3, 29, 22, tzinfo=dt.UTC)


def test_judgments_of_a_person_are_the_live_ones_the_newest_first() -> None:
    project = make_project(overlap=2)
    pairs = [make_pair(project) for _ in range(3)]
    make_round(project, pairs, stream="active")
    member, other = make_members(project, 2)
    first, second, _ = (judge(member) for _ in pairs)
    judge(other)
    undo_last(project, member.user)
    assert list(judgments_of(project, member.user)) == [second, first]
    assert judged_today(project, member.user) == 2


def test_last_step_is_the_newest_judgment_or_skip() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project) for _ in range(4)])
    member = make_member(project)
    assert last_step(project, member.user) is None
    first = judge(member)
    assert last_step(project, member.user) == first
    submit(member, claim(member), SKIP_PATH)
    skip = Skip.objects.get(annotator=member.user)
    assert last_step(project, member.user) == skip
    second = judge(member)
    assert last_step(project, member.user) == second
    undo_last(project, member.user)
    assert last_step(project, member.user) == skip
    undo_last(project, member.user)
    assert last_step(project, member.user) == first
    undo_last(project, member.user)
    assert last_step(project, member.user) is None


def test_day_of_an_annotator_tells_what_last_step_and_judged_today_do() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project) for _ in range(3)])
    member = make_member(project)

    def check(label: str | None) -> None:
        today = today_of(project, member.user)
        assert today.judged == judged_today(project, member.user)
        assert today.step == step_name(last_step(project, member.user))
        assert (today.label["key"] if today.label else None) == label

    check(None)
    judge(member, "S")
    check("S")
    submit(member, claim(member), SKIP_PATH)
    check(None)
    judge(member, "E")
    check("E")
    undo_last(project, member.user)
    check(None)
    undo_last(project, member.user)
    check("S")


def test_last_step_is_of_the_project_and_reaches_past_the_open_round() -> None:
    project, other = make_project(), make_project()
    make_round(project, [make_pair(project)])
    make_round(other, [make_pair(other)])
    member = make_member(project)
    judgment = judge(member)
    assert last_step(other, member.user) is None
    make_round(project, [])
    assert last_step(project, member.user) == judgment
    assert judged_today(project, member.user) == 1


def test_last_step_is_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project), make_pair(project)])
    member = make_member(project)
    before = day_start() - dt.timedelta(seconds=1)
    with monkeypatch.context() as clock:
        clock.setattr(timezone, "now", lambda: before)
        judge(member)
        submit(member, claim(member), SKIP_PATH)
    assert Judgment.objects.get(project=project).created_at == before
    assert last_step(project, member.user) is None
    assert judged_today(project, member.user) == 0
