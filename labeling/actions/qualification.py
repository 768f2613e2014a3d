"""Learning to judge: answers to training pairs, and what lets somebody start."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.judgments import tree_of
from labeling.actions.queue import locked_member
from labeling.guidelines.tree import LabelLeaf, Question
from labeling.guidelines.walk import format_path, parse_path, walk
from labeling.models import GuidelineVersion, Label, Membership, Project, TrainingAnswer, User
from labeling.queries.projects import labels_of
from labeling.queries.qualification import Attempt, attempts_of, current_attempt, training_pairs


@dataclass(frozen=True)
class TrainingWalk:
    """What a learner sends for a training pair. With `skip_reason` the walk was broken off and the pair skipped."""

    gold_id: int
    attempt: int
    guideline: GuidelineVersion
    path: str
    skip_reason: str = ""


@transaction.atomic
def answer_training(project: Project, user: User, given: TrainingWalk) -> TrainingAnswer:
    """Store an answer to a training pair, and qualify the member when it ends an attempt at the pass mark.

    Sent twice it counts once: the first one stays. A skip is not right. Raises PathError or ValueError for a path
    that is not a whole walk, a reason that is none and an attempt that is not under way, and GoldPair.DoesNotExist
    for a pair that is not in the member's training.
    """
    member = locked_member(project, user)
    known = TrainingAnswer.objects.select_related("gold__label", "label", "guideline").filter(
        member=member, attempt=given.attempt, gold=given.gold_id
    )
    if found := known.first():
        return found
    current = current_attempt(attempts_of(member))
    if given.attempt != current:
        raise ValueError(f"Attempt {given.attempt} is not under way; it would be attempt {current}.")
    gold = training_pairs(member).select_related("label").get(pk=given.gold_id)
    label = _label_of(project, given)
    answer = TrainingAnswer.objects.create(
        member=member,
        gold=gold,
        attempt=given.attempt,
        guideline=given.guideline,
        path=format_path(parse_path(given.path)),
        label=label,
        right=label == gold.label,
    )
    _end_attempt(member, attempts_of(member)[0])
    return answer


@transaction.atomic
def qualify_if_reached(project: Project, user: User) -> bool:
    """Qualify a member whose newest attempt reaches the pass mark by now; say whether they are qualified.

    It can come to reach it after its end: when the mark is lowered, or a training pair is found wrong and retired.
    """
    member = locked_member(project, user)
    newest = next(iter(attempts_of(member)), None)
    if newest is not None and newest.reaches(project.pass_mark):
        _qualify(member, newest)
    return member.qualified_at is not None


def _label_of(project: Project, given: TrainingWalk) -> Label | None:
    """Return the label that a walk ends in; None where it ends in a skip or was broken off by one."""
    tree = tree_of(project, given.guideline)
    end = walk(tree, parse_path(given.path))
    if given.skip_reason:
        if given.skip_reason not in tree.skips:
            raise ValueError(f"{given.skip_reason!r} is not a reason to skip. Reasons are: {', '.join(tree.skips)}.")
        return None
    if isinstance(end, Question):
        raise ValueError(f"The walk {given.path!r} is not at its end: {end.ask!r} is still to be answered.")
    if not isinstance(end, LabelLeaf):
        return None
    return next(label for label in labels_of(project) if label.key == end.label)


def _end_attempt(member: Membership, attempt: Attempt) -> None:
    if not attempt.finished:
        return
    passed = attempt.reaches(member.project.pass_mark)
    record(
        member.project,
        member.user,
        "training.finish",
        member.user.username,
        attempt=attempt.number,
        right=attempt.right,
        pairs=attempt.pairs,
        passed=passed,
    )
    if passed:
        _qualify(member, attempt)


def _qualify(member: Membership, attempt: Attempt) -> None:
    if member.qualified_at is not None:
        return
    member.qualified_at = timezone.now()
    member.save(update_fields=("qualified_at",))
    record(member.project, member.user, "member.qualify", member.user.username, attempt=attempt.number)
