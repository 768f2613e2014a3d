"""The annotator's page, as a browser with and without scripts uses it."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.models import Judgment, Membership, Pair, ProductRevision, Project, Role, Skip, Slot
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def fields_of(page: str) -> dict[str, str]:
    """Return the hidden fields of the walk's form."""
    form = page[page.index('id="walk"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[: form.index("data-question")]))


def desk_for(client: Client, pairs: int = 3, role: Role = Role.ANNOTATOR) -> tuple[Project, Membership, str]:
    project = make_project()
    make_round(project, [make_pair(project) for _ in range(pairs)])
    member = make_member(project, role)
    client.force_login(member.user)
    return project, member, reverse("judge", args=[project.slug])


def test_desk_shows_the_pair_and_every_question_with_one_visible(client: Client) -> None:
    _, _, url = desk_for(client)
    page = client.get(url).content.decode()
    pair = Pair.objects.select_related("query", "product").get(pk=fields_of(page)["pair"])
    assert f'data-query="{pair.query.text}"' in page
    assert f'data-product="{pair.product.external_id}"' in page
    questions = re.findall(r'data-question="(\w+)"( hidden)?', page)
    assert [name for name, hidden in questions if not hidden] == ["need"]
    assert {name for name, _ in questions} == {"need", "type", "conflict", "silent", "accept", "job", "together"}
    assert 'data-next="label:E"' in page


def test_desk_shows_the_shops_markup_made_safe(client: Client) -> None:
    project, _, url = desk_for(client, pairs=0)
    pair = make_pair(project, title="<script>alert(1)</script> bottle")
    make_round(project, [pair])
    page = client.get(url).content.decode()
    assert "Fits a <b>cup holder</b>" in page
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; bottle" in page


def test_answer_by_htmx_is_stored_and_brings_the_next_desk(client: Client) -> None:
    _, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(url, {**fields, "path": PATHS["S"]}, headers=HTMX)
    assert reply.status_code == 200
    page = reply.content.decode()
    assert page.lstrip().startswith('<div id="desk"')
    assert fields_of(page)["pair"] != fields["pair"]
    stored = Judgment.objects.get(annotator=member.user)
    assert (stored.label.key, stored.path, str(stored.key)) == ("S", PATHS["S"], fields["key"])


def test_answers_one_by_one_without_a_script_reach_the_same_judgment(client: Client) -> None:
    _, member, url = desk_for(client)
    page = client.get(url).content.decode()
    for step in PATHS["I"].split(","):
        assert not Judgment.objects.filter(annotator=member.user).exists()
        reply = client.post(url, {**fields_of(page), "answer": step})
        page = reply.content.decode()
    assert reply.status_code == 302
    assert reply.headers["Location"] == url
    assert Judgment.objects.get(annotator=member.user).path == PATHS["I"]


def test_back_without_a_script_shows_the_question_before(client: Client) -> None:
    _, _, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    page = client.post(url, {**fields, "path": "need:yes"}).content.decode()
    assert [name for name, hidden in re.findall(r'data-question="(\w+)"( hidden)?', page) if not hidden] == ["type"]
    assert "need:yes" in fields_of(page)["path"]


def test_same_submit_twice_counts_once(client: Client) -> None:
    _, member, url = desk_for(client)
    fields = {**fields_of(client.get(url).content.decode()), "path": PATHS["E"]}
    replies = [client.post(url, fields, headers=HTMX) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert Judgment.objects.filter(annotator=member.user).count() == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"path": "need:yes,kind:no"}, "Step 2"),
        ({"path": PATHS["E"] + ",job:no"}, "Step 5"),
        ({"path": PATHS["E"], "pair": "999999999"}, "not in the queue"),
        ({"path": PATHS["E"], "pair": ""}, "pair"),
        ({"path": PATHS["E"], "key": "not-a-key"}, "key"),
        ({"path": PATHS["E"], "guideline": "999999"}, "guideline"),
    ],
)
def test_bad_answers_are_refused_and_store_nothing(client: Client, changes: dict[str, str], says: str) -> None:
    _, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(url, {**fields, **changes}, headers=HTMX)
    assert reply.status_code == 400
    assert says in reply.content.decode()
    assert not Judgment.objects.filter(annotator=member.user).exists()


def test_skip_is_stored_with_its_reason_and_frees_the_slot(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(
        reverse("skip", args=[project.slug]), {**fields, "reason": "needs_evidence", "note": "no size"}, headers=HTMX
    )
    assert reply.status_code == 200
    skip = Skip.objects.get(annotator=member.user)
    assert (skip.reason, skip.note) == ("needs_evidence", "no size")
    assert not Slot.objects.filter(pair=int(fields["pair"]), annotator__isnull=False).exists()
    assert fields_of(reply.content.decode())["pair"] != fields["pair"]


def test_skip_refuses_a_reason_the_guideline_does_not_have(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(reverse("skip", args=[project.slug]), {**fields, "reason": "bored"}, headers=HTMX)
    assert reply.status_code == 400
    assert "needs_evidence" in reply.content.decode()
    assert not Skip.objects.filter(annotator=member.user).exists()


def test_undo_puts_the_pair_back_on_the_desk(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    client.post(url, {**fields, "path": PATHS["E"]}, headers=HTMX)
    page = client.post(reverse("undo", args=[project.slug]), headers=HTMX).content.decode()
    assert fields_of(page)["pair"] == fields["pair"]
    assert fields_of(page)["key"] != fields["key"]
    assert Judgment.objects.get(annotator=member.user).retired_as == "undone"
    again = client.post(reverse("undo", args=[project.slug]), headers=HTMX).content.decode()
    assert "There is nothing to take back." in again


def test_desk_says_so_when_nothing_waits(client: Client) -> None:
    _, _, url = desk_for(client, pairs=0)
    page = client.get(url).content.decode()
    assert 'data-state="empty"' in page
    assert "Nothing is waiting" in page


def test_desk_never_tells_stream_or_model(client: Client) -> None:
    _, _, url = desk_for(client)
    page = client.get(url, headers=HTMX).content.decode().lower()
    for word in ("random", "active", "predict", "confidence", "chance"):
        assert word not in page.replace("allow", "")


def test_desk_costs_the_same_queries_with_a_long_history(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project, _, url = desk_for(client, pairs=30)
    budget = 20
    with django_assert_max_num_queries(budget):
        page = client.get(url).content.decode()
    for _ in range(20):
        page = client.post(url, {**fields_of(page), "path": PATHS["E"]}, headers=HTMX).content.decode()
    with django_assert_max_num_queries(budget):
        assert client.get(url).status_code == 200
    assert Judgment.objects.filter(project=project).count() == 20


def test_key_of_somebody_else_is_not_taken_for_ones_own(client: Client) -> None:
    project, _, url = desk_for(client)
    first = fields_of(client.get(url).content.decode())
    client.post(url, {**first, "path": PATHS["E"]}, headers=HTMX)
    other = make_member(project)
    client.force_login(other.user)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(url, {**fields, "key": str(uuid.uuid4()), "path": PATHS["I"]}, headers=HTMX)
    assert reply.status_code == 200
    assert Judgment.objects.filter(annotator=other.user).count() == 1


def test_judgment_remembers_the_text_that_was_shown(client: Client) -> None:
    _, member, url = desk_for(client, pairs=2)
    fields = fields_of(client.get(url).content.decode())
    product = Pair.objects.get(pk=fields["pair"]).product
    shown = product.revision
    product.revision = ProductRevision.objects.create(product=product, number=2, digest=uuid.uuid4(), title="New text")
    product.save()
    reply = client.post(url, {**fields, "path": PATHS["E"]}, headers=HTMX)
    assert Judgment.objects.get(annotator=member.user).revision == shown
    other = fields_of(reply.content.decode())
    refused = client.post(url, {**other, "revision": fields["revision"], "path": PATHS["E"]}, headers=HTMX)
    assert refused.status_code == 400
    assert Judgment.objects.filter(annotator=member.user).count() == 1


def test_answers_about_a_pair_that_was_lost_are_not_carried_to_the_next(client: Client) -> None:
    _, _, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    Slot.objects.filter(pair=int(fields["pair"])).update(annotator=None, leased_until=None, rank=10_000)
    page = client.post(url, {**fields, "answer": "need:yes"}).content.decode()
    assert fields_of(page)["pair"] != fields["pair"]
    assert fields_of(page)["path"] == ""
    assert [name for name, hidden in re.findall(r'data-question="(\w+)"( hidden)?', page) if not hidden] == ["need"]
