"""The guideline's history, and the difference of two versions."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.actions.guidelines import draft_digest, publish_guideline, save_draft, start_draft
from labeling.guidelines.parse import default_source
from labeling.models import GuidelineVersion, Membership, Project, Role
from tests.making import make_member, make_project

pytestmark = pytest.mark.django_db

ASKED = "Is this the type of product asked for?"
CLEARER = "Would the shopper call it what they asked for?"
SPANISH = "¿Es del tipo de producto que se pide?"


def changed() -> str:
    source = default_source().replace(ASKED, CLEARER).replace(SPANISH, "¿Lo llamaría así el comprador?")
    return source.replace("# The default tree", "# A secret remark")


def with_history(role: Role = Role.LEAD) -> Membership:
    """Make a member of a project with two versions and a draft."""
    project = make_project()
    lead = make_member(project, Role.LEAD).user
    publish_guideline(project, changed(), lead)
    draft = start_draft(project, lead)
    save_draft(
        project, changed().replace("Is it used together", "Is it bought together"), draft_digest(draft), lead, "!?"
    )
    return make_member(project, role)


def page_of(client: Client, member: Membership, name: str, *numbers: int, status: int = 200) -> str:
    client.force_login(member.user)
    answer = client.get(reverse(name, args=[member.project.slug, *numbers]))
    assert answer.status_code == status
    return answer.content.decode()


def published(project: Project) -> GuidelineVersion:
    return project.guidelines.get(number=2)


@pytest.mark.parametrize("role", Role.values)
def test_history_names_each_version_and_the_draft_to_leads_only(client: Client, role: Role) -> None:
    member = with_history(role)
    page = page_of(client, member, "guideline")
    for number in (1, 2):
        assert f'href="{reverse("guideline-version", args=[member.project.slug, number])}"' in page
    assert str(published(member.project).published_by) in page
    assert reverse("compare", args=[member.project.slug, 1, 2]) in page
    is_lead = role == Role.LEAD
    assert (reverse("draft", args=[member.project.slug]) in page) == is_lead
    assert ("!?" in page) == is_lead
    assert "Change the guideline" not in page


def test_lead_without_a_draft_can_start_one_from_each_version(client: Client) -> None:
    member = make_member(make_project(), Role.LEAD)
    assert "Change the guideline" in page_of(client, member, "guideline")
    publish_guideline(member.project, changed(), None)
    assert "Start a draft from version 1" in page_of(client, member, "guideline-version", 1)


def test_version_is_shown_as_it_was(client: Client) -> None:
    member = with_history(Role.ANNOTATOR)
    first = page_of(client, member, "guideline-version", 1)
    assert ASKED in first
    assert CLEARER not in first
    assert "This is an earlier version. Version 2 is in use." in first
    assert "This is the version in use." in page_of(client, member, "guideline-version", 2)
    page_of(client, member, "guideline-version", 9, status=404)


def test_draft_is_no_version_to_open(client: Client) -> None:
    lead = with_history()
    page_of(client, lead, "guideline-version", 3, status=302)
    annotator = make_member(lead.project)
    page_of(client, annotator, "guideline-version", 3, status=404)
    page_of(client, annotator, "compare", 2, 3, status=404)
    assert "Is it bought together" not in page_of(client, annotator, "guideline")


def test_difference_marks_what_has_changed(client: Client) -> None:
    page = page_of(client, with_history(Role.ANNOTATOR), "compare", 1, 2)
    assert f'<del><span class="said">Gone: </span>{ASKED}</del>' in page
    assert f'<ins><span class="said">New: </span>{CLEARER}</ins>' in page
    assert "1 question differs." in page
    assert "Asks something else" in page
    # Neither the text with its remarks nor the words in other languages: those are for who writes them.
    assert "A secret remark" not in page
    assert SPANISH not in page


def test_difference_is_in_the_readers_language(client: Client) -> None:
    member = with_history(Role.ANNOTATOR)
    member.user.language = "es"
    member.user.save()
    page = page_of(client, member, "compare", 1, 2)
    assert SPANISH in page
    assert ASKED not in page


def test_lead_sees_translations_lines_and_the_draft(client: Client) -> None:
    member = with_history()
    page = page_of(client, member, "compare", 1, 2)
    assert SPANISH in page
    assert "A secret remark" in page
    draft = page_of(client, member, "compare", 2, 3)
    assert "Is it <del>" in draft
    assert "!?" in draft


def test_versions_that_say_the_same_say_so(client: Client) -> None:
    member = with_history()
    assert "Both say the same." in page_of(client, member, "compare", 1, 1)


def test_draft_with_problems_is_compared_by_its_text(client: Client) -> None:
    member = with_history()
    draft = member.project.guidelines.get(number=3)
    save_draft(member.project, "start: nowhere\n", draft_digest(draft), member.user)
    page = page_of(client, member, "compare", 2, 3)
    assert "The draft has errors" in page
    assert "start: nowhere" in page


@pytest.mark.parametrize(
    ("chosen", "leads_to"), [({"old": "1", "new": "2"}, "compare/1/2/"), ({"old": "x", "new": "2"}, ""), ({}, "")]
)
def test_choice_of_two_versions_leads_to_their_difference(
    client: Client, chosen: dict[str, str], leads_to: str
) -> None:
    member = with_history(Role.AUDITOR)
    client.force_login(member.user)
    answer = client.get(reverse("compare-choose", args=[member.project.slug]), chosen)
    assert answer.headers["Location"] == reverse("guideline", args=[member.project.slug]) + leads_to


def test_history_costs_the_same_for_many_versions(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    member = with_history()
    client.force_login(member.user)
    url = reverse("guideline", args=[member.project.slug])
    for _ in range(2):
        with django_assert_max_num_queries(10):
            assert client.get(url).status_code == 200
        for _ in range(4):
            publish_guideline(member.project, default_source(), member.user)
