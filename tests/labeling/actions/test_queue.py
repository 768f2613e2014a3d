"""Handing out pairs: in order, to one person each."""

import datetime as dt
import uuid

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.judgments import Outcome, skip_pair
from labeling.actions.queue import GRACE, claim_slot, keep_lease, leave_pair, take_back
from labeling.models import AuditLogEntry, Membership, Role, Slot
from tests.labeling.acting import answer_for, claim, expire, judge, make_members, submit
from tests.making import make_member, make_pair, make_project, make_round, make_user

pytestmark = pytest.mark.django_db


def test_claim_serves_by_rank_and_leases_for_the_projects_time() -> None:
    project = make_project(lease_minutes=7)
    pairs = [make_pair(project) for _ in range(3)]
    make_round(project, pairs, stream="active")
    member = make_member(project)
    served = []
    for _ in pairs:
        slot = claim(member)
        assert slot.annotator == member.user
        assert slot.leased_until is not None
        assert abs(slot.leased_until - timezone.now() - dt.timedelta(minutes=7)) < dt.timedelta(seconds=10)
        served.append(slot.pair_id)
        submit(member, slot, "E")
    assert served == [pair.pk for pair in pairs]
    assert claim_slot(project, member.user) is None


def test_claim_gives_two_people_the_two_slots_of_the_first_pair() -> None:
    project = make_project(overlap=2)
    first, second = make_pair(project), make_pair(project)
    make_round(project, [first, second], stream="active")
    slots = [claim(member) for member in make_members(project, 3)]
    assert [slot.pair_id for slot in slots] == [first.pk, first.pk, second.pk]
    assert len({slot.pk for slot in slots}) == 3


def test_claim_of_a_second_tab_is_the_same_slot_with_a_renewed_lease() -> None:
    project = make_project()
    make_round(project, [make_pair(project), make_pair(project)])
    member = make_member(project)
    first = claim(member)
    expire(first)
    second = claim(member)
    assert (second.pk, second.key) == (first.pk, first.key)
    assert second.leased_until is not None
    assert second.leased_until > timezone.now()


def test_claim_takes_over_an_expired_lease_with_a_new_key() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    gone, here = make_members(project, 2)
    lost = claim(gone)
    assert claim_slot(project, here.user) is None
    expire(lost)
    taken = claim(here)
    assert taken.pk == lost.pk
    assert taken.annotator == here.user
    assert taken.key != lost.key
    assert claim_slot(project, gone.user) is None


def test_claim_never_serves_what_a_person_judged_or_skipped() -> None:
    project = make_project(overlap=2)
    pairs = [make_pair(project) for _ in range(2)]
    make_round(project, pairs, stream="active")
    member = make_member(project)
    judge(member)
    slot = claim(member)
    assert slot.pair_id == pairs[1].pk
    assert skip_pair(project, member.user, answer_for(slot, ""), "text_missing") == Outcome.STORED
    assert claim_slot(project, member.user) is None


def test_claim_serves_the_open_round_of_the_own_project_only() -> None:
    project, other = make_project(), make_project()
    make_round(other, [make_pair(other)])
    member = make_member(project)
    assert claim_slot(project, member.user) is None
    make_round(project, [make_pair(project)])
    make_round(project, [])
    assert claim_slot(project, member.user) is None


def test_claim_is_for_members() -> None:
    project = make_project()
    with pytest.raises(Membership.DoesNotExist):
        claim_slot(project, make_user())


def test_claim_costs_the_same_after_a_long_history(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    project = make_project(overlap=2)
    make_round(project, [make_pair(project) for _ in range(16)])
    fresh, busy = make_members(project, 2)
    for _ in range(12):
        judge(busy)
    for member in (fresh, busy, busy):
        # Two of them are the transaction's own: BEGIN and COMMIT, here a savepoint.
        with django_assert_max_num_queries(6):
            claim(member)


def test_lease_is_kept_with_its_draft_and_lost_to_nobody() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    member, other = make_members(project, 2)
    slot = claim(member)
    assert keep_lease(project, member.user, slot.pair_id, slot.key, "need:yes") is True
    assert claim(member).draft == "need:yes"
    assert keep_lease(project, other.user, slot.pair_id, slot.key, "") is False
    assert keep_lease(project, member.user, slot.pair_id, uuid.uuid4(), "") is False
    assert keep_lease(project, member.user, slot.pair_id, slot.key, "no path") is True
    assert claim(member).draft == "need:yes"


def test_left_pair_is_theirs_for_a_moment_and_then_anybodys() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    member, other = make_members(project, 2)
    slot = claim(member)
    assert leave_pair(project, member.user, slot.pair_id, slot.key, "need:yes") is True
    assert claim_slot(project, other.user) is None
    assert claim(member) == slot
    leave_pair(project, member.user, slot.pair_id, slot.key, "need:yes")
    Slot.objects.filter(pk=slot.pk).update(leased_until=F("leased_until") - GRACE)
    taken = claim(other)
    assert taken == slot
    assert taken.draft == ""


def test_lead_takes_a_pair_back() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    member, other = make_members(project, 2)
    lead = make_member(project, Role.LEAD)
    slot = claim(member)
    assert take_back(make_project(), slot.pk, lead.user) is False
    assert take_back(project, slot.pk, lead.user) is True
    assert take_back(project, slot.pk, lead.user) is False
    assert claim(other) == slot
    entry = AuditLogEntry.objects.get(project=project, verb="lease.take_back")
    assert entry.data == {"annotator": member.user.username}


def test_claim_gives_queries_in_the_languages_one_reads() -> None:
    project = make_project(overlap=1, max_overlap=1)
    spanish, japanese = make_pair(project, locale="es"), make_pair(project, locale="jp")
    make_round(project, [spanish, japanese], stream="active")
    member = make_member(project)
    member.languages = ["jp"]
    member.save()
    assert claim(member).pair == japanese
    judge(member)
    assert claim_slot(project, member.user) is None
    assert claim(make_member(project)).pair == spanish
