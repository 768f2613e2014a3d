"""The lead's page of alarms, and their sentences on the overview."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.agreement import measure_agreement
from labeling.actions.guidelines import publish_guideline
from labeling.models import Alarm, Membership, Project, Role
from labeling.queries.projects import published_guideline
from labeling.views.alarms import open_alarms
from tests.making import make_member, make_project

pytestmark = pytest.mark.django_db


def estimate(value: float, low: float | None, high: float | None, n: int = 1204) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


def make_alarms(project: Project, person: Membership, state: str = "open") -> list[Alarm]:
    """Make an alarm of every kind."""
    below = {"agreement": estimate(0.84, 0.81, 0.87), "goal": 0.9}
    worse = {
        "question": "conflict",
        "old": 1,
        "new": 2,
        "difference": estimate(-0.11, -0.15, -0.07, 300),
        "before": estimate(0.92, 0.9, 0.94, 410),
        "after": estimate(0.81, 0.77, 0.85, 300),
    }
    drift = {
        "person": person.user_id,
        "before": estimate(0.93, 0.91, 0.95, 700),
        "lately": estimate(0.78, None, None, 160),
        "difference": estimate(-0.15, -0.2, -0.1, 160),
    }
    about = (("goal", "", below), ("question", "conflict", worse), ("person", str(person.user_id), drift))
    return [
        Alarm.objects.create(
            project=project, kind=kind, subject=subject, details=details, state=state, seen_at=timezone.now()
        )
        for kind, subject, details in about
    ]


@pytest.fixture
def lead(client: Client) -> Membership:
    project = make_project()
    publish_guideline(project, published_guideline(project).source, None)
    measure_agreement(project)  # so that no page does it, and ends the alarms that are made up here
    member = make_member(project, Role.LEAD)
    client.force_login(member.user)
    return member


def page_of(client: Client, project: Project, page: str = "alarms") -> str:
    return " ".join(client.get(reverse(page, args=[project.slug])).content.decode().split())


def test_page_says_what_is_wrong_with_numbers_and_the_pairs_that_show_it(client: Client, lead: Membership) -> None:
    project, person = lead.project, make_member(lead.project)
    make_alarms(project, person)
    page = page_of(client, project)
    assert "Agreement is below the goal" in page
    assert "0.81 to 0.87, 1,204 pairs" in page
    assert "“Does anything the query states contradict this product?” got worse with version 2" in page
    assert "-0.15 to -0.07" in page
    assert f"{person.user.get_username()} agrees less with the others lately" in page
    assert "160 pairs" in page
    for link in (
        "differ=1",
        "question=conflict&amp;version=2&amp;differ=1",
        f"person={person.user_id}&amp;lately=1&amp;differ=1",
        reverse("person", args=[project.slug, person.pk]),
    ):
        assert link in page
    links = [
        url for row in client.get(reverse("alarms", args=[project.slug])).context["rows"] for _, url in row["links"]
    ]
    assert len(links) == 5
    assert {client.get(url).status_code for url in links} == {200}


def test_overview_tells_alarms_until_they_are_noted(client: Client, lead: Membership) -> None:
    project, person = lead.project, make_member(lead.project)
    alarms = make_alarms(project, person)
    page = page_of(client, project, "project")
    assert "Agreement is 0.84 (0.81 to 0.87), surely below the goal of 0.90" in page
    assert "Question “conflict” got worse with version 2: 0.92 before, 0.81 now" in page
    assert f"{person.user.get_username()} agrees less with the others lately: 0.93 before, 0.78 now" in page
    url = reverse("alarms", args=[project.slug])
    for alarm in alarms:
        assert client.post(url, {"alarm": alarm.pk, "do": "note"}).status_code == 302
    assert open_alarms(project) == []
    page = page_of(client, project)
    assert page.count("noted by " + lead.user.get_username()) == 3
    client.post(url, {"alarm": alarms[0].pk, "do": "reopen"})
    assert len(open_alarms(project)) == 1


def test_alarm_that_is_not_there_any_more_is_told_and_stays(client: Client, lead: Membership) -> None:
    [alarm, *_] = make_alarms(lead.project, make_member(lead.project), state="over")
    url = reverse("alarms", args=[lead.project.slug])
    page = client.post(url, {"alarm": alarm.pk, "do": "note"}, follow=True).content.decode()
    assert "had been settled already, or is over" in page
    for fields in ({}, {"alarm": alarm.pk, "do": "burn"}, {"alarm": "x", "do": "note"}):
        assert client.post(url, fields).status_code == 400
    alarm.refresh_from_db()
    assert alarm.state == "over"


def test_history_keeps_what_is_over(client: Client, lead: Membership) -> None:
    make_alarms(lead.project, make_member(lead.project), state="over")
    Alarm.objects.filter(project=lead.project, kind="goal").update(seen_at=timezone.now() - dt.timedelta(days=3))
    page = page_of(client, lead.project)
    assert "Nothing is alarming" in page
    assert "Question “conflict” got worse with version 2" in page
    assert page.index("agrees less with the others") < page.index("surely below the goal")
    assert open_alarms(lead.project) == []


def test_page_without_alarms_says_so(client: Client, lead: Membership) -> None:
    page = page_of(client, lead.project)
    assert "Nothing is alarming" in page
    assert "<table" not in page


def test_alarms_of_somebody_who_is_no_member_can_be_shown(client: Client, lead: Membership) -> None:
    make_alarms(lead.project, make_member(make_project()))
    assert "Somebody agrees less with the others lately" in page_of(client, lead.project)


def test_page_costs_the_same_queries_at_two_sizes(
    client: Client, lead: Membership, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(2):
        for _ in range(5):
            make_alarms(lead.project, make_member(lead.project), state="over")
        with django_assert_max_num_queries(12):
            page_of(client, lead.project)


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.AUDITOR])
def test_only_leads_see_and_note_alarms(client: Client, role: Role) -> None:
    member = make_member(make_project(), role)
    [alarm, *_] = make_alarms(member.project, member)
    client.force_login(member.user)
    url = reverse("alarms", args=[member.project.slug])
    assert client.get(url).status_code == 403
    assert client.post(url, {"alarm": alarm.pk, "do": "note"}).status_code == 403
    stranger = reverse("alarms", args=[make_project().slug])
    assert client.post(stranger, {"alarm": alarm.pk, "do": "note"}).status_code == 404
    alarm.refresh_from_db()
    assert alarm.state == "open"


def test_lead_of_another_project_notes_nothing_here(client: Client, lead: Membership) -> None:
    other = make_project()
    [alarm, *_] = make_alarms(other, make_member(other))
    client.post(reverse("alarms", args=[lead.project.slug]), {"alarm": alarm.pk, "do": "note"})
    alarm.refresh_from_db()
    assert alarm.state == "open"
