"""The training page, with htmx and without."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import GoldPair, Membership, Project, Role
from labeling.queries.projects import published_guideline
from labeling.queries.qualification import next_training_pair
from tests.labeling.actions.test_qualification import make_school, train
from tests.making import PATHS, make_gold, make_member, make_pair, make_project

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def member(client: Client) -> Membership:
    found = make_member(make_school(pairs=3, pass_mark=0.6))
    client.force_login(found.user)
    return found


def address(project: Project, attempt: int | None = None) -> str:
    return reverse("training", args=[project.slug]) + (f"?attempt={attempt}" if attempt else "")


def upcoming(member: Membership, attempt: int = 1) -> GoldPair:
    gold = next_training_pair(member, attempt)
    assert gold is not None
    return gold


def send(client: Client, member: Membership, label: str, attempt: int = 1, **changes: Any) -> str:
    """Send what the page does for the pair that is next; return the reply."""
    fields = {"item": upcoming(member, attempt).pk, "guideline": published_guideline(member.project).pk}
    fields |= {"path": PATHS.get(label, label)} | changes
    reply = client.post(address(member.project, attempt), fields, headers=HTMX)
    assert reply.status_code == 200, reply.content
    return text_of(reply.content)


def text_of(content: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", content.decode()).split())


def test_page_shows_a_pair_and_nothing_of_its_label(client: Client, member: Membership) -> None:
    member.project.gold.update(why="Because it holds water.")
    page = client.get(address(member.project)).content.decode()
    gold = upcoming(member)
    assert f'data-product="{gold.pair.product.external_id}"' in page
    assert "1 of 3" in text_of(page.encode())
    assert "Because it holds water." not in page
    assert f'action="{address(member.project, 1)}"' in page


def test_wrong_answer_is_told_where_it_went_wrong_and_why(client: Client, member: Membership) -> None:
    member.project.gold.update(path=PATHS["E"], why="Because it holds water.")
    reply = send(client, member, "S")
    assert "Not right." in reply
    assert "Because it holds water." in reply
    assert "Does anything the query states contradict this product?" in reply
    assert "You Yes, something contradicts Right is No contradiction" in reply
    assert "A third-party part that fits can be Exact" in reply
    assert "Next pair" in reply


def test_right_answer_is_told_so_and_the_next_pair_comes(client: Client, member: Membership) -> None:
    reply = send(client, member, "E")
    assert "Right." in reply
    assert "left the right way" not in reply
    shown = client.post(address(member.project, 1), {"next": "1"}, headers=HTMX)
    assert f'data-product="{upcoming(member).pair.product.external_id}"' in shown.content.decode()
    assert "2 of 3" in text_of(shown.content)


def test_same_submit_twice_gets_the_same_feedback(client: Client, member: Membership) -> None:
    gold = upcoming(member)
    first = send(client, member, "S", item=gold.pk)
    assert send(client, member, "E", item=gold.pk) == first
    assert member.training_answers.count() == 1


def test_skip_is_feedback_too(client: Client, member: Membership) -> None:
    reply = send(client, member, "need:yes", reason="text_missing")
    assert "Not right." in reply
    assert "You skipped the pair here" in reply


def test_passed_training_leads_to_the_desk(client: Client, member: Membership) -> None:
    for label in "EES":
        reply = send(client, member, label)
    assert "See the result" in reply
    page = text_of(client.get(address(member.project)).content)
    assert "You have passed the training" in page
    assert "2 of 3 right. The pass mark is 60 %." in page
    assert "Start judging" in page
    assert "The pairs that were not right" in page


def test_training_not_passed_says_what_led_astray_and_offers_another_attempt(
    client: Client, member: Membership
) -> None:
    for label in "SSE":
        send(client, member, label)
    page = client.get(address(member.project))
    words = text_of(page.content)
    assert "Not passed yet" in words
    assert "Does anything the query states contradict this product? 2 times" in words
    assert 'href="?attempt=2"' in page.content.decode()
    again = client.get(address(member.project, 2))
    assert f'data-product="{upcoming(member, 2).pair.product.external_id}"' in again.content.decode()
    assert "Not passed yet" in text_of(client.get(address(member.project, 7)).content)


def test_start_is_given_to_who_has_reached_the_mark_only(client: Client, member: Membership) -> None:
    train(member, "SSE")
    judge, training = reverse("judge", args=[member.project.slug]), address(member.project)
    assert client.post(training, {"start": "1"}).headers["Location"] == training
    wrong = member.training_answers.filter(right=False)
    GoldPair.objects.filter(pk__in=wrong.values("gold")).update(retired_at="2026-01-01T00:00:00Z")
    assert "You have reached the pass mark" in text_of(client.get(training).content)
    assert client.post(training, {"start": "1"}).headers["Location"] == judge


def test_training_works_without_a_script(client: Client, member: Membership) -> None:
    gold, guideline = upcoming(member), published_guideline(member.project)
    here = address(member.project, 1)
    fields: dict[str, Any] = {"item": gold.pk, "guideline": guideline.pk, "path": "need:yes", "answer": "type:yes"}
    page = client.post(here, fields).content.decode()
    assert 'name="path" value="need:yes,type:yes"' in page
    assert "<!doctype html>" in page
    assert not member.training_answers.exists()
    done = client.post(here, fields | {"path": "need:yes,type:yes,conflict:no", "answer": "silent:no"})
    assert "Right." in text_of(done.content)
    assert client.post(here, {"next": "1"}).headers["Location"] == here


def test_what_is_no_answer_is_refused_in_words(client: Client, member: Membership) -> None:
    here, guideline = address(member.project, 1), published_guideline(member.project).pk
    nonsense = {"item": upcoming(member).pk, "guideline": guideline, "path": "need:maybe"}
    for fields, words in (
        ({}, "item: This field is required"),
        (nonsense, "'maybe' is no answer to 'need'"),
        (nonsense | {"path": PATHS["E"], "item": make_gold(member.project).pk}, "not in your training any more"),
    ):
        reply = client.post(here, fields)
        assert reply.status_code == 400
        assert words in reply.content.decode()
    late = client.post(address(member.project, 4), nonsense | {"path": PATHS["E"]})
    assert "Attempt 4 is not under way" in late.content.decode()
    assert not member.training_answers.exists()


def test_training_without_pairs_says_so_to_the_annotator_and_the_lead(client: Client) -> None:
    project = make_school(pairs=0)
    client.force_login(make_member(project).user)
    words = text_of(client.get(address(project)).content)
    assert "There are no training pairs yet" in words
    assert "Your lead sees this on their page" in words
    client.force_login(make_member(project, Role.LEAD).user)
    assert "there are no training pairs: nobody new can start" in text_of(client.get(f"/p/{project.slug}/").content)


def test_training_that_nobody_asks_for_says_so_and_leads_to_the_desk(client: Client) -> None:
    project = make_project()
    member = make_member(project)
    client.force_login(member.user)
    desk = f'href="{reverse("judge", args=[project.slug])}"'
    page = client.get(address(project)).content
    assert "No training is needed" in text_of(page)
    assert "There are no training pairs" not in text_of(page)
    make_gold(project, "E", use="training")
    page = client.get(address(project)).content
    assert "It is for practice: you can judge without it." in text_of(page)
    assert "You can start to judge when" not in text_of(page)
    assert desk in page.decode().split('class="help"')[1]
    send(client, member, "I")
    page = client.get(address(project)).content
    assert "Not passed yet" in text_of(page)
    assert "Start judging" in text_of(page)


def test_lead_is_told_whose_languages_have_no_training_pairs(client: Client) -> None:
    project = make_school(pairs=0)
    make_gold(project, use="training", pair=make_pair(project, locale="us"))
    stuck = make_member(project)
    stuck.languages = ["jp"]
    stuck.save()
    client.force_login(make_member(project, Role.LEAD).user)
    overview = text_of(client.get(f"/p/{project.slug}/").content)
    assert f"No training pairs in the languages of {stuck.user}: they cannot start" in overview
