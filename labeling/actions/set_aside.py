"""Taking pairs that nobody can judge out of the queue, until the lead has decided."""

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.models import Pair, Project, Round, SetAside, Skip, Slot, User
from labeling.queries.adjudication import closes, ruling_of
from labeling.queries.set_aside import set_aside_of


def set_aside_if_skipped(project: Project, pair_id: int, reason: str) -> SetAside | None:
    """Set a pair aside when enough people skipped it for one reason. Runs in the transaction that locked the pair.

    Skips from before the lead put the pair back do not count again. What an expert has ruled is not set aside.
    """
    if not project.skips_to_lead:
        return None
    skips = Skip.objects.filter(pair=pair_id, reason=reason, retired_at__isnull=True)
    back = SetAside.objects.filter(pair=pair_id, state=SetAside.State.RETURNED).order_by("-decided_at").first()
    if back is not None:
        skips = skips.filter(created_at__gt=back.decided_at)
    if skips.values("annotator").distinct().count() < project.skips_to_lead or ruling_of(pair_id).exists():
        return None
    aside = SetAside(project=project, pair_id=pair_id, reason=reason)
    SetAside.objects.bulk_create([aside], ignore_conflicts=True)
    withdraw_if_closed(pair_id)
    return aside


def withdraw_set_aside(skip: Skip) -> None:
    """Put a pair back that was set aside for a skip which is being taken back. The pair is locked."""
    waiting = SetAside.objects.filter(pair=skip.pair_id, reason=skip.reason, state=SetAside.State.WAITING)
    if waiting.delete()[0]:
        withdraw_if_closed(skip.pair_id)


@transaction.atomic
def decide_set_aside(project: Project, aside_id: int, state: SetAside.State, actor: User) -> SetAside | None:
    """Put a pair back into the queue, or leave it out for good. None where that was decided already."""
    aside = _locked_aside(project, aside_id)
    if aside is None or aside.state != SetAside.State.WAITING:
        return None
    aside.state = state
    aside.decided_by = actor
    aside.decided_at = timezone.now()
    aside.save()
    if state == SetAside.State.RETURNED:
        withdraw_if_closed(aside.pair_id)
    record(project, actor, "pair.set_aside", f"pair {aside.pair_id}", decision=str(state), reason=aside.reason)
    return aside


@transaction.atomic
def reopen_set_aside(project: Project, aside_id: int, actor: User) -> SetAside | None:
    """Take a decision back: the pair waits for the lead again. None where it does so already, or was left out since."""
    aside = _locked_aside(project, aside_id)
    if aside is None or aside.state == SetAside.State.WAITING:
        return None
    if aside.state == SetAside.State.RETURNED and set_aside_of(aside.pair_id).exists():
        return None
    record(project, actor, "pair.set_aside", f"pair {aside.pair_id}", decision="reopened", before=aside.state)
    aside.state = SetAside.State.WAITING
    aside.decided_by = None
    aside.decided_at = None
    aside.save()
    withdraw_if_closed(aside.pair_id)
    return aside


def _locked_aside(project: Project, aside_id: int) -> SetAside | None:
    """Lock the pair, as whoever skips or judges it does, and return what was set aside as it stands now."""
    found = SetAside.objects.filter(pk=aside_id, project=project)
    pair_id = found.values_list("pair", flat=True).first()
    if pair_id is None:
        return None
    Pair.objects.select_for_update(no_key=True).get(pk=pair_id)
    return found.select_for_update().first()


def withdraw_if_closed(pair_id: int) -> None:
    """Take a pair's open slots out of the queue while it is set aside or an expert has ruled, or put them back.

    Who holds one keeps it. They are locked in the order in which everybody locks several.
    """
    slots = Slot.objects.filter(pair=pair_id, round__state=Round.State.OPEN, judged=False, personal=False)
    locked = list(slots.annotate(closed=closes(pair_id)).select_for_update(of=("self",)).order_by("pk"))
    closed = any(slot.closed for slot in locked)
    Slot.objects.filter(pk__in=[slot.pk for slot in locked]).update(withdrawn=closed)
