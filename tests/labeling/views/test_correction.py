"""Changing an answer of today."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from labeling.models import Judgment, Membership
from tests.labeling.acting import judge
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def judged(client: Client, label: str = "E") -> tuple[Membership, Judgment, str]:
    """Sign in somebody who has judged one pair; return the judgment and the address that changes it."""
    project = make_project(overlap=1)
    make_round(project, [make_pair(project, "red kettle"), make_pair(project, "blue lamp")])
    member = make_member(project)
    judgment = judge(member, label)
    client.force_login(member.user)
    return member, judgment, reverse("correct", args=[project.slug, judgment.pk])


def fields_of(page: str) -> dict[str, str]:
    form = page[page.index('id="walk"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[: form.index("data-question")]))


def live(member: Membership) -> list[str]:
    return [row.path for row in Judgment.objects.filter(annotator=member.user, retired_at__isnull=True)]


def test_correction_shows_the_old_walk_and_that_the_old_answer_stands(client: Client) -> None:
    member, judgment, url = judged(client)
    page = client.get(url).content.decode()
    assert 'data-query="red kettle"' in page
    assert "It stands until you have sent the new one." in page
    assert fields_of(page)["path"] == "need:yes,type:yes,conflict:no"
    assert re.findall(r'class="answer before" name="answer" value="([^"]*)"', page) == ["silent:no"]
    assert live(member) == [judgment.path]


def test_correction_takes_the_place_of_the_old_answer(client: Client) -> None:
    member, judgment, url = judged(client)
    fields = fields_of(client.get(url).content.decode())
    page = client.post(url, {**fields, "path": PATHS["S"]}, headers=HTMX).content.decode()
    assert page.lstrip().startswith('<div id="desk"')
    assert "Substitute" in page
    assert live(member) == [PATHS["S"]]
    judgment.refresh_from_db()
    assert judgment.retired_as == "superseded"
    again = client.post(url, {**fields, "path": PATHS["S"]}, headers=HTMX)
    assert "Substitute" in again.content.decode()
    assert Judgment.objects.filter(annotator=member.user).count() == 2


def test_correction_works_without_a_script(client: Client) -> None:
    member, _, url = judged(client)
    page = client.get(url).content.decode()
    page = client.post(url, {**fields_of(page), "path": ""}).content.decode()
    for step in PATHS["I"].split(","):
        reply = client.post(url, {**fields_of(page), "answer": step})
        page = reply.content.decode()
    assert reply.status_code == 302
    assert live(member) == [PATHS["I"]]
    assert "Your answer is now Irrelevant." in client.get(reply.headers["Location"]).content.decode()


def test_correction_to_a_skip_is_explained_and_changes_nothing(client: Client) -> None:
    member, judgment, url = judged(client)
    fields = fields_of(client.get(url).content.decode())
    page = client.post(url, {**fields, "path": "need:no"}, headers=HTMX).content.decode()
    assert "undo the judgment first" in page
    assert live(member) == [judgment.path]


@pytest.mark.parametrize("changes", [{"path": "need:maybe"}, {"key": ""}, {"guideline": "0"}])
def test_correction_that_is_none_is_refused(client: Client, changes: dict[str, str]) -> None:
    member, judgment, url = judged(client)
    fields = fields_of(client.get(url).content.decode()) | {"path": PATHS["S"]}
    assert client.post(url, fields | changes, headers=HTMX).status_code == 400
    assert live(member) == [judgment.path]


def test_answer_of_another_day_or_person_cannot_be_changed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    member, judgment, url = judged(client)
    fields = fields_of(client.get(url).content.decode()) | {"path": PATHS["S"]}
    other = Client()
    other.force_login(make_member(member.project).user)
    assert other.get(url).headers["Location"] == reverse("work", args=[member.project.slug])
    assert "Nothing was changed" in other.post(url, fields, headers=HTMX).content.decode()
    tomorrow = timezone.now() + dt.timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    assert "Nothing was changed" in client.get(url, follow=True).content.decode()
    assert "Nothing was changed" in client.post(url, fields, headers=HTMX).content.decode()
    assert live(member) == [judgment.path]
