"""The race in a small size, and that its counts see what it must not let happen."""

import uuid
from dataclasses import replace

import pytest
from django.db import connection
from django.utils import timezone

from labeling.actions.judgments import Outcome
from labeling.models import Judgment, Membership, Project, Slot
from tests.labeling.acting import claim, judge, judge_all, make_members
from tests.load.counts import Submitted, lost, over_overlap, stranded, twice
from tests.load.race import run_race
from tests.making import PATHS, make_member, make_pair, make_project, make_round


def test_race_loses_nothing_and_gives_nothing_twice(committed: None) -> None:
    result = run_race(annotators=12, pairs=60, seed=1)
    assert (result.over_overlap, result.twice, result.lost, result.stranded) == (0, 0, 0, 0)
    assert result.acknowledged >= 120
    assert {"aborted", "connections lost", "let_it_expire", "undo", "correct", "skip"} <= result.events.keys()


def judged_shop() -> tuple[Project, list[Membership]]:
    """Make a project whose only pair two people have judged alike."""
    project = make_project(overlap=2, max_overlap=3)
    pair = make_pair(project)
    make_round(project, [pair])
    members = make_members(project, 2)
    judge_all(members, {pair: "E"})
    return project, members


def insert(project: Project, member: Membership, slot: Slot) -> Judgment:
    """Store a judgment past the actions."""
    like = Judgment.objects.filter(project=project).first()
    assert like is not None
    like.pk, like.key, like.slot, like.annotator = None, uuid.uuid4(), slot, member.user
    like.save(force_insert=True)
    return like


@pytest.mark.django_db
def test_over_overlap_sees_a_judgment_more_than_the_pair_is_to_get() -> None:
    project, _ = judged_shop()
    assert over_overlap(project) == 0
    entry = Slot.objects.filter(round__project=project).latest("number").entry
    newcomer = make_member(project)
    lease = {"annotator": newcomer.user, "leased_until": timezone.now()}
    slot = Slot.objects.create(entry=entry, round=entry.round, pair=entry.pair, number=3, rank=0, judged=True, **lease)
    insert(project, newcomer, slot)
    assert over_overlap(project) == 1


@pytest.mark.django_db
def test_over_overlap_sees_a_lease_more_than_the_pair_is_to_get() -> None:
    project, _ = judged_shop()
    entry = Slot.objects.filter(round__project=project).latest("number").entry
    Slot.objects.create(entry=entry, round=entry.round, pair=entry.pair, number=3, rank=0)
    claim(make_member(project))
    assert over_overlap(project) == 1


@pytest.mark.django_db
def test_twice_sees_a_second_judgment_that_the_database_let_pass() -> None:
    project, members = judged_shop()
    assert twice(project) == 0
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("DROP INDEX judgment_once_per_annotator")
    other = Judgment.objects.get(project=project, annotator=members[1].user)
    Judgment.objects.filter(pk=other.pk).update(retired_at=timezone.now(), retired_as="undone")
    insert(project, members[0], other.slot)
    assert twice(project) == 1


@pytest.mark.django_db
def test_twice_sees_who_holds_two_pairs() -> None:
    project = make_project()
    make_round(project, [make_pair(project) for _ in range(2)])
    member = make_member(project)
    held = claim(member)
    other = Slot.objects.filter(round__project=project).exclude(pair=held.pair).first()
    assert other is not None
    Slot.objects.filter(pk=other.pk).update(annotator=member.user, leased_until=timezone.now())
    assert twice(project) == 1


@pytest.mark.django_db
def test_lost_sees_what_is_not_stored_as_it_was_acknowledged() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    judgment = judge(member)
    right = Submitted(member.user_id, judgment.pair_id, PATHS["E"], "", Outcome.STORED)
    assert lost({judgment.key: right}) == 0
    assert lost({uuid.uuid4(): right}) == 1
    assert lost({judgment.key: replace(right, path=PATHS["S"])}) == 1
    assert lost({uuid.uuid4(): replace(right, path="", reason="unclear_query")}) == 1
    Judgment.objects.filter(pk=judgment.pk).update(retired_at=timezone.now(), retired_as="undone")
    assert lost({judgment.key: right}) == 1
    right.taken_back = True
    assert lost({judgment.key: right}) == 0


@pytest.mark.django_db
def test_stranded_sees_a_pair_that_waits_and_is_given_to_nobody() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    members = make_members(project, 2)
    judge(members[0])
    Slot.objects.filter(round__project=project, judged=False).update(withdrawn=True)
    assert stranded(project, members) == 1
    assert stranded(project, members[:1]) == 0
