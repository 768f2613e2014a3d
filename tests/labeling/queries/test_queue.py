"""What waits in the open round, and for whom."""

import pytest
from django.utils import timezone

from labeling.actions.members import pause_member
from labeling.models import Membership
from labeling.queries.queue import free_slots, open_round_of, open_slots, queued_slots, waiting_slots
from tests.labeling.acting import SKIP_PATH, claim, expire, judge, make_members, submit, undo_last
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def test_open_round_is_the_projects_newest() -> None:
    project, other = make_project(), make_project()
    make_round(other, [])
    assert open_round_of(project) is None
    make_round(project, [])
    newest = make_round(project, [])
    assert open_round_of(project) == newest


def test_open_slots_are_those_without_a_judgment() -> None:
    project, other = make_project(overlap=2), make_project()
    make_round(project, [make_pair(project)])
    pairs = [make_pair(project), make_pair(project)]
    make_round(project, pairs)
    make_round(other, [make_pair(other)])
    first, second = make_members(project, 2)
    judge(first)
    claim(second)
    assert queued_slots(project).count() == 4
    assert open_slots(project).count() == 3
    undo_last(project, first.user)
    assert open_slots(project).count() == 4


def test_free_slots_are_what_a_person_could_be_given_in_order() -> None:
    project = make_project(overlap=2)
    pairs = [make_pair(project) for _ in range(4)]
    make_round(project, pairs, stream="active")
    member, other = make_members(project, 2)
    now = timezone.now()
    every = [(rank, number) for rank in range(4) for number in (1, 2)]
    assert list(free_slots(member, now).values_list("rank", "number")) == every
    judge(member)
    submit(member, claim(member), SKIP_PATH)
    held = claim(member)
    left = free_slots(member, timezone.now())
    assert list(left.values_list("pair", flat=True)) == [pairs[3].pk] * 2
    theirs = free_slots(other, timezone.now())
    assert held not in theirs
    expire(held)
    assert held in free_slots(other, timezone.now())
    assert held not in free_slots(member, timezone.now())


def test_waiting_slots_are_all_before_anybody_has_begun() -> None:
    project = make_project(overlap=2)
    make_member(project)
    assert waiting_slots(project).count() == 0
    make_round(project, [make_pair(project), make_pair(project)])
    assert waiting_slots(project).count() == 4


def test_waiting_slots_are_what_somebody_at_work_could_fill() -> None:
    project = make_project(overlap=2, max_overlap=3, skips_to_lead=0)
    pairs = [make_pair(project) for _ in range(2)]
    make_round(project, pairs, stream="active")
    first, second, third = make_members(project, 3)
    judge(first, "E")
    assert waiting_slots(project).count() == 2
    judge(second, "S")
    submit(first, claim(first), SKIP_PATH)
    # The tie's slot is for somebody new; the second pair still waits for one of the two.
    assert set(waiting_slots(project).values_list("pair", flat=True)) == {pairs[1].pk}
    submit(second, claim(second), SKIP_PATH)
    assert waiting_slots(project).count() == 0
    claim(third)
    assert waiting_slots(project).count() == 3
    undo_last(project, second.user)
    assert waiting_slots(project).count() == 3


def test_waiting_slots_are_not_what_nobody_at_work_reads() -> None:
    project = make_project(overlap=1)
    foreign = make_pair(project, locale="jp")
    make_round(project, [make_pair(project, locale="es"), foreign], stream="active")
    reader, other = make_members(project, 2)
    Membership.objects.filter(pk=reader.pk).update(languages=["es"])
    reader.refresh_from_db()
    judge(reader)
    assert waiting_slots(project).count() == 0
    assert claim(other).pair == foreign
    assert waiting_slots(project).count() == 1


def test_waiting_slots_are_not_what_only_people_who_must_train_could_fill() -> None:
    project = make_project(overlap=2)
    make_round(project, [make_pair(project)])
    untrained, working = make_members(project, 2)
    claim(untrained)
    project.training_required = True
    project.save()
    Membership.objects.filter(pk=working.pk).update(qualified_at=timezone.now())
    working.project.refresh_from_db()
    judge(working)
    assert waiting_slots(project).count() == 0
    Membership.objects.filter(pk=untrained.pk).update(qualified_at=timezone.now())
    assert waiting_slots(project).count() == 1


def test_waiting_slots_are_not_what_only_paused_people_could_fill() -> None:
    project = make_project(overlap=2)
    make_round(project, [make_pair(project)])
    paused, working = make_members(project, 2)
    claim(paused)
    pause_member(project, paused.user, "A break.")
    judge(working)
    assert waiting_slots(project).count() == 0
