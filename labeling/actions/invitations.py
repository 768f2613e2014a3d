"""Letting people in by link."""

import datetime as dt
import enum
import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.members import add_member
from labeling.models import Invitation, Membership, Project, Role, User

RANK = {Role.ANNOTATOR: 0, Role.AUDITOR: 1, Role.LEAD: 2}


class Refusal(enum.Enum):
    """Why a link lets nobody in."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED_UP = "used up"
    REVOKED = "revoked"
    LEFT = "left"  # who made it leads the project no more


@dataclass(frozen=True)
class Joined:
    """A member whom a link let in, or let in before: then `before` is the role they had already."""

    member: Membership
    before: Role | None


def digest_of(token: str) -> str:
    """Return what is stored of a link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite(
    project: Project, actor: User, role: Role, languages: Collection[str] = (), places: int = 1, days: int = 7
) -> tuple[Invitation, str]:
    """Make a link that gives a role to so many people for so many days; return it with its token.

    The token is never to be had again: only its SHA-256 is kept. ValueError unless places and days are positive.
    """
    if places < 1 or days < 1:
        raise ValueError(f"An invitation needs a place and a day at least, not {places} places and {days} days.")
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        project=project,
        digest=digest_of(token),
        role=role,
        languages=sorted(languages),
        places=places,
        created_by=actor,
        expires_at=timezone.now() + dt.timedelta(days=days),
    )
    record(project, actor, "invitation.create", f"invitation {invitation.pk}", role=str(role), places=places, days=days)
    return invitation, token


@transaction.atomic
def accept_invitation(digest: str, user: User) -> Joined | Refusal:
    """Let a person in by a link's digest; an account that is not saved yet is saved with it, or not at all.

    Who takes part already keeps the higher of the two roles, and uses up no place where that is the one they have.
    """
    invitation = (
        Invitation.objects.select_for_update(of=("self",)).select_related("project").filter(digest=digest).first()
    )
    if invitation is None:
        return Refusal.UNKNOWN
    project, offered, newcomer = invitation.project, Role(invitation.role), user._state.adding
    member = Membership.objects.filter(project=project, user=user).first() if not newcomer else None
    if member is not None and RANK[offered] <= RANK[Role(member.role)]:
        return Joined(member, Role(member.role))
    refusal = refusal_of(invitation)
    if refusal is not None:
        return refusal
    if newcomer:
        user.save()
    invitation.taken += 1
    invitation.save(update_fields=("taken",))
    record(project, user, "invitation.accept", f"invitation {invitation.pk}", role=invitation.role)
    before = Role(member.role) if member else None
    return Joined(add_member(project, user, offered, user, invitation.languages), before)


@transaction.atomic
def revoke_invitation(project: Project, invitation_id: int, actor: User) -> bool:
    """Let nobody in any more by a link; False where there is none, or it was revoked before."""
    invitation = Invitation.objects.select_for_update(of=("self",)).filter(project=project, pk=invitation_id).first()
    if invitation is None or invitation.revoked_at is not None:
        return False
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=("revoked_at",))
    record(project, actor, "invitation.revoke", f"invitation {invitation.pk}")
    return True


def refusal_of(invitation: Invitation, leads: Collection[int] | None = None) -> Refusal | None:
    """Return why an invitation lets nobody in any more; None while it does.

    `leads` are the ids of the project's leads, looked up where they are not given.
    """
    if invitation.revoked_at is not None:
        return Refusal.REVOKED
    if invitation.taken >= invitation.places:
        return Refusal.USED_UP
    if invitation.expires_at <= timezone.now():
        return Refusal.EXPIRED
    if invitation.created_by_id not in (leads_of(invitation.project_id) if leads is None else leads):
        return Refusal.LEFT
    return None


def leads_of(project_id: int) -> set[int]:
    """Return the ids of the project's leads."""
    leads = Membership.objects.filter(project=project_id, role=Role.LEAD)
    return set(leads.values_list("user_id", flat=True))
