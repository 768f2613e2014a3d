"""Handing out pairs."""

import datetime as dt
import uuid

from django.db import transaction
from django.utils import timezone

from labeling.models import Membership, Project, Slot, User
from labeling.queries.queue import free_slots, open_slots


@transaction.atomic
def claim_slot(project: Project, annotator: User) -> Slot | None:
    """Lease the next pair to an annotator; None when nothing is waiting for them.

    Who holds one already gets it again, so that two tabs show one pair; the annotator's membership row is the
    lock that makes this hold. Annotators do not wait for each other: locked slots are passed over.
    """
    Membership.objects.select_for_update().get(project=project, user=annotator)
    now = timezone.now()
    held = open_slots(project).filter(annotator=annotator).order_by("rank", "number")
    slot = held.select_for_update(of=("self",)).first()
    if slot is None:
        slot = free_slots(project, annotator, now).select_for_update(skip_locked=True, of=("self",)).first()
        if slot is None:
            return None
        lease(slot, project, annotator, now)
    else:
        slot.leased_until = now + dt.timedelta(minutes=project.lease_minutes)
    slot.save()
    return slot


def lease(slot: Slot, project: Project, annotator: User, now: dt.datetime) -> None:
    """Write a fresh lease into a locked slot, with a new key for the submit that will fill it. Does not save."""
    slot.annotator = annotator
    slot.key = uuid.uuid4()
    slot.leased_at = now
    slot.leased_until = now + dt.timedelta(minutes=project.lease_minutes)
    slot.judged = False


def free(slot: Slot) -> None:
    """Take the lease off a locked slot. Does not save."""
    slot.annotator = None
    slot.leased_at = None
    slot.leased_until = None
    slot.judged = False
