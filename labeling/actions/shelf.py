"""Handing out all products of one query together, and keeping them."""

import datetime as dt
import uuid
from collections.abc import Mapping

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from labeling.actions.queue import GRACE, is_path, lease, locked_member, may_judge
from labeling.models import Project, Slot, User
from labeling.queries.queue import free_slots, held_slots

MOST = 24  # products on one shelf; a query that has more comes again


@transaction.atomic
def claim_shelf(project: Project, annotator: User) -> list[Slot]:
    """Lease the next query's waiting pairs to an annotator, one slot a pair and each with a key of its own.

    Empty when nothing waits for them or they may not judge. What they hold comes first, so that two tabs show one
    shelf; of several queries the one they were given last. Otherwise it is the query of the first free slot, with
    up to MOST of its pairs that others do not hold. Annotators do not wait for each other: locked slots are passed
    over. Gold pairs and repeats are not mixed in: they are of other queries, and a stray product would be seen to
    be a check.
    """
    member = locked_member(project, annotator)
    if not may_judge(member):
        return []
    now = timezone.now()
    theirs = held_slots(project, annotator, now).select_related("pair")
    held = sorted(theirs.select_for_update(of=("self",)).order_by("pk"), key=_newest_lease_first)
    if held:
        shelf = [slot for slot in held if slot.pair.query_id == held[0].pair.query_id]
        until = now + dt.timedelta(minutes=project.lease_minutes)
        Slot.objects.filter(pk__in=[slot.pk for slot in shelf]).update(leased_until=until)
        return shelf
    free = free_slots(member, now).select_related("pair").select_for_update(skip_locked=True, of=("self",))
    first = free.first()
    if first is None:
        return []
    shelf = _one_a_pair(free.filter(pair__query=first.pair.query_id), first.number)
    for slot in shelf:
        lease(slot, project, annotator, now)
    Slot.objects.bulk_update(shelf, ("annotator", "key", "leased_at", "leased_until", "judged", "draft"))
    return shelf


def _newest_lease_first(slot: Slot) -> tuple[float, int, int]:
    """Sort as held_slots does; the database locks rows as it reads them, and that is by their ids."""
    return (-slot.leased_at.timestamp() if slot.leased_at else 0, slot.rank, slot.number)


def _one_a_pair(free: QuerySet[Slot], number: int) -> list[Slot]:
    """Lock and return one free slot of each pair, MOST at most.

    First those with the number that the first free one had: people who come at the same moment find different
    numbers there, and so lock nothing that the others want.
    """
    shelf = {slot.pair_id: slot for slot in free.filter(number=number)[:MOST]}
    if len(shelf) < MOST:
        for slot in free.exclude(pair__in=list(shelf)):
            shelf.setdefault(slot.pair_id, slot)
    return list(shelf.values())[:MOST]


@transaction.atomic
def keep_shelf(project: Project, annotator: User, drafts: Mapping[uuid.UUID, str], leaving: bool = False) -> int:
    """Renew the leases with these keys while their page is open, and keep the half walks; return how many are theirs.

    `leaving`: the page was left, and others can have the pairs after GRACE unless it is opened again.
    """
    locked_member(project, annotator)
    until = timezone.now() + (GRACE if leaving else dt.timedelta(minutes=project.lease_minutes))
    held = Slot.objects.filter(round__project=project, annotator=annotator, judged=False, key__in=drafts)
    slots = list(held.select_for_update(of=("self",)).order_by("pk"))
    for slot in slots:
        slot.leased_until = until
        if is_path(drafts[slot.key]):
            slot.draft = drafts[slot.key]
    return Slot.objects.bulk_update(slots, ("leased_until", "draft"))
