"""What each member does, and how they do."""

import datetime as dt
import math

import numpy as np
import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.audit_log import record
from labeling.actions.members import pause_member
from labeling.actions.queue import claim_slot
from labeling.models import AuditLogEntry, Judgment, Membership, Project, Role, User
from labeling.queries.gold import BELOW_MARK
from labeling.queries.judgments import day_start
from labeling.queries.people import (
    Concern,
    Newest,
    Work,
    days_of,
    known_locales,
    newest_judgments,
    skip_reasons,
    usual_seconds,
    work_by_member,
)
from tests.labeling.acting import SKIP_PATH, claim, judge, judge_all, make_members, submit, undo_last
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def newest_of(at: list[float], seconds: list[float] | None = None, steps: int = 4) -> Newest:
    """Return judgments at these moments, the newest first."""
    n = len(at)
    return Newest(
        np.array(at, dtype=float),
        np.array([10.0] * n if seconds is None else seconds),
        np.full(n, float(steps)),
        np.full(n, math.nan),
    )


def work_of(member: Membership) -> Work:
    return next(work for work in work_by_member(member.project) if work.member == member)


def shop_of(pairs: int, **settings: object) -> Project:
    project = make_project(**({"overlap": 1, "max_overlap": 1} | settings))
    make_round(project, [make_pair(project) for _ in range(pairs)])
    return project


def test_pace_leaves_breaks_out() -> None:
    assert newest_of([1090, 1070, 1050, 1030, 1010, 100, 80]).pace == pytest.approx(3600 * 5 / 100)
    assert newest_of([400, 300, 200]).pace is None


def test_fast_is_a_third_of_what_is_usual_or_no_time_to_read() -> None:
    usual = {4: 30.0, 2: 3.0}
    assert newest_of([3, 2, 1], [9.9, 10.1, 40]).fast(usual).value == pytest.approx(1 / 3)
    assert newest_of([2, 1], [1.4, 1.6], steps=2).fast(usual).value == pytest.approx(1 / 2)
    assert newest_of([2, 1], [1.4, 1.6], steps=9).fast(usual).value == pytest.approx(1 / 2)
    assert math.isnan(newest_of([]).fast(usual).value)


def test_usual_seconds_are_known_for_walks_that_are_often_taken() -> None:
    often, seldom = newest_of([1.0] * 20, [float(n) for n in range(20)]), newest_of([1.0], [5.0], steps=2)
    assert usual_seconds([often, seldom]) == {4: 9.5}
    assert usual_seconds([]) == {}


def test_newest_judgments_say_how_long_each_walk_was_and_whether_it_stands() -> None:
    project = make_project(overlap=3, max_overlap=3)
    pairs = [make_pair(project) for _ in range(2)]
    make_round(project, pairs, stream="active")
    members = make_members(project, 3)
    judge_all(members, {pairs[0]: "EES", pairs[1]: "SES"})
    lonely = make_pair(project)
    make_round(project, [lonely], stream="active")
    judge(members[0], "E")
    newest = newest_judgments(project.memberships.all())[members[0].user_id]
    assert list(newest.steps) == [4, 4, 4]
    assert list(newest.alike[1:]) == [1, 1]
    assert math.isnan(newest.alike[0])
    assert newest.at[0] >= newest.at[1] >= newest.at[2]
    assert newest.agreement.n == 2


def test_agreement_needs_somebody_elses_judgment() -> None:
    project = shop_of(1)
    member = make_member(project)
    judge(member, "E")
    assert work_of(member).newest.agreement.n == 0


def test_work_counts_today_seven_days_and_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    project = shop_of(5)
    member, idle = make_members(project, 2)
    for before in (dt.timedelta(days=8), dt.timedelta(days=1, seconds=1)):
        then = day_start() - before
        with monkeypatch.context() as clock:
            clock.setattr(timezone, "now", lambda then=then: then)
            judge(member)
    judge(member)
    submit(member, claim(member), SKIP_PATH)
    work = work_of(member)
    assert (work.today, work.week, work.skips, len(work.newest.at)) == (1, 2, 1, 3)
    assert work.skipped.value == pytest.approx(1 / 3)
    nothing = work_of(idle)
    assert (nothing.week, nothing.last_seen, nothing.newest.median_seconds) == (0, None, None)


def test_who_does_not_judge_was_seen_signing_in_and_when_something_is_on_record() -> None:
    project = shop_of(0)
    lead = make_member(project, Role.LEAD)
    assert work_of(lead).last_seen is None
    signed_in = timezone.now() - dt.timedelta(days=3)
    User.objects.filter(pk=lead.user_id).update(last_login=signed_in)
    assert work_of(lead).last_seen == signed_in
    record(make_project(), lead.user, "round.open")  # elsewhere
    assert work_of(lead).last_seen == signed_in
    record(project, lead.user, "round.open")
    entry = AuditLogEntry.objects.filter(project=project, actor=lead.user).latest("id")
    assert work_of(lead).last_seen == entry.at


def test_work_leaves_out_what_was_taken_back_and_other_projects() -> None:
    project, other = shop_of(3), shop_of(1)
    member = make_member(project)
    judge(member)
    judge(member)
    undo_last(project, member.user)
    judge(make_member(other))
    assert [(work.member, work.week) for work in work_by_member(project)] == [(member, 1)]


def test_work_lists_live_leases_only() -> None:
    project = shop_of(3)
    holder, gone = make_members(project, 2)
    slot = claim(holder)
    left = claim(gone)
    left.leased_until = timezone.now() - dt.timedelta(seconds=1)
    left.save()
    assert work_of(holder).leases == [slot]
    assert work_of(gone).leases == []
    assert work_by_member(project)[0].member == holder


def test_who_answers_too_fast_comes_first() -> None:
    project = shop_of(45)
    careful, hasty = make_members(project, 2)
    for member, count in ((careful, 24), (hasty, 20)):
        for _ in range(count):
            slot = claim(member)
            slot.leased_at = timezone.now() - dt.timedelta(seconds=30)
            slot.save()
            submit(member, slot, "E", seconds=30 if member == careful else 5)
    first, second = work_by_member(project)
    assert (first.member, first.concerns) == (hasty, [Concern.FAST])
    assert (second.member, second.concerns) == (careful, [])


def test_who_was_paused_for_gold_comes_before_everybody() -> None:
    project = shop_of(2)
    busy, paused = make_members(project, 2)
    judge(busy)
    pause_member(project, paused.user, BELOW_MARK)
    first = work_by_member(project)[0]
    assert (first.member, first.concerns) == (paused, [Concern.BELOW_MARK])


def test_who_skips_far_more_than_the_others_is_named() -> None:
    project = shop_of(60, skips_to_lead=0)
    members = make_members(project, 3)
    for member in members[:2]:
        for _ in range(20):
            judge(member)
    for _ in range(15):
        judge(members[2])
    for _ in range(5):
        submit(members[2], claim(members[2]), SKIP_PATH)
    assert Concern.SKIPS in work_of(members[2]).concerns
    assert all(Concern.SKIPS not in work_of(member).concerns for member in members[:2])


def test_days_are_whole_and_in_order() -> None:
    project = shop_of(3)
    member = make_member(project)
    judge(member)
    judge(member)
    days = days_of(project, member.user, 14)
    assert len(days) == 14
    assert [day.judgments for day in days] == [0] * 13 + [2]
    assert days[-1].date == timezone.localdate()
    assert days[-1].seconds is not None


def test_skip_reasons_are_counted() -> None:
    project = shop_of(3, skips_to_lead=0)
    member = make_member(project)
    submit(member, claim(member), SKIP_PATH)
    submit(member, claim(member), SKIP_PATH)
    assert skip_reasons(project, member.user, 28) == [("unclear_query", 2)]


def test_known_locales_are_those_of_the_round_and_of_members() -> None:
    project = make_project()
    make_round(project, [make_pair(project, locale="us"), make_pair(project, locale="es")])
    member = make_member(project)
    member.languages = ["jp"]
    member.save()
    assert known_locales(project) == ["es", "jp", "us"]


def test_work_takes_as_many_queries_for_many_members(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = make_project(overlap=2)
    pairs = [make_pair(project) for _ in range(3)]
    make_round(project, pairs)
    judge_all(make_members(project, 2), dict.fromkeys(pairs, "E"))
    with django_assert_num_queries(6):
        work_by_member(project)
    for member in make_members(project, 4):
        claim_slot(project, member.user)
    with django_assert_num_queries(6):
        assert len(work_by_member(project)) == 6
    assert Judgment.objects.filter(project=project).count() == 6


def test_work_knows_leads_too() -> None:
    project = shop_of(1)
    lead = make_member(project, Role.LEAD)
    judge(lead)
    assert work_of(lead).week == 1
