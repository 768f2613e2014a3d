"""Trying the draft out: a walk through it that leaves nothing behind."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.guidelines import draft_digest, save_draft, start_draft
from labeling.guidelines.parse import default_source
from labeling.models import Judgment, Membership, Role, Skip
from tests.making import PATHS, make_member, make_pair, make_project

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def lead(client: Client) -> Membership:
    """Sign a lead in to a project with a draft that asks something else."""
    member = make_member(make_project(), Role.LEAD)
    client.force_login(member.user)
    rewrite(member, default_source().replace("Is this the type", "Is it the kind"))
    return member


def rewrite(member: Membership, source: str) -> None:
    draft = start_draft(member.project, member.user)
    assert save_draft(member.project, source, draft_digest(draft), member.user).stored


def url(member: Membership, query: str = "") -> str:
    return reverse("draft-try", args=[member.project.slug]) + query


def test_walk_goes_through_the_draft_as_it_is_now(client: Client, lead: Membership) -> None:
    first = client.post(url(lead), {"path": "", "answer": "need:yes"}).content.decode()
    assert "Is it the kind of product asked for?" in first
    rewrite(lead, default_source().replace("Is this the type", "Would you call it the type"))
    again = client.post(url(lead), {"path": "", "answer": "need:yes"}).content.decode()
    assert "Would you call it the type of product asked for?" in again
    assert "Is it the kind" not in again


@pytest.mark.parametrize(
    ("label", "name"), [("E", "Exact"), ("S", "Substitute"), ("C", "Complement"), ("I", "Irrelevant")]
)
def test_walk_ends_at_its_label_and_stores_nothing(client: Client, lead: Membership, label: str, name: str) -> None:
    before, _, last = PATHS[label].rpartition(",")
    page = client.post(url(lead), {"path": before, "answer": last}, headers=HTMX).content.decode()
    assert page.lstrip().startswith('<div id="desk"')
    assert "The walk has ended" in page
    assert f"<span>{name}</span>" in page
    assert not Judgment.objects.filter(project=lead.project).exists()


@pytest.mark.parametrize("sent", [{"path": "", "answer": "need:no"}, {"path": "need:yes", "reason": "unclear_query"}])
def test_walk_ends_in_a_skip(client: Client, lead: Membership, sent: dict[str, str]) -> None:
    page = client.post(url(lead), sent).content.decode()
    assert "The walk has ended" in page
    assert "I cannot tell what the shopper wants" in page
    assert not Skip.objects.filter(pair__project=lead.project).exists()


@pytest.mark.parametrize("path", ["gone:yes", "nonsense", "need:maybe", PATHS["E"] + ",type:yes"])
def test_walk_that_fits_no_more_goes_on_where_it_can(client: Client, lead: Membership, path: str) -> None:
    answer = client.post(url(lead), {"path": path})
    assert answer.status_code == 200
    assert 'id="walk"' in answer.content.decode()


def test_pair_is_one_of_the_pool(client: Client, lead: Membership) -> None:
    empty = client.get(url(lead)).content.decode()
    assert "steel water bottle 24 oz" in empty
    pairs = [make_pair(lead.project, f"kettle {number}", f"Kettle no. {number}") for number in range(3)]
    assert "kettle " in client.get(url(lead)).content.decode()
    chosen = client.get(url(lead), {"pair": pairs[1].pk}).content.decode()
    assert "kettle 1</p>" in chosen
    assert f'hx-post="{url(lead)}?pair={pairs[1].pk}"' in chosen
    assert client.get(url(lead), {"pair": make_pair(make_project()).pk}).status_code == 404


def test_pair_is_one_that_is_typed(client: Client, lead: Membership) -> None:
    page = client.get(url(lead), {"query": "<b>red</b> hat", "product": "Blue <i>hat</i>"}).content.decode()
    assert "&lt;b&gt;red&lt;/b&gt; hat" in page
    assert "Blue &lt;i&gt;<mark>hat</mark>&lt;/i&gt;" in page


def test_draft_with_problems_says_them(client: Client, lead: Membership) -> None:
    rewrite(lead, default_source().replace("start: need", "start: needs"))
    page = client.get(url(lead)).content.decode()
    assert "The draft cannot be tried out yet" in page
    assert "Line 4" in page


def test_without_a_draft_there_is_nothing_to_try(client: Client) -> None:
    member = make_member(make_project(), Role.LEAD)
    client.force_login(member.user)
    assert client.get(url(member)).headers["Location"] == reverse("draft", args=[member.project.slug])
