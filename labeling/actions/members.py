"""Who takes part in a project, and who is paused."""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.queue import free
from labeling.models import Membership, Project, Role, Slot, User
from labeling.queries.gold import BELOW_MARK, ENOUGH_GOLD, gold_result


@transaction.atomic
def add_member(
    project: Project, user: User, role: Role, actor: User | None = None, languages: Collection[str] = ()
) -> Membership:
    """Give a person a role in the project, or change the one they have. `languages` are for newcomers.

    ValueError where the project would be left without a lead.
    """
    leads = Membership.objects.select_for_update().filter(project=project, role=Role.LEAD).order_by("pk")
    if role != Role.LEAD and [lead.user_id for lead in leads] == [user.pk]:
        raise ValueError(f"{user.username} is the only lead. Make somebody else a lead first.")
    membership, created = Membership.objects.select_for_update().get_or_create(
        project=project, user=user, defaults={"role": role, "languages": sorted(languages)}
    )
    if created or membership.role != role:
        before = None if created else membership.role
        membership.role = role
        membership.save()
        record(project, actor, "member.role", user.username, before=before, after=role)
    return membership


@transaction.atomic
def set_languages(project: Project, user: User, languages: Collection[str], actor: User) -> Membership:
    """Say the languages that a member reads; none means all."""
    member = Membership.objects.select_for_update().get(project=project, user=user)
    before, member.languages = member.languages, sorted(languages)
    if member.languages != before:
        member.save()
        record(project, actor, "member.languages", user.username, before=before, after=member.languages)
    return member


@transaction.atomic
def pause_member(project: Project, user: User, because: str, actor: User | None = None) -> Membership:
    """Give a member no more pairs; `because` is what they are told. ValueError without a reason.

    What is on their desk goes to others, or an open page of theirs would keep it for ever.
    """
    if not because:
        raise ValueError("A pause needs a reason: the person is told why.")
    member = Membership.objects.select_for_update().get(project=project, user=user)
    if member.paused_at is None:
        member.paused_at = timezone.now()
        member.paused_because = because
        member.save()
        desk = Slot.objects.filter(round__project=project, annotator=user, judged=False)
        for slot in desk.select_for_update(of=("self",)).order_by("pk"):
            free(slot)
        record(project, actor, "member.pause", user.username, because=because)
    return member


@transaction.atomic
def resume_member(project: Project, user: User, actor: User) -> Membership:
    """Let a paused member go on. Their estimate on gold pairs begins anew."""
    member = Membership.objects.select_for_update().get(project=project, user=user)
    if member.paused_at is not None:
        record(project, actor, "member.resume", user.username, because=member.paused_because)
        member.paused_at = None
        member.paused_because = ""
        member.gold_since = timezone.now()
        member.save()
    return member


def pause_below_mark(member: Membership) -> bool:
    """Pause an annotator whose gold result is surely below the pass mark: its whole interval is.

    Runs in the transaction that locked the membership. Leads are never paused.
    """
    if member.role != Role.ANNOTATOR or member.paused_at is not None:
        return False
    result = gold_result(member)
    if result.n < ENOUGH_GOLD or result.high >= member.project.pass_mark:
        return False
    pause_member(member.project, member.user, BELOW_MARK)
    return True
