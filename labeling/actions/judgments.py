"""Taking judgments in and taking them back."""

import enum
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When
from django.utils import timezone

from labeling.actions.consensus import PERSONAL, resolve_pair
from labeling.actions.members import pause_below_mark
from labeling.actions.queue import LEASE, free, lease, locked_member
from labeling.actions.set_aside import set_aside_if_skipped, withdraw_set_aside
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
    Relabel,
    Round,
    Skip,
    Slot,
    Stream,
    User,
)
from labeling.queries.adjudication import closes
from labeling.queries.judgments import day_start, judged_since
from labeling.queries.pairs import shown_revision
from labeling.queries.prepared import Prepared
from labeling.queries.projects import labels_of
from labeling.queries.queue import held_slots, wanted_from


class Outcome(enum.Enum):
    """How a submit ended. Each of them means that nothing more is to be done about it."""

    STORED = "stored"
    REPEATED = "repeated"  # the same submit had arrived before
    NOT_NEEDED = "not needed"  # the pair has all the judgments that it is to get, or one of theirs


@dataclass(frozen=True)
class Answer:
    """What an annotator sends for a pair: a path to a leaf, the version it walks, and the submit's own key."""

    pair_id: int
    key: uuid.UUID
    guideline: GuidelineVersion
    path: str
    note: str = ""
    revision_id: int | None = None  # the text of the product that was shown; without it, the current one
    seconds: float | None = None  # how long the page was looked at; never more than the lease has lasted


def tree_of(project: Project, version: GuidelineVersion) -> Guideline:
    """Return a stored version as a tree. Each process keeps those of published versions, which never change."""
    if version.published_at is None:
        return _parse(project, version.source)
    return _tree(version)


@lru_cache(maxsize=64)
def _tree(version: GuidelineVersion) -> Guideline:
    return _parse(version.project, version.source)


def _parse(project: Project, source: str) -> Guideline:
    return parse_guideline(source, tuple(label.key for label in labels_of(project)))


@lru_cache(maxsize=64)
def _ends(version_id: int) -> dict[str, GuidelinePath]:
    """Return the stored walks of a published version by their path; they never change either."""
    return {walked.path: walked for walked in GuidelinePath.objects.filter(guideline=version_id)}


@transaction.atomic
def submit_answer(project: Project, annotator: User, answer: Answer) -> Outcome:
    """Store a judgment, or a skip where the path ends in one, in one transaction.

    The label is the one that the guideline gives for the path. A lease that has run out does no harm while the
    pair still needs a judgment; where it needs none any more, the judgment is kept as surplus. Raises PathError
    for a path that is none, ValueError for one that is not at its end, and Pair.DoesNotExist for a pair that
    was never in this project's queue.
    """
    member = locked_member(project, annotator)
    end = end_of(project, answer)
    return _store(member, answer, end.label_id, end.skip_reason)


@transaction.atomic
def skip_pair(project: Project, annotator: User, answer: Answer, reason: str) -> Outcome:
    """Store "cannot judge" for a pair with a reason of the guideline, and free its slot for others.

    Raises PathError for a path that is none, ValueError for a reason that the guideline does not have.
    """
    parse_path(answer.path)
    member = locked_member(project, annotator)
    reasons = tree_of(project, answer.guideline).skips
    if reason not in reasons:
        raise ValueError(f"{reason!r} is not a reason to skip. Reasons are: {', '.join(reasons)}.")
    return _store(member, answer, None, reason)


@transaction.atomic
def correct_judgment(project: Project, annotator: User, judgment_id: int, answer: Answer) -> Outcome:
    """Supersede one of the annotator's live judgments of today by another walk, in the same slot.

    Raises Judgment.DoesNotExist where it is not theirs, not of today or no longer live; PathError and ValueError
    as submit_answer does, and ValueError for a path that ends in a skip, or through a version older than the one by
    which the judgment is asked again.
    """
    locked_member(project, annotator)
    end = end_of(project, answer)
    if end.label_id is None:
        raise ValueError("A judgment can be corrected by another label only. To skip the pair, undo the judgment.")
    if Judgment.objects.filter(key=answer.key, annotator=annotator).exists():
        return Outcome.REPEATED
    today = judged_since(project, annotator, day_start())
    pair_id = today.values_list("pair", flat=True).get(pk=judgment_id)
    pair = Pair.objects.select_for_update(no_key=True, of=("self",)).select_related("product").get(pk=pair_id)
    old = today.get(pk=judgment_id)  # a new version of the guideline may have superseded it until the pair was locked
    asked = Relabel.objects.filter(
        judgment=old, state=Relabel.State.WAITING, guideline__number__gt=answer.guideline.number
    )
    if asked.exists():
        raise ValueError("The guideline has changed, and this is asked again of you. Open the page once more.")
    slot = locked_slot(old.slot_id)
    retire(old, Judgment.Retired.SUPERSEDED)
    store_judgment(project, annotator, slot, pair, answer, end.label_id, answer.seconds or 0)
    count_in(project, slot)
    return Outcome.STORED


@transaction.atomic
def undo_step(project: Project, annotator: User, step: Judgment | Skip | None) -> Slot | None:
    """Retire a judgment or skip of theirs and lease its pair to them again.

    Sent twice it counts once. A desk that shows one pair gives up the one it had. None where there is nothing to
    take back, or where all places for a skipped pair are taken by others.
    """
    locked_member(project, annotator)
    if step is None:
        return None
    Pair.objects.select_for_update(no_key=True).get(pk=step.pair_id)
    step.refresh_from_db()  # a new version of the guideline may have superseded it until the pair was locked
    if step.retired_at is not None:
        return held_slots(project, annotator, timezone.now()).filter(pair=step.pair_id).first()
    slot = _reopen_judgment(step) if isinstance(step, Judgment) else _reopen_skip(step)
    if slot is None:
        return None
    if project.desk == Project.Desk.PAIR:
        others = held_slots(project, annotator, timezone.now()).exclude(pk=slot.pk)
        for other in others.select_for_update(of=("self",)):
            free(other)
    lease(slot, project, annotator, timezone.now())
    slot.draft = step.path
    slot.save()
    count_in(project, slot)
    return slot


def end_of(project: Project, answer: Answer) -> GuidelinePath:
    """Return the stored walk that ends where the answer's path does; raise what is wrong with the path."""
    ours = answer.guideline.project_id == project.pk and answer.guideline.published_at is not None
    found = _ends(answer.guideline.pk).get(answer.path) if ours else None
    if found is None:
        end = walk(tree_of(project, answer.guideline), parse_path(answer.path))
        if isinstance(end, Question):
            raise ValueError(f"The walk {answer.path!r} is not at its end: {end.ask!r} is still to be answered.")
        raise ValueError(f"{answer.guideline} is not a guideline of {project}.")
    return found


def _store(member: Membership, answer: Answer, label_id: int | None, skip_reason: str) -> Outcome:
    """Lock the pair and store a judgment with the label, or, without one, a skip. The annotator is locked."""
    project, annotator = member.project, member.user
    pair = _lock_pair.first(project.pk, answer.pair_id, annotator.pk, answer.key)
    if pair is None:
        raise Pair.DoesNotExist(f"Pair {answer.pair_id} is none of {project}.")
    if pair.arrived:
        return Outcome.REPEATED
    slot = (_held_place(pair, annotator, answer.key) if pair.leased else None) or _place_for(pair, annotator)
    if slot is None:
        return _keep_surplus(project, annotator, pair, answer, label_id)
    if slot.annotator_id != annotator.pk:
        lease(slot, project, annotator, timezone.now())
    if label_id is None:
        return store_skip(project, annotator, slot, answer, skip_reason)
    slot.judged = True
    slot.draft = ""
    slot.save(update_fields=LEASE)
    elapsed = (timezone.now() - slot.leased_at).total_seconds() if slot.leased_at else 0
    seconds = elapsed if answer.seconds is None else min(elapsed, answer.seconds)
    store_judgment(project, annotator, slot, pair, answer, label_id, seconds)
    count_in(project, slot)
    if slot.entry.stream == Stream.GOLD:
        pause_below_mark(member)
    return Outcome.STORED


@Prepared
def _lock_pair(project_id: int, pair_id: int, annotator_id: int, key: uuid.UUID) -> QuerySet[Any]:
    """The pair, locked; whether this answer had `arrived` before, is `leased` to them, and they have `judged` it."""
    arrived = Q(key=key, annotator=annotator_id)
    judged = Judgment.objects.filter(pair=OuterRef("pk"), annotator=annotator_id, retired_at__isnull=True)
    return (
        Pair.objects.select_for_update(of=("self",), no_key=True)
        .select_related("product")
        .annotate(
            arrived=Exists(Judgment.objects.filter(arrived)) | Exists(Skip.objects.filter(arrived)),
            judged=Exists(judged),
            leased=Exists(Slot.objects.filter(pair=OuterRef("pk"), annotator=annotator_id, key=key, judged=False)),
        )
        .filter(project=project_id, pk=pair_id)
    )


def store_judgment(
    project: Project,
    annotator: User,
    slot: Slot,
    pair: Pair,
    answer: Answer,
    label_id: int,
    seconds: float,
    **retired: object,
) -> None:
    """Store a walk to a label in a locked slot, under the text of the product that was shown."""
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
        seconds=seconds,
        note=answer.note,
        **retired,
    )


def count_in(project: Project, slot: Slot) -> None:
    """Bring the consensus that a slot's judgment is counted in up to date, for the newest round of its pair."""
    entry = slot.entry
    if entry.stream in PERSONAL:
        return
    if entry.round.state != Round.State.OPEN:
        entries = QueueEntry.objects.filter(pair=slot.pair_id).exclude(stream__in=PERSONAL)
        entry = entries.select_related("round").latest("id")
    resolve_pair(project, entry)


def _keep_surplus(project: Project, annotator: User, pair: Pair, answer: Answer, label_id: int | None) -> Outcome:
    """Keep a judgment that is not needed, so that no work is lost. A skip that is not needed leaves nothing."""
    entry = QueueEntry.objects.filter(pair=pair).order_by("-id").first()
    if entry is None:
        raise Pair.DoesNotExist(f"Pair {pair.pk} was never in the queue of {project}.")
    if label_id is not None:
        slot = entry.slots.order_by("number").first()
        if slot is None:  # a personal one went with its lease
            slot = Slot(entry=entry, round_id=entry.round_id, pair=pair, number=0, rank=entry.rank, personal=True)
            slot.save()
        slot.entry = entry
        retired = {"retired_at": timezone.now(), "retired_as": Judgment.Retired.SURPLUS}
        store_judgment(project, annotator, slot, pair, answer, label_id, answer.seconds or 0, **retired)
    return Outcome.NOT_NEEDED


def _held_place(pair: Any, annotator: User, key: uuid.UUID) -> Slot | None:
    """Lock and return the slot that the answer was asked for with, as it mostly still is theirs in the open round.

    What _place_for finds then, found sooner. `pair.judged` says whether they have judged the pair.
    """
    slot = _lock_leased.first(pair.pk, annotator.pk, key)
    if slot is None or slot.entry.round.state != Round.State.OPEN:
        return None
    return slot if slot.entry.stream == Stream.REPEAT or not pair.judged else None


@Prepared
def _lock_leased(pair_id: int, annotator_id: int, key: uuid.UUID) -> QuerySet[Slot]:
    slots = Slot.objects.select_for_update(of=("self",)).select_related("entry__round")
    return slots.filter(pair=pair_id, annotator=annotator_id, key=key, judged=False)


def _place_for(pair: Pair, annotator: User) -> Slot | None:
    """Lock and return the slot that the annotator's answer goes to; None where the pair needs none from them.

    The one they hold in the pair's newest round; after a lost lease, any place that is open there; else the one
    that they still hold in a round before. Only a repeat is a place for who has judged the pair.
    """
    newest = QueueEntry.objects.filter(pair=pair).order_by("-id").values("pk")[:1]
    within_reach = Q(annotator=annotator) | Q(entry=newest)
    return _open_slots_for(annotator).filter(within_reach, wanted_from(annotator), pair=pair).first()


def _open_slots_for(annotator: User) -> QuerySet[Slot]:
    """Return, to be locked, the slots without a judgment that are theirs or open; newest first, then theirs."""
    theirs = Q(annotator=annotator)
    free_or_expired = Q(annotator__isnull=True) | Q(leased_until__lt=timezone.now())
    served = Q(personal=False, withdrawn=False)
    return (
        Slot.objects.select_for_update(of=("self",))
        .select_related("entry__round")
        .filter(theirs | (served & free_or_expired), judged=False)
        .order_by("-entry_id", Case(When(theirs, then=0), default=1), "number")
    )


def store_skip(project: Project, annotator: User, slot: Slot, answer: Answer, reason: str) -> Outcome:
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
    personal, extra = slot.personal, slot.number > slot.entry.overlap
    free(slot)
    if not personal:
        set_aside_if_skipped(project, slot.pair_id, reason)
    if extra:  # what a tie asked for may have become needless
        resolve_pair(project, slot.entry)
    return outcome


def _reopen_judgment(judgment: Judgment) -> Slot:
    slot = locked_slot(judgment.slot_id)
    slot.withdrawn = not slot.personal and Pair.objects.filter(closes(judgment.pair_id), pk=judgment.pair_id).exists()
    retire(judgment, Judgment.Retired.UNDONE)
    return slot


def locked_slot(slot_id: int) -> Slot:
    """Lock and return a slot with its entry and round."""
    return Slot.objects.select_for_update(of=("self",)).select_related("entry__round").get(pk=slot_id)


def retire(judgment: Judgment, reason: Judgment.Retired) -> None:
    """Retire a live judgment. Nobody is asked about it again: a correction answers that, an undo takes it away."""
    judgment.retired_at = timezone.now()
    judgment.retired_as = reason
    judgment.save(update_fields=("retired_at", "retired_as"))
    settled = Relabel.State.DONE if reason == Judgment.Retired.SUPERSEDED else Relabel.State.WITHDRAWN
    asked = Relabel.objects.filter(judgment=judgment, state=Relabel.State.WAITING)
    asked.update(state=settled, settled_at=judgment.retired_at)


def _reopen_skip(skip: Skip) -> Slot | None:
    """Take a skip back, if there is still a place for its pair."""
    withdraw_set_aside(skip)
    entry = QueueEntry.objects.select_related("round").get(round=skip.round_id, pair=skip.pair_id)
    if entry.stream in PERSONAL:
        slot: Slot | None = Slot(
            entry=entry, round=entry.round, pair_id=skip.pair_id, number=0, rank=entry.rank, personal=True
        )
    else:
        slot = _open_slots_for(skip.annotator).filter(entry=entry).first()
    if slot is not None:
        skip.retired_at = timezone.now()
        skip.save(update_fields=("retired_at",))
    return slot
