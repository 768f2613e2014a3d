"""Pairs that nobody can judge."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeling.actions.queue import claim_slot
from labeling.actions.set_aside import decide_set_aside, reopen_set_aside
from labeling.models import AuditLogEntry, Membership, Pair, Project, Role, SetAside, Skip
from labeling.queries.pairs import untouched_pairs
from tests.labeling.acting import SKIP_PATH, claim, expire, judge, make_members, submit, undo_last
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def skipped_by_two(**settings: object) -> tuple[Project, Pair, list[Membership]]:
    """Make a project whose only queued pair two people have skipped for one reason."""
    project = make_project(overlap=1, max_overlap=1, **settings)
    pair = make_pair(project)
    make_round(project, [pair])
    members = make_members(project, 3)
    for member in members[:2]:
        submit(member, claim(member), SKIP_PATH)
    return project, pair, members


def test_pair_skipped_by_two_for_one_reason_is_set_aside() -> None:
    project, pair, members = skipped_by_two()
    aside = SetAside.objects.get(pair=pair)
    assert (aside.state, aside.reason) == ("waiting", "unclear_query")
    assert claim_slot(project, members[2].user) is None
    assert pair not in untouched_pairs(project)


def test_pair_skipped_stays_where_the_project_never_sets_aside() -> None:
    _, pair, members = skipped_by_two(skips_to_lead=0)
    assert not SetAside.objects.filter(pair=pair).exists()
    assert claim(members[2]).pair == pair


def test_undo_of_the_skip_puts_the_pair_back() -> None:
    project, pair, members = skipped_by_two()
    slot = undo_last(project, members[1].user)
    assert slot is not None
    assert slot.pair == pair
    assert not SetAside.objects.filter(pair=pair).exists()
    assert Skip.objects.filter(pair=pair, retired_at=None).count() == 1


def test_lead_puts_a_pair_back_and_old_skips_do_not_count_again() -> None:
    project, pair, members = skipped_by_two()
    lead = make_member(project, Role.LEAD)
    aside = SetAside.objects.get(pair=pair)
    assert decide_set_aside(project, aside.pk, SetAside.State.RETURNED, lead.user) is not None
    assert decide_set_aside(project, aside.pk, SetAside.State.EXCLUDED, lead.user) is None
    submit(members[2], claim(members[2]), SKIP_PATH)
    assert list(SetAside.objects.filter(pair=pair).values_list("state", flat=True)) == ["returned"]
    assert claim(lead).pair == pair
    assert AuditLogEntry.objects.filter(project=project, verb="pair.set_aside", actor=lead.user).count() == 1


def test_lead_leaves_a_pair_out_for_good() -> None:
    project, pair, members = skipped_by_two()
    lead = make_member(project, Role.LEAD)
    decide_set_aside(project, SetAside.objects.get(pair=pair).pk, SetAside.State.EXCLUDED, lead.user)
    assert claim_slot(project, members[2].user) is None
    assert pair not in untouched_pairs(project)


def test_decision_about_another_projects_pair_is_none() -> None:
    _, pair, _ = skipped_by_two()
    other = make_project()
    lead = make_member(other, Role.LEAD)
    aside = SetAside.objects.get(pair=pair)
    assert decide_set_aside(other, aside.pk, SetAside.State.EXCLUDED, lead.user) is None
    aside.refresh_from_db()
    assert aside.state == "waiting"


def test_places_that_open_after_a_pair_was_set_aside_are_nobodys() -> None:
    project = make_project(overlap=2, max_overlap=3)
    pair = make_pair(project)
    make_round(project, [pair])
    first, second, third, fourth, fifth = make_members(project, 5)
    judge(first, "E")
    late = claim(second)
    aside = SetAside.objects.create(project=project, pair=pair, reason="unclear_query")
    submit(second, late, "S")
    assert claim_slot(project, third.user) is None
    again = undo_last(project, first.user)
    assert again is not None
    expire(again)
    assert claim_slot(project, fourth.user) is None
    lead = make_member(project, Role.LEAD)
    assert decide_set_aside(project, aside.pk, SetAside.State.RETURNED, lead.user) is not None
    assert claim(fifth).pair == pair


def test_old_decision_is_not_taken_back_once_the_pair_was_left_out() -> None:
    project, pair, members = skipped_by_two()
    lead = make_member(project, Role.LEAD)
    old = SetAside.objects.get(pair=pair)
    decide_set_aside(project, old.pk, SetAside.State.RETURNED, lead.user)
    SetAside.objects.create(
        project=project, pair=pair, reason="other", state="excluded", decided_by=lead.user, decided_at=timezone.now()
    )
    assert reopen_set_aside(project, old.pk, lead.user) is None
    assert claim(members[2]).pair == pair


def test_decision_waits_for_who_is_judging_the_pair() -> None:
    project, pair, _ = skipped_by_two()
    lead = make_member(project, Role.LEAD)
    aside = SetAside.objects.get(pair=pair)
    with CaptureQueriesContext(connection) as queries:
        decide_set_aside(project, aside.pk, SetAside.State.RETURNED, lead.user)
    locks = [query["sql"] for query in queries if "FOR " in query["sql"]]
    assert ["labeling_pair" in locks[0], "labeling_setaside" in locks[1]] == [True, True]
