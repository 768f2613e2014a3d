"""Links that let people in."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from labeling.actions.invitations import Joined, Refusal, accept_invitation, digest_of, invite, revoke_invitation
from labeling.actions.members import add_member
from labeling.models import AuditLogEntry, Invitation, Membership, Project, Role, User
from tests.making import make_member, make_project, make_user

pytestmark = pytest.mark.django_db


def invited(project: Project, role: Role = Role.ANNOTATOR, places: int = 1, days: int = 7) -> tuple[Invitation, str]:
    """Make an invitation; return it with the digest of its token."""
    invitation, token = invite(project, make_member(project, Role.LEAD).user, role, (), places, days)
    return invitation, digest_of(token)


def test_invitation_keeps_only_the_digest_of_its_token() -> None:
    project = make_project()
    lead = make_member(project, Role.LEAD).user
    invitation, token = invite(project, lead, Role.ANNOTATOR, ["us", "es"], places=3, days=2)
    assert len(token) >= 43
    row = Invitation.objects.filter(pk=invitation.pk).values().get()
    assert token not in str(row)
    assert (row["digest"], row["languages"], row["places"]) == (digest_of(token), ["es", "us"], 3)
    assert token not in str(list(AuditLogEntry.objects.filter(project=project).values()))
    assert invitation.expires_at - timezone.now() < dt.timedelta(days=2)


def test_invitation_lets_a_person_in_with_its_role_and_languages() -> None:
    project, user = make_project(), make_user()
    _, token = invite(project, make_member(project, Role.LEAD).user, Role.ANNOTATOR, ["jp"])
    joined = accept_invitation(digest_of(token), user)
    assert isinstance(joined, Joined)
    assert joined.before is None
    member = Membership.objects.get(project=project, user=user)
    assert (member.role, member.languages) == ("annotator", ["jp"])
    verbs = AuditLogEntry.objects.filter(project=project, actor=user).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["invitation.accept", "member.role"]


def test_invitation_makes_the_account_of_a_newcomer_or_leaves_nothing() -> None:
    project = make_project()
    _, digest = invited(project)
    assert isinstance(accept_invitation(digest, User(username="newcomer-a")), Joined)
    assert accept_invitation(digest, User(username="newcomer-b")) == Refusal.USED_UP
    assert set(User.objects.filter(username__startswith="newcomer-").values_list("username", flat=True)) == {
        "newcomer-a"
    }


def test_invitation_says_why_it_lets_nobody_in() -> None:
    project = make_project()
    assert accept_invitation(digest_of("guessed"), make_user()) == Refusal.UNKNOWN
    late, digest = invited(project)
    Invitation.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    assert accept_invitation(digest, make_user()) == Refusal.EXPIRED
    taken_back, digest = invited(project)
    assert revoke_invitation(project, taken_back.pk, taken_back.created_by)
    assert not revoke_invitation(project, taken_back.pk, taken_back.created_by)
    assert accept_invitation(digest, make_user()) == Refusal.REVOKED
    assert not Membership.objects.filter(project=project, role="annotator").exists()


def test_invitation_of_who_leads_no_more_lets_nobody_in() -> None:
    project = make_project()
    invitation, digest = invited(project, places=2)
    assert isinstance(accept_invitation(digest, make_user()), Joined)
    make_member(project, Role.LEAD)
    add_member(project, invitation.created_by, Role.ANNOTATOR)
    assert accept_invitation(digest, make_user()) == Refusal.LEFT


def test_invitation_of_another_project_cannot_be_revoked() -> None:
    invitation, digest = invited(make_project())
    other = make_project()
    assert not revoke_invitation(other, invitation.pk, make_member(other, Role.LEAD).user)
    assert isinstance(accept_invitation(digest, make_user()), Joined)


def test_member_keeps_the_higher_role_and_takes_no_place_for_it() -> None:
    project = make_project()
    invitation, digest = invited(project, Role.ANNOTATOR)
    lead = make_member(project, Role.LEAD)
    joined = accept_invitation(digest, lead.user)
    assert isinstance(joined, Joined)
    assert (joined.before, joined.member.role) == (Role.LEAD, "lead")
    invitation.refresh_from_db()
    assert invitation.taken == 0


def test_member_is_raised_to_a_higher_role() -> None:
    project = make_project()
    _, digest = invited(project, Role.LEAD)
    member = make_member(project)
    joined = accept_invitation(digest, member.user)
    assert isinstance(joined, Joined)
    assert (joined.before, joined.member.role) == (Role.ANNOTATOR, "lead")


@pytest.mark.parametrize(("places", "days"), [(0, 7), (1, 0)])
def test_invitation_needs_a_place_and_a_day(places: int, days: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        invited(make_project(), places=places, days=days)


def test_database_refuses_more_people_than_places() -> None:
    invitation, _ = invited(make_project())
    with pytest.raises(IntegrityError, match="invitation_never_overfull"), transaction.atomic():
        Invitation.objects.filter(pk=invitation.pk).update(taken=2)
