"""The lead's page of pairs that people could not judge."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.models import Membership, Project, Role, SetAside
from tests.labeling.acting import SKIP_PATH, claim, make_members, submit
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def skipped(project: Project, count: int) -> list[SetAside]:
    """Let two people skip so many new pairs; return them."""
    make_round(project, [make_pair(project, query_text=f"thing {number}") for number in range(count)])
    for member in make_members(project, 2):
        for _ in range(count):
            submit(member, claim(member), SKIP_PATH, note="What is a thing?")
    return list(SetAside.objects.filter(project=project, state="waiting").order_by("pk"))


@pytest.fixture
def lead(client: Client) -> Membership:
    member = make_member(make_project(overlap=1, max_overlap=1), Role.LEAD)
    client.force_login(member.user)
    return member


def test_page_shows_the_pair_its_reason_and_who_said_what(client: Client, lead: Membership) -> None:
    [aside] = skipped(lead.project, 1)
    page = client.get(reverse("set-aside", args=[lead.project.slug])).content.decode()
    assert "thing 0" in page
    assert "What is a thing?" in page
    assert aside.reason not in page  # its words stand there instead
    assert (
        "1 pair that people could not judge"
        in client.get(reverse("project", args=[lead.project.slug])).content.decode()
    )


def test_decision_is_taken_and_taken_back(client: Client, lead: Membership) -> None:
    [aside] = skipped(lead.project, 1)
    url = reverse("set-aside", args=[lead.project.slug])
    page = client.post(url, {"aside": aside.pk, "decision": "excluded"}, follow=True).content.decode()
    assert "left out of the pool" in page
    aside.refresh_from_db()
    assert aside.state == "excluded"
    again = client.post(url, {"aside": aside.pk, "decision": "returned"}, follow=True).content.decode()
    assert "decided about that pair already" in again
    client.post(url, {"aside": aside.pk, "decision": "waiting"})
    client.post(url, {"aside": aside.pk, "decision": "returned"})
    aside.refresh_from_db()
    assert aside.state == "returned"
    assert claim(lead).pair == aside.pair


def test_decision_that_makes_no_sense_changes_nothing(client: Client, lead: Membership) -> None:
    [aside] = skipped(lead.project, 1)
    url = reverse("set-aside", args=[lead.project.slug])
    for fields in ({}, {"aside": aside.pk, "decision": "burn"}, {"aside": "x", "decision": "excluded"}):
        assert client.post(url, fields).status_code == 400
    aside.refresh_from_db()
    assert aside.state == "waiting"


def test_page_costs_the_same_queries_at_two_sizes(
    client: Client, lead: Membership, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 6):
        skipped(lead.project, count)
        with django_assert_max_num_queries(9):
            assert client.get(reverse("set-aside", args=[lead.project.slug])).status_code == 200
