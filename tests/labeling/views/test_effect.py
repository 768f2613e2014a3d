"""The page that says what publishing the draft would do."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import GuidelineVersion, Job, Judgment, Membership, Role
from labeling.queries.projects import published_guideline
from labeling.queries.relabels import waiting_relabels
from tests.labeling.acting import judge_all
from tests.labeling.relabeling import REWORDED, STRICT, bring, edited, make_draft, run_job
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
OTHER = ("ask: It is a different type, but", "ask: Another type it is, but")


def lead_of(client: Client, labels: str = "S ES I C") -> tuple[Membership, str]:
    """Sign in a lead whose annotators have judged; return them and the page's address."""
    project = make_project(overlap=2, max_overlap=2)
    pairs = [make_pair(project, f"kettle {number}") for number, _ in enumerate(labels.split())]
    make_round(project, pairs)
    judge_all([make_member(project), make_member(project)], dict(zip(pairs, labels.split(), strict=True)))
    lead = make_member(project, Role.LEAD)
    client.force_login(lead.user)
    return lead, reverse("draft-effect", args=[project.slug])


def text_of(content: bytes) -> str:
    """Return the words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", content.decode()).split())


def sent(page: str) -> dict[str, list[str]]:
    """Return the hidden fields of the form that publishes."""
    form = page[page.index('id="publish"') :]
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(digest|again)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(value)
    return fields


def test_page_without_a_draft_says_where_to_begin(client: Client) -> None:
    _, url = lead_of(client)
    assert "There is no draft" in client.get(url).content.decode()
    answer = client.post(url, {"digest": "0" * 64})
    assert answer.status_code == 409
    assert "published or discarded meanwhile" in answer.content.decode()


def test_page_of_a_draft_with_problems_names_them(client: Client) -> None:
    lead, url = lead_of(client)
    make_draft(lead, edited(("label: E}", "label: X}")))
    page = client.get(url).content.decode()
    assert "cannot be published yet" in page
    assert "Line 105: question &#x27;silent&#x27;" in page
    assert 'id="publish"' not in page


def test_page_shows_the_numbers_and_publishes_nothing(client: Client) -> None:
    lead, url = lead_of(client)
    make_draft(lead, edited(REWORDED, OTHER))
    page = client.get(url).content.decode()
    assert "What version 2 would do" in page
    assert page.count('type="checkbox" name="again"') == 2
    assert "Publish and ask 7 answers again" in page
    assert "It was: “Would a reasonable shopper take it instead, for the same job?”" in page
    assert sent(page)["again"] == ["accept", "job"]
    assert published_guideline(lead.project).number == 1
    assert not Job.objects.filter(project=lead.project).exists()


def test_unticked_question_is_worked_out_anew_by_the_part_alone(client: Client) -> None:
    lead, url = lead_of(client)
    make_draft(lead, edited(REWORDED, OTHER))
    part = client.get(url, {"chosen": "1", "again": "accept"}, headers=HTMX).content.decode()
    assert part.lstrip().startswith('<div class="stack-wide" id="effect"')
    assert "Publish and ask 3 answers again" in part
    assert sent(part)["again"] == ["accept"]
    part = client.get(url, {"chosen": "1"}, headers=HTMX).content.decode()
    assert "again</button>" not in part
    assert "Publish</button>" in part
    whole = client.get(url, {"chosen": "1", "again": "accept"}).content.decode()
    assert len(re.findall(r'name="again" value="\w+" checked', whole)) == 1


def test_publishing_does_what_the_page_said(client: Client) -> None:
    lead, url = lead_of(client)
    make_draft(lead, edited(REWORDED, OTHER))
    fields = sent(client.get(url, {"chosen": "1", "again": "accept"}).content.decode())
    reply = client.post(url, fields | {"relabel": ["on"], "take_over": ["on"]})
    assert reply.headers["Location"] == reverse("relabeling", args=[lead.project.slug])
    version = published_guideline(lead.project)
    assert (version.number, version.asked_again, version.published_by) == (2, ["accept"], lead.user)
    run_job(lead.project)
    assert waiting_relabels(lead.project).count() == 3


def test_labels_that_change_are_taken_over_only_where_the_lead_wants_it(client: Client) -> None:
    lead, url = lead_of(client)
    make_draft(lead, edited(STRICT))
    page = client.get(url).content.decode()
    assert "Give the 3 judgments that change the label" in page
    client.post(url, sent(page))
    assert published_guideline(lead.project).number == 2
    assert not Job.objects.filter(project=lead.project).exists()


def test_effect_tells_what_is_left_over_from_the_version_in_use(client: Client) -> None:
    """Version 2 asks three answers again, and nobody answers; version 3 asks four others."""
    lead, url = lead_of(client)
    bring(lead, edited(REWORDED), {"accept"})
    assert waiting_relabels(lead.project).count() == 3
    make_draft(lead, edited(REWORDED))
    page = text_of(client.get(url).content)
    assert "Publish and ask 3 answers again" in page
    assert "3 are left over: version 2 needs the question again already" in page
    assert "The draft itself asks 0." in page
    make_draft(lead, edited(REWORDED, OTHER))
    page = text_of(client.get(url).content)
    assert "Publish and ask 7 answers again" in page
    assert "3 are left over" in page
    assert "The draft itself asks 4." in page


def test_effect_of_the_second_version_has_nothing_left_over(client: Client) -> None:
    lead, url = lead_of(client)
    make_draft(lead, edited(REWORDED, OTHER))
    assert "left over" not in text_of(client.get(url).content)


def test_draft_that_changed_meanwhile_is_shown_again_and_not_published(client: Client) -> None:
    lead, url = lead_of(client)
    make_draft(lead, edited(REWORDED))
    fields = sent(client.get(url).content.decode())
    make_draft(lead, edited(REWORDED, STRICT))
    reply = client.post(url, fields)
    assert reply.status_code == 409
    page = reply.content.decode()
    assert "Nothing was published: the draft has changed" in page
    assert sent(page)["digest"] != fields["digest"]
    assert published_guideline(lead.project).number == 1
    assert client.post(url, {}).status_code == 400


def test_page_says_what_waits_of_the_version_before(client: Client) -> None:
    lead, url = lead_of(client)
    bring(lead, edited(REWORDED), {"accept"})
    make_draft(lead, edited(REWORDED, OTHER))
    assert "3 questions of the version before, still waiting, are withdrawn." in client.get(url).content.decode()


def test_page_of_a_project_without_judgments_can_publish(client: Client) -> None:
    project = make_project()
    lead = make_member(project, Role.LEAD)
    client.force_login(lead.user)
    make_draft(lead, edited(REWORDED))
    url = reverse("draft-effect", args=[project.slug])
    page = client.get(url).content.decode()
    assert "No judgments yet" in page
    client.post(url, sent(page))
    assert GuidelineVersion.objects.get(project=project, number=2).published_at is not None
    assert not Judgment.objects.filter(project=project).exists()


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.AUDITOR])
def test_only_a_lead_publishes(client: Client, role: Role) -> None:
    lead, url = lead_of(client)
    make_draft(lead, edited(REWORDED))
    fields = sent(client.get(url).content.decode())
    client.force_login(make_member(lead.project, role).user)
    assert client.post(url, fields).status_code == 403
    client.force_login(make_member(make_project(), Role.LEAD).user)
    assert client.post(url, fields).status_code == 404
    assert published_guideline(lead.project).number == 1
