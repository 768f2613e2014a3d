"""Taking judgments in and taking them back."""

import enum
import uuid
from dataclasses import dataclass
from functools import lru_cache

from django.db import transaction
from django.db.models import Case, Exists, Q, QuerySet, When
from django.utils import timezone

from labeling.actions.consensus import resolve_pair
from labeling.actions.queue import free, lease
from labeling.guidelines.parse import parse_guideline
from labeling.guidelines.tree import Guideline, Question
from labeling.guidelines.walk import parse_path, walk
from labeling.models import (
    GuidelinePath,
    GuidelineVersion,
    Judgment,
    Membership,
    Pair,
    Project,
    QueueEntry,
    Skip,
    Slot,
    User,
)
from labeling.queries.judgments import last_step
from labeling.queries.pairs import shown_revision
from labeling.queries.projects import labels_of


class Outcome(enum.Enum):
    """How a submit ended. Each of them means that nothing more is to be done about it."""

    STORED = "stored"
    REPEATED = "repeated"  # the same submit had arrived before
    NOT_NEEDED = "not needed"  # the pair has all the judgments that it is to get, or one of theirs


@dataclass(frozen=True)
class Answer:
    """What an annotator sends for a slot: a path to a leaf, the version it walks, and the submit's own key."""

    slot_id: int
    key: uuid.UUID
    guideline: GuidelineVersion
    path: str
    note: str = ""
    revision_id: int | None = None  # the text of the product that was shown; without it, the current one


def tree_of(project: Project, version: GuidelineVersion) -> Guideline:
    """Return a stored version as a tree."""
    return _parse(version.source, tuple(label.key for label in labels_of(project)))


@lru_cache(maxsize=64)
def _parse(source: str, label_keys: tuple[str, ...]) -> Guideline:
    return parse_guideline(source, label_keys)


@transaction.atomic
def submit_answer(project: Project, annotator: User, answer: Answer) -> Outcome:
    """Store a judgment, or a skip where the path ends in one, in one transaction.

    The label is the one that the guideline gives for the path. A lease that has run out does no harm while the
    pair still needs a judgment. Raises PathError for a path that is none, ValueError for one that is not at its
    end, and Slot.DoesNotExist for a slot of another project.
    """
    Membership.objects.select_for_update().get(project=project, user=annotator)
    end = _end_of(project, answer)
    return _store(project, annotator, answer, end.label_id, end.skip_reason)


@transaction.atomic
def skip_pair(project: Project, annotator: User, answer: Answer, reason: str) -> Outcome:
    """Store "cannot judge" for a slot with a reason of the guideline, and free the slot for others.

    Raises ValueError for a reason that the guideline does not have.
    """
    Membership.objects.select_for_update().get(project=project, user=annotator)
    reasons = tree_of(project, answer.guideline).skips
    if reason not in reasons:
        raise ValueError(f"{reason!r} is not a reason to skip. Reasons are: {', '.join(reasons)}.")
    return _store(project, annotator, answer, None, reason)


@transaction.atomic
def undo_last(project: Project, annotator: User) -> Slot | None:
    """Retire the annotator's last judgment or skip of today and lease its pair to them again.

    None where there is nothing to take back, or where all places for a skipped pair are taken by others.
    """
    Membership.objects.select_for_update().get(project=project, user=annotator)
    step = last_step(project, annotator)
    if step is None:
        return None
    Pair.objects.select_for_update(no_key=True).get(pk=step.pair_id)
    slot = _reopen_judgment(step) if isinstance(step, Judgment) else _reopen_skip(step)
    if slot is None:
        return None
    held = Slot.objects.filter(round__project=project, round__state="open", annotator=annotator, judged=False)
    for other in held.exclude(pk=slot.pk).select_for_update(of=("self",)):
        free(other)
        other.save()
    lease(slot, project, annotator, timezone.now())
    slot.save()
    resolve_pair(project, slot.entry)
    return slot


def _end_of(project: Project, answer: Answer) -> GuidelinePath:
    """Return the stored walk that ends where the answer's path does; raise what is wrong with the path."""
    found = GuidelinePath.objects.filter(
        guideline=answer.guideline, guideline__project=project, path=answer.path
    ).first()
    if found is None:
        end = walk(tree_of(project, answer.guideline), parse_path(answer.path))
        if isinstance(end, Question):
            raise ValueError(f"The walk {answer.path!r} is not at its end: {end.ask!r} is still to be answered.")
        raise ValueError(f"{answer.guideline} is not a guideline of {project}.")
    return found


def _store(project: Project, annotator: User, answer: Answer, label_id: int | None, skip_reason: str) -> Outcome:
    """Lock the pair and store a judgment with the label, or, without one, a skip. The annotator is locked."""
    arrived = Q(key=answer.key, annotator=annotator)
    pair = (
        Pair.objects.select_for_update(of=("self",), no_key=True)
        .select_related("product")
        .annotate(arrived=Exists(Judgment.objects.filter(arrived)) | Exists(Skip.objects.filter(arrived)))
        .filter(project=project, slots=answer.slot_id)
        .first()
    )
    if pair is None:
        raise Slot.DoesNotExist(f"Slot {answer.slot_id} is none of {project}.")
    if pair.arrived:
        return Outcome.REPEATED
    slot = _place_for(pair, annotator)
    if slot is None:
        return Outcome.NOT_NEEDED
    if slot.annotator_id != annotator.pk:
        lease(slot, project, annotator, timezone.now())
    if label_id is None:
        return _store_skip(project, annotator, slot, answer, skip_reason)
    slot.judged = True
    slot.save()
    Judgment.objects.create(
        project=project,
        slot=slot,
        pair=pair,
        annotator=annotator,
        revision_id=shown_revision(pair, answer.revision_id),
        guideline=answer.guideline,
        path=answer.path,
        label_id=label_id,
        stream=slot.entry.stream,
        key=answer.key,
        seconds=(timezone.now() - slot.leased_at).total_seconds() if slot.leased_at else 0,
        note=answer.note,
    )
    resolve_pair(project, slot.entry)
    return Outcome.STORED


def _place_for(pair: Pair, annotator: User) -> Slot | None:
    """Lock and return the slot that the annotator's answer goes to; None where the pair needs none from them.

    The one they hold in the pair's newest round; after a lost lease, any place that is open there; else the one
    that they still hold in a round before.
    """
    newest = QueueEntry.objects.filter(pair=pair).order_by("-id").values("pk")[:1]
    judged = Judgment.objects.filter(pair=pair, annotator=annotator, retired_at__isnull=True)
    within_reach = Q(annotator=annotator) | Q(entry=newest)
    return _open_slots_for(annotator).filter(within_reach, ~Exists(judged), pair=pair).first()


def _open_slots_for(annotator: User) -> QuerySet[Slot]:
    """Return, to be locked, the slots without a judgment that are theirs or open; newest first, then theirs."""
    theirs = Q(annotator=annotator)
    free_or_expired = Q(annotator__isnull=True) | Q(leased_until__lt=timezone.now())
    return (
        Slot.objects.select_for_update(of=("self",))
        .select_related("entry")
        .filter(theirs | free_or_expired, judged=False)
        .order_by("-entry_id", Case(When(theirs, then=0), default=1), "number")
    )


def _store_skip(project: Project, annotator: User, slot: Slot, answer: Answer, reason: str) -> Outcome:
    """Store a skip and free its slot. A second one in the same round, from another tab, is not stored."""
    known = Skip.objects.filter(pair=slot.pair_id, round=slot.round_id, annotator=annotator, retired_at__isnull=True)
    outcome = Outcome.REPEATED if known.exists() else Outcome.STORED
    if outcome == Outcome.STORED:
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
    resolve_pair(project, slot.entry)
    return outcome


def _reopen_judgment(judgment: Judgment) -> Slot:
    slot = Slot.objects.select_for_update(of=("self",)).select_related("entry").get(pk=judgment.slot_id)
    judgment.retired_at = timezone.now()
    judgment.retired_as = Judgment.Retired.UNDONE
    judgment.save(update_fields=("retired_at", "retired_as"))
    return slot


def _reopen_skip(skip: Skip) -> Slot | None:
    slot = _open_slots_for(skip.annotator).filter(entry__round=skip.round_id, pair=skip.pair_id).first()
    if slot is not None:
        skip.retired_at = timezone.now()
        skip.save(update_fields=("retired_at",))
    return slot
