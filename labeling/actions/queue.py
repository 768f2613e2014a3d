"""Handing out pairs, keeping them, and taking them back."""

import datetime as dt
import random
import uuid

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.consensus import resolve_pair
from labeling.guidelines.walk import PathError, parse_path
from labeling.models import Judgment, Membership, Pair, Project, QueueEntry, Role, Slot, Stream, User
from labeling.queries.gold import next_gold, next_repeat
from labeling.queries.prepared import Prepared
from labeling.queries.queue import free_slots, held_slots

# Who leaves the page keeps the pair for a moment: a page that is loaded again is left first.
GRACE = dt.timedelta(seconds=30)
# What lease, and a judgment, change of a slot.
LEASE = ("annotator", "key", "leased_at", "leased_until", "judged", "draft")


def may_judge(member: Membership) -> bool:
    """Whether a member is given pairs: not while they are paused, and not before a training that is asked for."""
    return member.paused_at is None and not must_train(member)


def must_train(member: Membership) -> bool:
    """Whether a member is given nothing before they have passed the training. Leads never are asked to."""
    return member.project.training_required and member.role == Role.ANNOTATOR and member.qualified_at is None


def locked_member(project: Project, annotator: User) -> Membership:
    """Lock and return the membership: one person's requests come one after another."""
    member = _lock_member.first(project.pk, annotator.pk)
    if member is None:
        raise Membership.DoesNotExist(f"{annotator} takes no part in {project}.")
    member.project, member.user = project, annotator
    return member


@Prepared
def _lock_member(project_id: int, user_id: int) -> QuerySet[Membership]:
    return Membership.objects.select_for_update().filter(project=project_id, user=user_id)


@transaction.atomic
def claim_slot(project: Project, annotator: User, turn: float | None = None) -> Slot | None:
    """Lease the next pair to an annotator; None when nothing is waiting for them or they may not judge.

    Who holds one already gets it again, so that two tabs show one pair; the annotator's membership row is the
    lock that makes this hold. Annotators do not wait for each other: locked slots are passed over. `turn`, drawn
    uniformly from [0, 1) unless given, decides whether it is time for a gold pair or a repeat.
    """
    member = locked_member(project, annotator)
    if not may_judge(member):
        return None
    now = timezone.now()
    slot = _lock_held.first(project.pk, annotator.pk, now)
    if slot is not None:
        slot.leased_until = now + dt.timedelta(minutes=project.lease_minutes)
        slot.save(update_fields=("leased_until",))
        return slot
    slot = _lock_free(member, now)
    if slot is None:
        return None
    slot = _personal_slot(member, slot, now, random.random() if turn is None else turn) or slot  # noqa: S311
    lease(slot, project, annotator, now)
    slot.save(update_fields=LEASE if slot.pk else None)
    return slot


@Prepared
def _lock_held(project_id: int, annotator_id: int, now: dt.datetime) -> QuerySet[Slot]:
    return held_slots(project_id, annotator_id, now).select_for_update(of=("self",))[:1]


def _lock_free(member: Membership, now: dt.datetime) -> Slot | None:
    """Lock and return the slot that is served next, passing over those that are being given to others."""
    if member.languages:
        return free_slots(member, now).select_for_update(skip_locked=True, of=("self",)).first()
    return _lock_any_free.first(member.project_id, member.user_id, now)


@Prepared
def _lock_any_free(project_id: int, annotator_id: int, now: dt.datetime) -> QuerySet[Slot]:
    member = Membership(project_id=project_id, user_id=annotator_id)
    return free_slots(member, now).select_for_update(skip_locked=True, of=("self",))[:1]


def _personal_slot(member: Membership, instead_of: Slot, now: dt.datetime, turn: float) -> Slot | None:
    """Return a new slot of a gold pair or a repeat, unsaved, if it is the turn of one and there is one."""
    project = member.project
    if turn < project.gold_share:
        stream, pair_id = Stream.GOLD, next_gold(member)
    elif turn < project.gold_share + project.repeat_share:
        stream, pair_id = Stream.REPEAT, next_repeat(member, now)
    else:
        return None
    if pair_id is None:
        return None
    entry = QueueEntry(round_id=instead_of.round_id, pair_id=pair_id, stream=stream, rank=instead_of.rank, overlap=1)
    QueueEntry.objects.bulk_create([entry], ignore_conflicts=True)
    entry = QueueEntry.objects.get(round=instead_of.round_id, pair=pair_id)
    if entry.stream != stream:  # somebody else was given the pair for another reason at this very moment
        return None
    return Slot(entry=entry, round_id=entry.round_id, pair_id=pair_id, number=0, rank=instead_of.rank, personal=True)


@transaction.atomic
def keep_lease(project: Project, annotator: User, pair_id: int, key: uuid.UUID, draft: str) -> bool:
    """Renew a lease while its page is open, and keep the half walk; False where the pair is no longer theirs."""
    return _update_lease(project, annotator, pair_id, key, draft, dt.timedelta(minutes=project.lease_minutes))


@transaction.atomic
def leave_pair(project: Project, annotator: User, pair_id: int, key: uuid.UUID, draft: str) -> bool:
    """Release a pair whose page was left: others can have it after GRACE, unless its page is opened again."""
    return _update_lease(project, annotator, pair_id, key, draft, GRACE)


def _update_lease(
    project: Project, annotator: User, pair_id: int, key: uuid.UUID, draft: str, remaining: dt.timedelta
) -> bool:
    held = Slot.objects.filter(pair=pair_id, pair__project=project, annotator=annotator, key=key, judged=False)
    changes = {"leased_until": timezone.now() + remaining} | ({"draft": draft} if is_path(draft) else {})
    return held.update(**changes) > 0


def is_path(draft: str) -> bool:
    """Whether a half walk that a page sent can be kept."""
    try:
        parse_path(draft)
    except PathError:
        return False
    return True


@transaction.atomic
def take_back(project: Project, slot_id: int, actor: User) -> bool:
    """Take a pair off somebody's desk, for a lead; False where nobody holds it any more."""
    found = Slot.objects.filter(pk=slot_id, round__project=project, annotator__isnull=False, judged=False)
    pair = Pair.objects.select_for_update(no_key=True).filter(pk__in=found.values("pair")).first()
    if pair is None:
        return False
    slot = found.select_for_update(of=("self",)).select_related("annotator", "entry__round").first()
    if slot is None or slot.annotator is None:
        return False
    record(project, actor, "lease.take_back", f"pair {slot.pair_id}", annotator=slot.annotator.username)
    personal = slot.personal
    free(slot)
    if not personal:  # what a tie asked for may have become needless
        resolve_pair(project, slot.entry)
    return True


def lease(slot: Slot, project: Project, annotator: User, now: dt.datetime) -> None:
    """Write a fresh lease into a locked slot, with a new key for the submit that will fill it. Does not save."""
    slot.annotator = annotator
    slot.key = uuid.uuid4()
    slot.leased_at = now
    slot.leased_until = now + dt.timedelta(minutes=project.lease_minutes)
    slot.judged = False
    slot.draft = ""


def free(slot: Slot) -> None:
    """Take the lease off a locked slot. A personal slot that was never judged goes with its lease."""
    if slot.personal and not Judgment.objects.filter(slot=slot).exists():
        slot.delete()
        return
    slot.annotator = None
    slot.leased_at = None
    slot.leased_until = None
    slot.judged = False
    slot.draft = ""
    slot.save()
