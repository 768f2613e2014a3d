"""Learning to judge."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.qualification import TrainingWalk, answer_training, qualify_if_reached
from labeling.actions.queue import may_judge
from labeling.models import AuditLogEntry, GoldPair, Judgment, Membership, Project, TrainingAnswer
from labeling.queries.projects import published_guideline
from labeling.queries.qualification import attempts_of, current_attempt, next_training_pair, trainees
from tests.labeling.acting import SKIP_PATH, make_members
from tests.making import PATHS, make_gold, make_member, make_pair, make_project

pytestmark = pytest.mark.django_db


def make_school(pairs: int = 5, **settings: object) -> Project:
    """Make a project that asks for training, with so many training pairs, all of them Exact."""
    project = make_project(**({"training_required": True, "pass_mark": 0.8} | settings))
    for _ in range(pairs):
        make_gold(project, "E", use="training")
    return project


def walk_for(member: Membership, gold: GoldPair, label: str, attempt: int = 1, **changes: str) -> TrainingWalk:
    version = published_guideline(member.project)
    return TrainingWalk(gold.pk, attempt, version, PATHS.get(label, label), **changes)


def answer(member: Membership, label: str, attempt: int = 1, **changes: str) -> TrainingAnswer:
    gold = next_training_pair(member, attempt)
    assert gold is not None
    return answer_training(member.project, member.user, walk_for(member, gold, label, attempt, **changes))


def train(member: Membership, labels: str, attempt: int = 1) -> None:
    for label in labels:
        answer(member, label, attempt)
    member.refresh_from_db()


def test_training_passed_qualifies_and_is_on_record() -> None:
    member = make_member(make_school())
    train(member, "EEES")
    assert not may_judge(member)
    train(member, "E")
    assert may_judge(member)
    assert member.qualified_at is not None
    log = AuditLogEntry.objects.filter(project=member.project, actor=member.user)
    assert log.get(verb="training.finish").data == {"attempt": 1, "right": 4, "pairs": 5, "passed": True}
    assert log.get(verb="member.qualify").data == {"attempt": 1}
    assert not Judgment.objects.filter(annotator=member.user).exists()


def test_training_not_passed_can_be_tried_again_in_another_order() -> None:
    member = make_member(make_school(pairs=8))
    first = [answer(member, "I").gold_id for _ in range(8)]
    assert current_attempt(attempts_of(member)) == 2
    assert AuditLogEntry.objects.get(verb="training.finish", actor=member.user).data["passed"] is False
    second = [answer(member, "E", attempt=2).gold_id for _ in range(8)]
    member.refresh_from_db()
    assert member.qualified_at is not None
    assert sorted(first) == sorted(second)
    assert first != second
    assert [(one.number, one.right, one.finished) for one in attempts_of(member)] == [(2, 8, True), (1, 0, True)]


def test_order_is_the_members_own_and_stays_when_pairs_come_and_go() -> None:
    project = make_school(pairs=9)
    one, other = make_members(project, 2)
    orders = [[answer(member, "S").gold_id for _ in range(9)] for member in (one, other)]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]
    third = make_member(project)
    expected = next_training_pair(third, 1)
    assert expected == next_training_pair(third, 1)
    extra = make_gold(project, use="training")
    assert next_training_pair(third, 1) in (expected, extra)


def test_skips_count_as_not_right() -> None:
    member = make_member(make_school(pairs=2, pass_mark=0.6))
    assert not answer(member, SKIP_PATH).right
    broken_off = answer(member, "need:yes,type:yes", skip_reason="text_missing")
    assert (broken_off.right, broken_off.label, broken_off.path) == (False, None, "need:yes,type:yes")
    member.refresh_from_db()
    assert member.qualified_at is None


def test_same_answer_twice_counts_once_and_the_first_one_stays() -> None:
    member = make_member(make_school(pairs=1, pass_mark=1))
    gold = next_training_pair(member, 1)
    assert gold is not None
    first = answer_training(member.project, member.user, walk_for(member, gold, "S"))
    again = answer_training(member.project, member.user, walk_for(member, gold, "E"))
    assert (again, again.right) == (first, False)
    assert AuditLogEntry.objects.filter(verb="training.finish", actor=member.user).count() == 1
    with pytest.raises(IntegrityError, match="training_answer_once_per_attempt"), transaction.atomic():
        TrainingAnswer.objects.create(
            member=member, gold=gold, attempt=1, guideline=first.guideline, path="", right=True, label=gold.label
        )


def test_attempt_that_is_not_under_way_is_refused() -> None:
    member = make_member(make_school(pairs=2))
    with pytest.raises(ValueError, match="Attempt 2 is not under way; it would be attempt 1"):
        answer(member, "E", attempt=2)
    train(member, "SS")
    assert next_training_pair(member, 1) is None
    gold = next_training_pair(member, 3)
    assert gold is not None
    with pytest.raises(ValueError, match="Attempt 3 is not under way; it would be attempt 2"):
        answer_training(member.project, member.user, walk_for(member, gold, "E", 3))


def test_what_is_no_answer_is_refused_and_stores_nothing() -> None:
    member = make_member(make_school(pairs=1))
    with pytest.raises(ValueError, match="is not at its end"):
        answer(member, "need:yes")
    with pytest.raises(ValueError, match="'bored' is not a reason to skip"):
        answer(member, "", skip_reason="bored")
    check = make_gold(member.project, use="check")
    elsewhere = make_gold(make_school(pairs=0), use="training")
    for gold in (check, elsewhere):
        with pytest.raises(GoldPair.DoesNotExist):
            answer_training(member.project, member.user, walk_for(member, gold, "E"))
    assert not member.training_answers.exists()


def test_training_is_in_the_members_languages() -> None:
    project = make_school(pairs=0)
    us, es = (make_gold(project, use="training", pair=make_pair(project, locale=locale)) for locale in ("us", "es"))
    member = make_member(project)
    member.languages = ["es"]
    member.save()
    assert next_training_pair(member, 1) == es
    train(member, "E")
    assert member.qualified_at is not None
    assert {trainee.member: trainee.pairs for trainee in trainees(project)} == {member: 1}
    assert us not in [answer.gold for answer in member.training_answers.all()]


def test_pair_found_wrong_and_retired_no_longer_stands_in_the_way() -> None:
    member = make_member(make_school(pairs=4, pass_mark=0.8))
    train(member, "EEEI")
    assert not qualify_if_reached(member.project, member.user)
    GoldPair.objects.filter(answers__right=False, answers__member=member).update(retired_at=timezone.now())
    assert qualify_if_reached(member.project, member.user)
    member.refresh_from_db()
    assert may_judge(member)


def test_mark_that_was_lowered_is_reached_by_the_attempt_before_it() -> None:
    member = make_member(make_school(pairs=4, pass_mark=0.8))
    train(member, "EEEI")
    member.project.pass_mark = 0.75
    member.project.save()
    assert qualify_if_reached(member.project, member.user)


def test_attempt_at_no_pairs_never_ends() -> None:
    member = make_member(make_school(pairs=0))
    assert next_training_pair(member, 1) is None
    assert attempts_of(member) == ()
    assert not qualify_if_reached(member.project, member.user)


def test_lead_sees_every_members_attempts_in_three_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = make_school(pairs=2)
    learner, newcomer = make_members(project, 2)
    train(learner, "SS")
    train(learner, "E", attempt=2)
    for _ in range(3):
        make_member(project)
    with django_assert_num_queries(3):
        found = {trainee.member: trainee for trainee in trainees(project)}
    assert [(one.number, one.answered, one.right, one.pairs) for one in found[learner].attempts] == [
        (2, 1, 1, 2),
        (1, 2, 0, 2),
    ]
    assert found[newcomer].attempts == ()
    assert len(found) == 5
