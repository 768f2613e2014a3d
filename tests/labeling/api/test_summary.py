"""A project's numbers for programs, and what a program is told that may not have them."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import Role
from tests.making import make_member, make_project, make_user

pytestmark = pytest.mark.django_db


def test_lead_gets_the_summary(client: Client) -> None:
    lead = make_member(make_project(), Role.LEAD)
    client.force_login(lead.user)
    reply = client.get(reverse("summary", args=[lead.project.slug]))
    assert reply.status_code == 200
    assert reply.json()["pairs"] == 0


def test_refusal_is_json_with_a_reason(client: Client) -> None:
    project = make_project()
    url = reverse("summary", args=[project.slug])
    signed_out = client.get(url)
    client.force_login(make_member(project).user)
    annotator = client.get(url)
    client.force_login(make_user("stranger"))
    stranger, nowhere = client.get(url), client.get(reverse("summary", args=["nowhere"]))
    replies = [signed_out, annotator, stranger, nowhere]
    assert [reply.status_code for reply in replies] == [401, 403, 404, 404]
    assert {reply.headers["Content-Type"] for reply in replies} == {"application/json"}
    assert "signed in" in signed_out.json()["error"]
    assert "for lead" in annotator.json()["error"]
    assert set(stranger.json()) == {"error"}


def test_post_is_refused_as_before(client: Client) -> None:
    lead = make_member(make_project(), Role.LEAD)
    client.force_login(lead.user)
    assert client.post(reverse("summary", args=[lead.project.slug])).status_code == 405
