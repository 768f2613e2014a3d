"""The lead's people page, a person's page, and invitations."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.actions.invitations import Joined, Refusal, accept_invitation
from labeling.actions.members import pause_member
from labeling.models import AuditLogEntry, Invitation, Membership, Project, Role, Slot, User
from labeling.queries.gold import BELOW_MARK
from tests.labeling.acting import SKIP_PATH, claim, judge, make_members, submit
from tests.making import make_member, make_pair, make_project, make_round, make_user

pytestmark = pytest.mark.django_db

PASSWORD = "quiet-harbour-91"


@pytest.fixture
def lead(client: Client) -> Membership:
    member = make_member(make_project(overlap=1, max_overlap=1), Role.LEAD)
    client.force_login(member.user)
    return member


def url(name: str, project: Project, *args: object) -> str:
    return reverse(name, args=[project.slug, *args])


def show(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def make_link(client: Client, project: Project, **changes: object) -> str:
    """Invite by the form; return the link's path."""
    fields = {"role": "annotator", "places": 1, "days": 7} | changes
    page = client.post(url("invite", project), fields)
    assert page.headers["Cache-Control"].find("no-store") >= 0
    found = re.search(r'value="http://testserver(/join/[\w-]{43}/)"', page.content.decode())
    assert found is not None
    return found[1]


def test_people_page_shows_who_works_and_takes_a_pair_back(client: Client, lead: Membership) -> None:
    project = lead.project
    make_round(project, [make_pair(project)])
    member = make_member(project)
    slot = claim(member)
    page = show(client, url("people", project))
    assert "Working now" in page
    assert f'name="slot" value="{slot.pk}"' in page
    told = client.post(url("take-back", project), {"slot": slot.pk}, follow=True).content.decode()
    assert "1 pair is free for others" in told
    slot.refresh_from_db()
    assert slot.annotator is None
    assert AuditLogEntry.objects.filter(project=project, verb="lease.take_back", actor=lead.user).count() == 1
    again = client.post(url("take-back", project), {"slot": slot.pk}, follow=True).content.decode()
    assert "Nobody held it any more" in again


def test_take_back_reaches_no_other_project_and_takes_no_nonsense(client: Client, lead: Membership) -> None:
    other = make_project()
    make_round(other, [make_pair(other)])
    slot = claim(make_member(other))
    client.post(url("take-back", lead.project), {"slot": slot.pk})
    assert Slot.objects.get(pk=slot.pk).annotator is not None
    for fields in ({}, {"slot": "x"}, {"slot": "9" * 40}):
        assert client.post(url("take-back", lead.project), fields).status_code == 400


def test_people_page_costs_the_same_queries_at_two_sizes(
    client: Client, lead: Membership, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project = lead.project
    make_round(project, [make_pair(project) for _ in range(12)])
    for count in (2, 8):
        for member in make_members(project, count):
            judge(member)
        someone = project.memberships.first()
        assert someone is not None
        with django_assert_max_num_queries(12):
            show(client, url("people", project))
        with django_assert_max_num_queries(20):
            show(client, url("person", project, someone.pk))


def test_person_is_paused_with_a_message_and_resumed(client: Client, lead: Membership) -> None:
    project, member = lead.project, make_member(lead.project)
    refused = client.post(url("pause", project, member.pk), {"because": " "})
    assert refused.status_code == 400
    client.post(url("pause", project, member.pk), {"because": "Let us talk first."})
    member.refresh_from_db()
    assert member.paused_because == "Let us talk first."
    assert "Let us talk first." in show(client, url("person", project, member.pk))
    client.post(url("resume", project, member.pk))
    member.refresh_from_db()
    assert member.paused_at is None
    verbs = set(AuditLogEntry.objects.filter(project=project, actor=lead.user).values_list("verb", flat=True))
    assert {"member.pause", "member.resume"} <= verbs


def test_person_paused_for_gold_is_explained_to_the_lead(client: Client, lead: Membership) -> None:
    member = make_member(lead.project)
    pause_member(lead.project, member.user, BELOW_MARK)
    page = show(client, url("person", lead.project, member.pk))
    assert "surely below the pass mark" in page
    assert "Paused: gold pairs below the pass mark" in show(client, url("people", lead.project))


def test_person_gets_another_role_and_languages(client: Client, lead: Membership) -> None:
    project, member = lead.project, make_member(lead.project)
    make_round(project, [make_pair(project, locale="es")])
    client.post(url("person", project, member.pk), {"role": "auditor", "languages": ["es"]})
    member.refresh_from_db()
    assert (member.role, member.languages) == ("auditor", ["es"])
    wrong = client.post(url("person", project, member.pk), {"role": "auditor", "languages": ["xx"]})
    assert wrong.status_code == 400


def test_only_lead_cannot_be_made_something_else(client: Client, lead: Membership) -> None:
    answer = client.post(url("person", lead.project, lead.pk), {"role": "annotator"})
    assert answer.status_code == 400
    assert "the only lead" in answer.content.decode()
    lead.refresh_from_db()
    assert lead.role == "lead"


def test_person_of_another_project_is_not_there(client: Client, lead: Membership) -> None:
    stranger = make_member(make_project())
    assert client.get(url("person", lead.project, stranger.pk)).status_code == 404
    assert client.post(url("pause", lead.project, stranger.pk), {"because": "x"}).status_code == 404
    stranger.refresh_from_db()
    assert stranger.paused_at is None


def test_person_page_shows_the_last_judgments_and_skips(client: Client, lead: Membership) -> None:
    project, member = lead.project, make_member(lead.project)
    make_round(project, [make_pair(project, query_text="walking boots"), make_pair(project)])
    judge(member)
    submit(member, claim(member), SKIP_PATH)
    page = show(client, url("person", project, member.pk))
    assert "walking boots" in page
    assert "Skips in 28 days" in page
    assert "None" not in page.replace("None.", "").replace("None chosen", "")


def test_newcomer_makes_an_account_by_a_link_and_is_in(client: Client, lead: Membership) -> None:
    link = make_link(client, lead.project)
    newcomer = Client()
    there = newcomer.get(link)
    assert (there.status_code, there.headers["Location"]) == (302, "/join/")
    assert "no-store" in there.headers["Cache-Control"]
    page = newcomer.get("/join/").content.decode()
    assert lead.project.name in page
    assert link.split("/")[2] not in page
    wrong = newcomer.post("/join/", {"username": "nora", "password1": "123", "password2": "123"})
    assert wrong.status_code == 400
    assert not User.objects.filter(username="nora").exists()
    done = newcomer.post("/join/", {"username": "nora", "password1": PASSWORD, "password2": PASSWORD})
    assert done.headers["Location"] == url("start", lead.project)
    assert "Welcome. You take part in" in newcomer.get(done.headers["Location"]).content.decode()
    assert Membership.objects.get(user__username="nora").role == "annotator"


def test_newcomer_whose_name_is_taken_at_that_moment_is_told(
    client: Client, lead: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = make_link(client, lead.project)
    newcomer = Client()
    newcomer.get(link)

    def accept_too_late(digest: str, user: User) -> Joined | Refusal:
        User.objects.create(username=user.username)
        return accept_invitation(digest, user)

    monkeypatch.setattr("labeling.views.join.accept_invitation", accept_too_late)
    answer = newcomer.post("/join/", {"username": "nora", "password1": PASSWORD, "password2": PASSWORD})
    assert answer.status_code == 400
    assert "A user with that username already exists." in answer.content.decode()
    assert not Membership.objects.filter(user__username="nora").exists()
    assert Invitation.objects.get(project=lead.project).taken == 0


def test_somebody_with_an_account_signs_in_and_comes_back(client: Client, lead: Membership) -> None:
    link = make_link(client, lead.project)
    user = make_user()
    user.set_password(PASSWORD)
    user.save()
    browser = Client()
    browser.get(link)
    assert "/accounts/login/?next=/join/" in browser.get("/join/").content.decode()
    back = browser.post("/accounts/login/?next=/join/", {"username": user.username, "password": PASSWORD})
    assert back.headers["Location"] == "/join/"
    assert "You join as" in browser.get("/join/").content.decode()
    browser.post("/join/")
    assert Membership.objects.filter(project=lead.project, user=user).exists()


def test_link_that_lets_nobody_in_says_why(client: Client, lead: Membership) -> None:
    link = make_link(client, lead.project)
    invitation = Invitation.objects.get(project=lead.project)
    client.post(url("revoke", lead.project, invitation.pk))
    assert "taken back" in show(client, url("people", lead.project))
    browser = Client()
    browser.get(link)
    answer = browser.get("/join/")
    assert answer.status_code == 410
    assert "has taken it back" in answer.content.decode()
    browser.get("/join/never-made/")
    unknown = browser.get("/join/")
    assert unknown.status_code == 404
    assert "We do not know it" in unknown.content.decode()
    assert browser.post("/join/", {"username": "x", "password1": PASSWORD, "password2": PASSWORD}).status_code == 404
    assert not User.objects.filter(username="x").exists()


def test_member_who_opens_a_link_is_told_that_nothing_changes(client: Client, lead: Membership) -> None:
    client.get(make_link(client, lead.project))
    told = client.post("/join/", follow=True).content.decode()
    assert "You take part in" in told
    assert "Your role stays: Lead" in told


def test_invitation_form_refuses_what_makes_no_sense(client: Client, lead: Membership) -> None:
    answer = client.post(url("invite", lead.project), {"role": "annotator", "places": 0, "days": 1000})
    assert answer.status_code == 400
    assert not lead.project.invitations.exists()
