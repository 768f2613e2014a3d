"""What each member does."""

import datetime as dt

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.models import Role
from labeling.queries.judgments import day_start
from labeling.queries.people import work_by_member
from tests.labeling.acting import SKIP_PATH, claim, judge, judge_all, make_members, submit, undo_last
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def test_work_counts_judgments_skips_and_agreement_with_the_consensus() -> None:
    project, other = make_project(overlap=3, max_overlap=3), make_project()
    pairs = [make_pair(project) for _ in range(3)]
    make_round(project, pairs, stream="active")
    busy, second, idle = make_members(project, 3)
    third = make_member(project, Role.LEAD)
    judge_all([busy, second, third], {pairs[0]: "EES", pairs[1]: "SES", pairs[2]: "ESI"})
    make_round(project, [make_pair(project), make_pair(project)], stream="active")
    submit(busy, claim(busy), SKIP_PATH)
    judge(busy, "E")
    make_round(other, [make_pair(other)])
    judge(make_member(other), "E")
    work = work_by_member(project)
    assert [(one.member, one.judgments, one.today, one.skips) for one in work[:1]] == [(busy, 4, 4, 1)]
    assert {one.member.pk: (one.judgments, one.settled, one.with_consensus) for one in work} == {
        busy.pk: (4, 2, 2),
        second.pk: (3, 2, 1),
        third.pk: (3, 2, 1),
        idle.pk: (0, 0, 0),
    }
    assert work[-1].member == idle
    assert work[-1].median_seconds is None


def test_work_has_the_median_of_the_seconds_of_live_judgments() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project) for _ in range(4)], stream="active")
    member = make_member(project)
    for seconds in (10, 30, 50):
        slot = claim(member)
        slot.leased_at = timezone.now() - dt.timedelta(seconds=seconds)
        slot.save()
        submit(member, slot, "E")
    assert work_by_member(project)[0].median_seconds == pytest.approx(30, abs=1)
    undo_last(project, member.user)
    (work,) = work_by_member(project)
    assert work.judgments == 2
    assert work.median_seconds == pytest.approx(20, abs=1)


def test_work_of_today_starts_at_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project) for _ in range(3)])
    member = make_member(project)
    before = day_start() - dt.timedelta(seconds=1)
    with monkeypatch.context() as clock:
        clock.setattr(timezone, "now", lambda: before)
        judge(member)
        judge(member)
    judge(member)
    (work,) = work_by_member(project)
    assert (work.judgments, work.today) == (3, 1)


def test_work_takes_as_many_queries_for_many_members(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = make_project(overlap=2)
    pairs = [make_pair(project) for _ in range(3)]
    make_round(project, pairs)
    judge_all(make_members(project, 2), dict.fromkeys(pairs, "E"))
    with django_assert_num_queries(3):
        work_by_member(project)
    make_members(project, 4)
    with django_assert_num_queries(3):
        assert len(work_by_member(project)) == 6
