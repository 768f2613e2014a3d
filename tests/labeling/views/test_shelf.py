"""The shelf's page, as a browser with and without scripts uses it."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.shelf import claim_shelf
from labeling.models import Judgment, Membership, Project, Skip, Slot
from tests.labeling.acting import expire, submit
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def shelf_for(client: Client, products: int = 3, queries: int = 2) -> tuple[Project, Membership, str]:
    project = make_project(desk="shelf")
    pairs = [make_pair(project, f"query {number}") for number in range(queries) for _ in range(products)]
    make_round(project, pairs, stream="active")
    member = make_member(project)
    client.force_login(member.user)
    return project, member, reverse("judge", args=[project.slug])


def page_of(client: Client, url: str) -> str:
    return client.get(url).content.decode()


def cards_on(page: str) -> dict[int, str]:
    """Return the HTML of each card by its pair."""
    page = page.split('<template id="questions">')[0]
    parts = re.split(r'(?=<li class="shelf-card")', page)[1:]
    return {int(re.search(r'id="card-(\d+)"', part)[1]): part for part in parts}  # type: ignore[index]


def fields_of(card: str) -> dict[str, str]:
    form = card[card.index('class="shelf-walk"') : card.index("</form>")]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def htmx(pair: int) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": f"card-{pair}"}


def test_shelf_shows_every_product_of_one_query_with_its_first_question(client: Client) -> None:
    _, member, url = shelf_for(client, products=4)
    page = page_of(client, url)
    cards = cards_on(page)
    held = Slot.objects.filter(annotator=member.user).select_related("pair__product__revision")
    assert set(cards) == {slot.pair_id for slot in held}
    assert len(cards) == 4
    for slot in held:
        card = cards[slot.pair_id]
        assert 'data-state="open"' in card
        assert f'data-product="{slot.pair.product.external_id}"' in card
        assert re.findall(r'data-question="(\w+)"', card) == ["need"]
        assert fields_of(card)["key"] == str(slot.key)
    assert set(re.findall(r'data-question="(\w+)"', page.split('<template id="questions">')[1])) == {
        *("need", "type", "conflict", "silent", "accept", "job", "together")
    }
    assert list(cards_on(page_of(client, url))) == list(cards)


def test_answer_by_htmx_brings_its_card_with_the_label(client: Client) -> None:
    _, member, url = shelf_for(client)
    cards = cards_on(page_of(client, url))
    pair, card = next(iter(cards.items()))
    values = {**fields_of(card), "path": PATHS["S"], "seconds": "3.5"}
    reply = client.post(url, values, headers=htmx(pair))
    html = reply.content.decode()
    assert html.lstrip().startswith('<li class="shelf-card"')
    assert cards_on(html).keys() == {pair}
    assert 'data-state="done"' in html
    assert "Substitute" in html
    judgment = Judgment.objects.get(annotator=member.user)
    assert (judgment.pair_id, judgment.label.key, str(judgment.key)) == (pair, "S", values["key"])
    again = client.post(url, values, headers=htmx(pair)).content.decode()
    assert 'data-state="done"' in again
    assert Judgment.objects.filter(annotator=member.user).count() == 1
    after = cards_on(page_of(client, url))
    assert list(after) == list(cards)
    assert 'data-state="done"' in after[pair]


def test_answer_from_a_desk_that_was_open_before_leads_to_the_shelf(client: Client) -> None:
    project, member, url = shelf_for(client)
    Project.objects.filter(pk=project.pk).update(desk=Project.Desk.PAIR)
    page = page_of(client, url)
    desk = page[page.index('id="walk"') :].split("</form>")[0]
    values = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', desk)) | {"path": PATHS["S"]}
    Project.objects.filter(pk=project.pk).update(desk=Project.Desk.SHELF)
    reply = client.post(url, values, headers={"HX-Request": "true", "HX-Target": "desk"})
    assert reply.headers["HX-Redirect"] == url
    judgment = Judgment.objects.get(annotator=member.user)
    assert (str(judgment.pair_id), judgment.label.key) == (values["pair"], "S")


def test_change_opens_a_product_again_where_the_walk_ended(client: Client) -> None:
    _, member, url = shelf_for(client)
    cards = cards_on(page_of(client, url))
    pair, card = next(iter(cards.items()))
    done = client.post(url, {**fields_of(card), "path": PATHS["S"]}, headers=htmx(pair)).content.decode()
    step = re.search(r'name="step" value="(judgment:\d+)"', done)
    assert step is not None
    for _ in range(2):
        opened = client.post(url, {"step": step[1]}, headers=htmx(pair)).content.decode()
        assert re.findall(r'data-question="(\w+)"', opened) == ["accept"]
        assert 'class="answer before" name="answer" value="accept:yes"' in opened
    assert fields_of(opened)["path"] == "need:yes,type:yes,conflict:yes"
    assert not Judgment.objects.filter(annotator=member.user, retired_at__isnull=True).exists()
    assert Slot.objects.filter(annotator=member.user, judged=False).count() == 3
    client.post(url, {**fields_of(opened), "path": PATHS["E"]}, headers=htmx(pair))
    assert Judgment.objects.get(annotator=member.user, retired_at__isnull=True).label.key == "E"


def test_skip_shows_its_reason_and_can_be_changed(client: Client) -> None:
    _, member, url = shelf_for(client)
    pair, card = next(iter(cards_on(page_of(client, url)).items()))
    values = {**fields_of(card), "reason": "needs_evidence", "note": "no size"}
    html = client.post(url, values, headers=htmx(pair)).content.decode()
    skip = Skip.objects.get(annotator=member.user)
    assert (skip.pair_id, skip.note) == (pair, "no size")
    assert "Skipped" in html
    opened = client.post(url, {"step": f"skip:{skip.pk}"}, headers=htmx(pair)).content.decode()
    assert 'data-state="open"' in opened
    assert not Skip.objects.filter(annotator=member.user, retired_at__isnull=True).exists()


def test_walk_without_a_script_is_kept_step_by_step_and_ends_in_the_label(client: Client) -> None:
    _, member, url = shelf_for(client)
    cards = cards_on(page_of(client, url))
    pair = list(cards)[1]
    card = cards[pair]
    for step in PATHS["I"].split(","):
        reply = client.post(url, {**fields_of(card), "answer": step})
        assert reply.status_code == 302
        assert reply.headers["Location"] == f"{url}#card-{pair}"
        card = cards_on(page_of(client, url))[pair]
    assert 'data-state="done"' in card
    assert Judgment.objects.get(annotator=member.user).path == PATHS["I"]


def test_back_without_a_script_shows_the_question_before(client: Client) -> None:
    _, _, url = shelf_for(client)
    pair, card = next(iter(cards_on(page_of(client, url)).items()))
    client.post(url, {**fields_of(card), "answer": "need:yes"})
    card = cards_on(page_of(client, url))[pair]
    assert fields_of(card)["path"] == "need:yes"
    client.post(url, {**fields_of(card), "path": ""})
    assert re.findall(r'data-question="(\w+)"', cards_on(page_of(client, url))[pair]) == ["need"]


def test_seconds_without_a_script_count_from_the_answer_before(client: Client) -> None:
    _, member, url = shelf_for(client)
    cards = cards_on(page_of(client, url))
    Slot.objects.filter(annotator=member.user).update(leased_at=timezone.now() - dt.timedelta(minutes=5))
    for card in list(cards.values())[:2]:
        client.post(url, {**fields_of(card), "path": PATHS["E"]})
    first, second = Judgment.objects.filter(annotator=member.user).order_by("id")
    assert first.seconds > 290
    assert second.seconds < 30


def test_next_query_comes_when_all_are_done(client: Client) -> None:
    _, _, url = shelf_for(client)
    cards = cards_on(page_of(client, url))
    for pair, card in cards.items():
        client.post(url, {**fields_of(card), "path": PATHS["C"]}, headers=htmx(pair))
    reply = client.get(url, headers={"HX-Request": "true", "HX-Target": "shelf"}).content.decode()
    assert reply.lstrip().startswith('<div id="shelf"')
    assert len(cards_on(reply)) == 3
    assert not cards_on(reply).keys() & cards.keys()
    assert "3 today" in reply


def test_undo_of_the_query_before_brings_that_product(client: Client) -> None:
    _, _, url = shelf_for(client, products=1)
    pair, card = next(iter(cards_on(page_of(client, url)).items()))
    client.post(url, {**fields_of(card), "path": PATHS["C"]}, headers=htmx(pair))
    page = page_of(client, url)
    step = re.search(r'name="step" value="(judgment:\d+)"', page)
    assert step is not None
    client.post(url, {"step": step[1]})
    assert list(cards_on(page_of(client, url))) == [pair]
    refused = client.post(url, {"step": "judgment:1"})
    assert refused.status_code == 400


def test_shelf_with_nothing_to_do_says_so(client: Client) -> None:
    _, _, url = shelf_for(client, queries=0)
    assert "Nothing is waiting" in page_of(client, url)


def test_product_that_others_judged_meanwhile_is_gone_and_the_work_is_kept(client: Client) -> None:
    project, member, url = shelf_for(client)
    pair, card = next(iter(cards_on(page_of(client, url)).items()))
    expire(Slot.objects.get(pair=pair, annotator=member.user))
    for other in (make_member(project), make_member(project)):
        submit(other, next(slot for slot in claim_shelf(project, other.user) if slot.pair_id == pair), "E")
    html = client.post(url, {**fields_of(card), "path": PATHS["S"]}, headers=htmx(pair)).content.decode()
    assert 'data-state="gone"' in html
    assert "not needed" in html
    assert Judgment.objects.get(annotator=member.user).retired_as == "surplus"


def test_bad_answers_are_refused_and_store_nothing(client: Client) -> None:
    _, member, url = shelf_for(client)
    pair, card = next(iter(cards_on(page_of(client, url)).items()))
    for changes in ({"path": "need:yes,kind:no"}, {"pair": "999999999", "path": PATHS["E"]}, {"guideline": "0"}):
        assert client.post(url, {**fields_of(card), **changes}, headers=htmx(pair)).status_code == 400
    assert not Judgment.objects.filter(annotator=member.user).exists()


def test_keep_renews_all_and_saves_the_half_walks(client: Client) -> None:
    project, member, url = shelf_for(client)
    page_of(client, url)
    held = Slot.objects.filter(annotator=member.user).order_by("rank")
    held.update(leased_until=timezone.now())
    keep = reverse("shelf-keep", args=[project.slug])
    sent = [f"{slot.key}=need:yes" for slot in held]
    assert client.post(keep, {"card": sent}).status_code == 204
    assert {slot.draft for slot in held.all()} == {"need:yes"}
    assert all((slot.leased_until or timezone.now()) > timezone.now() for slot in held.all())
    assert 'data-question="type"' in page_of(client, url).split('<template id="questions">')[0]
    assert client.post(keep, {"card": sent, "leaving": "1"}).status_code == 204
    assert client.post(keep, {"card": ["no key"]}).status_code == 400


def test_page_costs_the_same_queries_however_many_products(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for products in (2, 20):
        _, _, url = shelf_for(client, products=products)
        with django_assert_max_num_queries(22):
            page = page_of(client, url)
        pair, card = next(iter(cards_on(page).items()))
        with django_assert_max_num_queries(24):
            client.post(url, {**fields_of(card), "path": PATHS["E"]}, headers=htmx(pair))


def test_next_query_where_none_is_left_is_the_page_that_says_so(client: Client) -> None:
    _, _, url = shelf_for(client, queries=0)
    reply = client.get(url, headers={"HX-Request": "true", "HX-Target": "shelf"})
    assert reply.headers["HX-Redirect"] == url


def test_undo_from_the_empty_page_leads_to_the_shelf(client: Client) -> None:
    project, _, url = shelf_for(client, products=1, queries=1)
    pair, card = next(iter(cards_on(page_of(client, url)).items()))
    client.post(url, {**fields_of(card), "path": PATHS["C"]}, headers=htmx(pair))
    assert "Nothing is waiting" in page_of(client, url)
    undone = client.post(reverse("undo", args=[project.slug]), headers={"HX-Request": "true", "HX-Target": "desk"})
    assert undone.headers["HX-Redirect"] == url
    assert list(cards_on(page_of(client, url))) == [pair]
