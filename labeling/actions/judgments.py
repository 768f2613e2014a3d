"""Taking judgments in and taking them back."""

import enum
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from labeling.actions.consensus import resolve_pair
from labeling.actions.queue import free, lease
from labeling.guidelines.parse import parse_guideline
from labeling.guidelines.tree import Guideline, LabelLeaf, SkipLeaf
from labeling.guidelines.walk import format_path, parse_path, walk
from labeling.models import GuidelineVersion, Judgment, Membership, Project, Skip, Slot, User
from labeling.queries.judgments import last_step
from labeling.queries.pairs import current_revision
from labeling.queries.projects import labels_of


class Outcome(enum.Enum):
    """How a submit ended. Each of them means that nothing more is to be done about it."""

    STORED = "stored"
    REPEATED = "repeated"  # the same submit had arrived before
    NOT_NEEDED = "not needed"  # others gave all the judgments that this pair is to get


@dataclass(frozen=True)
class Answer:
    """What an annotator sends for a slot: a path to a leaf, the version it walks, and the submit's own key."""

    slot_id: int
    key: uuid.UUID
    guideline: GuidelineVersion
    path: str
    note: str = ""


def tree_of(project: Project, version: GuidelineVersion) -> Guideline:
    """Return a stored version as a tree."""
    return parse_guideline(version.source, [label.key for label in labels_of(project)])


@transaction.atomic
def submit_answer(project: Project, annotator: User, answer: Answer) -> Outcome:
    """Store a judgment, or a skip where the path ends in one, in one transaction.

    The path is walked again here before its label is believed. A lease that has run out does no harm while the
    pair still needs a judgment. Raises PathError for a path that is none, ValueError for one that is not at its
    end, and Slot.DoesNotExist for a slot of another project.
    """
    Membership.objects.select_for_update().get(project=project, user=annotator)
    path = parse_path(answer.path)
    leaf = walk(tree_of(project, answer.guideline), path)
    if not isinstance(leaf, LabelLeaf | SkipLeaf):
        raise ValueError(f"The walk {answer.path!r} is not at its end: {leaf.ask!r} is still to be answered.")
    if _arrived_before(answer.key, annotator):
        return Outcome.REPEATED
    slot = _slot_to_fill(project, annotator, answer.slot_id)
    if slot is None:
        return Outcome.NOT_NEEDED
    if isinstance(leaf, SkipLeaf):
        _store_skip(project, annotator, slot, answer, leaf.reason)
    else:
        _store_judgment(project, annotator, slot, answer, format_path(path), leaf.label)
    return Outcome.STORED


@transaction.atomic
def skip_pair(project: Project, annotator: User, answer: Answer, reason: str) -> Outcome:
    """Store "cannot judge" for a slot with a reason of the guideline, and free the slot for others.

    Raises ValueError for a reason that the guideline does not have.
    """
    Membership.objects.select_for_update().get(project=project, user=annotator)
    reasons = tree_of(project, answer.guideline).skips
    if reason not in reasons:
        raise ValueError(f"{reason!r} is not a reason to skip. Reasons are: {', '.join(reasons)}.")
    if _arrived_before(answer.key, annotator):
        return Outcome.REPEATED
    slot = _slot_to_fill(project, annotator, answer.slot_id)
    if slot is None:
        return Outcome.NOT_NEEDED
    _store_skip(project, annotator, slot, answer, reason)
    return Outcome.STORED


@transaction.atomic
def undo_last(project: Project, annotator: User) -> Slot | None:
    """Retire the annotator's last judgment or skip of today and lease its pair to them again.

    None where there is nothing to take back, or where all places for a skipped pair are taken by others.
    """
    Membership.objects.select_for_update().get(project=project, user=annotator)
    step = last_step(project, annotator)
    if step is None:
        return None
    now = timezone.now()
    for held in Slot.objects.select_for_update().filter(
        round__project=project, round__state="open", annotator=annotator, judged=False
    ):
        free(held)
        held.save()
    slot = _reopen_judgment(step) if isinstance(step, Judgment) else _reopen_skip(step)
    if slot is None:
        return None
    lease(slot, project, annotator, now)
    slot.save()
    resolve_pair(project, slot.entry)
    return slot


def _arrived_before(key: uuid.UUID, annotator: User) -> bool:
    mine = Q(key=key, annotator=annotator)
    return Judgment.objects.filter(mine).exists() or Skip.objects.filter(mine).exists()


def _slot_to_fill(project: Project, annotator: User, slot_id: int) -> Slot | None:
    """Lock and return the slot, if it is theirs; else, after a lost lease, any place its pair still has."""
    slots = Slot.objects.select_for_update(of=("self",)).select_related("entry")
    slot = slots.get(pk=slot_id, round__project=project)
    if slot.annotator_id == annotator.pk:
        return None if slot.judged else slot
    if Judgment.objects.filter(pair=slot.pair_id, annotator=annotator, retired_at__isnull=True).exists():
        return None
    now = timezone.now()
    open_to_me = Q(annotator__isnull=True) | Q(leased_until__lt=now) | Q(annotator=annotator)
    other = slots.filter(open_to_me, entry=slot.entry_id, judged=False).order_by("number").first()
    if other is not None:
        leased_at = other.leased_at or now
        lease(other, project, annotator, leased_at)
    return other


def _store_judgment(project: Project, annotator: User, slot: Slot, answer: Answer, path: str, label_key: str) -> None:
    Judgment.objects.create(
        project=project,
        slot=slot,
        pair_id=slot.pair_id,
        annotator=annotator,
        revision_id=current_revision(slot.pair),
        guideline=answer.guideline,
        path=path,
        label=next(label for label in labels_of(project) if label.key == label_key),
        stream=slot.entry.stream,
        key=answer.key,
        seconds=(timezone.now() - slot.leased_at).total_seconds() if slot.leased_at else 0,
        note=answer.note,
    )
    slot.judged = True
    slot.save()
    resolve_pair(project, slot.entry)


def _store_skip(project: Project, annotator: User, slot: Slot, answer: Answer, reason: str) -> None:
    Skip.objects.create(
        project=project,
        round_id=slot.round_id,
        pair_id=slot.pair_id,
        annotator=annotator,
        guideline=answer.guideline,
        path=answer.path,
        reason=reason,
        note=answer.note,
        key=answer.key,
    )
    free(slot)
    slot.save()


def _reopen_judgment(judgment: Judgment) -> Slot:
    slot = Slot.objects.select_for_update(of=("self",)).select_related("entry").get(pk=judgment.slot_id)
    judgment.retired_at = timezone.now()
    judgment.retired_as = Judgment.Retired.UNDONE
    judgment.save(update_fields=("retired_at", "retired_as"))
    return slot


def _reopen_skip(skip: Skip) -> Slot | None:
    now = timezone.now()
    slot = (
        Slot.objects.select_for_update(of=("self",))
        .select_related("entry")
        .filter(Q(annotator__isnull=True) | Q(leased_until__lt=now), judged=False)
        .filter(entry__round=skip.round_id, entry__pair=skip.pair_id)
        .order_by("number")
        .first()
    )
    if slot is not None:
        skip.retired_at = now
        skip.save(update_fields=("retired_at",))
    return slot
