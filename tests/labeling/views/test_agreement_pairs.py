"""The lead's page of the pairs behind a number."""

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.models import Judgment, Membership, Project, Role
from labeling.queries.agreement_pairs import Behind, compared_in, comparisons_behind
from labeling.queries.projects import labels_of
from labeling.views import agreement_pairs
from labeling.views.behind import in_words, pairs_url
from tests.labeling.acting import judge_all, make_members
from tests.labeling.judged import judged_project
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(client: Client) -> Membership:
    """A lead of a project with three pairs: E and S, E and E, C and I."""
    project = make_project(overlap=2, max_overlap=2)
    pairs = [make_pair(project, text, f"The {text}") for text in ("red mug", "lamp", "=rope")]
    make_round(project, pairs)
    judge_all(make_members(project, 2), dict(zip(pairs, ("ES", "EE", "CI"), strict=True)))
    member = make_member(project, Role.LEAD)
    client.force_login(member.user)
    return member


def get(client: Client, project: Project, **behind: Any) -> str:
    answer = client.get(pairs_url(project, **behind))
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def words(html: str) -> str:
    return " ".join(html.split())


def test_page_shows_the_pairs_with_both_walks_and_where_they_part(client: Client, lead: Membership) -> None:
    page = get(client, lead.project, differ=True)
    assert "red mug" in page
    assert "=rope" in page
    assert "lamp" not in page
    assert page.count("Here the answers part") == 4
    assert "There are 2 such pairs." in words(page)
    for judgment in Judgment.objects.filter(project=lead.project, pair__query__text="red mug"):
        assert judgment.annotator.get_username() in page


def test_page_says_in_words_what_is_shown(client: Client, lead: Membership) -> None:
    project = lead.project
    one, other = sorted({row.annotator_id for row in Judgment.objects.filter(project=project)})
    people = dict(project.memberships.values_list("user", "user__username"))

    def said(**behind: Any) -> list[str]:
        return in_words(project, Behind(**behind), people)

    assert said() == []
    assert said(person=one) == [f"one by {people[one]}"]
    assert said(person=one, beside=other) == [f"by {people[one]} and {people[other]}"]
    assert said(person=one, lately=True)[1] == "which is among their newest 200"
    assert said(repeat=True, person=one)[1] == f"by {people[one]}"
    assert said(question="type", differ=True) == [
        "both met the question “Is this the type of product asked for?”",
        "answered differently",
    ]
    assert said(question="type", answers=("yes", "no"))[1] == "one answered “Yes”, the other “No, another type”"
    assert said(question="type", answers=("yes", "yes"))[1] == "both answered “Yes”"
    assert said(labels=("E", "S")) == ["one said Exact, the other Substitute"]
    assert said(label="E", differ=True) == ["one said Exact, the other did not"]
    assert said(label="E") == ["at least one said Exact"]
    assert said(differ=False) == ["with the same label"]
    assert said(slice="attribute:category", value="Mugs") == ["category: Mugs"]
    assert said(slice="length", value="2-3") == ["words in the query: 2-3"]
    assert said(version=1, month=12 * 2025 + 2, stream="active") == [
        "both of the active stream",
        "both under version 1 of the guideline",
        "both in March 2025",
    ]
    assert words("Two judgments of one pair, one said Exact, the other Substitute.") in words(
        get(client, project, labels=("E", "S"))
    )


def test_address_leads_to_the_pairs_of_every_filter(client: Client) -> None:
    project, people = judged_project(150)
    member = make_member(project, Role.LEAD)
    client.force_login(member.user)
    for behind in (
        {"question": "fit", "answers": ("yes", "no")},
        {"question": "kind", "differ": False, "version": 2},
        {"person": people[0].pk, "beside": people[1].pk},
        {"label": "E", "month": 12 * 2025 + 9},
        {"labels": ("E", "S"), "stream": "random"},
        {"slice": "attribute:shelf", "value": "Mice"},
        {"repeat": True, "person": people[0].pk},
        {"person": people[0].pk, "lately": False, "differ": True},
    ):
        page = get(client, project, **behind)
        expected = comparisons_behind(project, Behind(**behind)).rows.values("pair").distinct().count()
        assert expected > 0
        assert page.count("<article") == min(expected, agreement_pairs.SHOWN)


def test_pages_follow_one_another_and_lead_back(
    client: Client, lead: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement_pairs, "SHOWN", 1)
    texts = ["red mug", "lamp", "=rope"]
    address, shown = pairs_url(lead.project), []
    while address:
        answer = client.get(address)
        shown += [row["pair"].query.text for row in answer.context["rows"]]
        address = answer.context["later"] and pairs_url(lead.project) + answer.context["later"]
    assert shown == texts
    before = client.get(pairs_url(lead.project) + answer.context["earlier"])
    assert [row["pair"].query.text for row in before.context["rows"]] == ["lamp"]
    assert before.context["earlier"]
    first = client.get(pairs_url(lead.project) + before.context["earlier"])
    assert [row["pair"].query.text for row in first.context["rows"]] == ["red mug"]
    assert (first.context["earlier"], bool(first.context["later"])) == ("", True)
    beyond = client.get(pairs_url(lead.project) + f"?after={10**9}")
    assert "The list ends before this place" in beyond.content.decode()


def test_number_is_counted_on_request(client: Client, lead: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement_pairs, "SHOWN", 1)
    page = words(get(client, lead.project))
    assert "There are more than these." in page
    assert 'hx-get="?count=1"' in page
    counted = client.get(pairs_url(lead.project) + "?count=1", headers={"HX-Request": "true"}).content.decode()
    assert words(counted) == "<span>There are 3 such pairs.</span>"
    assert "There are 3 such pairs." in words(client.get(pairs_url(lead.project) + "?count=1").content.decode())


def test_page_without_pairs_says_so(client: Client, lead: Membership) -> None:
    page = get(client, lead.project, labels=("S", "C"))
    assert "No such pairs" in page
    assert "There are 0 such pairs." in words(page)
    assert "Download" not in page


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("question=colour", "question: "),
        ("answers=yes,no", "answers: this needs a question, too."),
        ("question=type&answers=yes,maybe", "answers: expected two of no, yes"),
        ("label=X", "label: "),
        ("labels=E", "labels: expected two of C, E, I, S"),
        ("person=999999", "person: nobody takes part here under that number."),
        ("with=1", "with: this needs a person, too."),
        ("version=9", "version: "),
        ("month=March", "month: "),
        ("stream=gold", "stream: "),
        ("value=us", "value: this needs a slice, too."),
        ("slice=colour&value=red", "There is no slice"),
        ("after=x", "after: "),
    ],
)
def test_address_that_makes_no_sense_is_told_so(client: Client, lead: Membership, query: str, problem: str) -> None:
    answer = client.get(f"{pairs_url(lead.project)}?{query}")
    assert answer.status_code == 400
    assert problem in answer.context["problem"]
    assert "Show all pairs" in answer.content.decode()


def test_csv_has_every_compared_judgment(client: Client, lead: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement_pairs, "EXPORTED", 1)
    answer = client.get(pairs_url(lead.project, differ=True) + "&as=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert f"{lead.project.slug}-pairs.csv" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [(row["query"], row["label"]) for row in rows] == [
        ("red mug", "E"),
        ("red mug", "S"),
        ("'=rope", "C"),
        ("'=rope", "I"),
    ]
    assert {row["parted_at"] for row in rows} == {"conflict", "together"}
    assert rows[0]["person"] in {row.annotator.get_username() for row in Judgment.objects.all()}


def test_judged_text_is_shown_and_not_a_later_one(client: Client, lead: Membership) -> None:
    pair = lead.project.pairs.get(query__text="red mug")
    product = pair.product
    assert product.revision is not None
    product.revision.pk, product.revision.number, product.revision.title = None, 2, "A later text"
    product.revision.save()
    product.save()
    page = get(client, lead.project, differ=True)
    assert "A later text" not in page


def test_page_costs_the_same_queries_at_two_sizes(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for size in (12, 60):
        project, _ = judged_project(size)
        client.force_login(make_member(project, Role.LEAD).user)
        with django_assert_max_num_queries(14):
            page = get(client, project, question="fit", differ=True)
        ids = list(project.pairs.values_list("pk", flat=True))
        found = compared_in(comparisons_behind(project, Behind(question="fit", differ=True)), ids)
        assert page.count("<article") == min(sum(map(bool, found.values())), agreement_pairs.SHOWN) > 0


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.AUDITOR])
def test_only_leads_see_it(client: Client, role: Role) -> None:
    member = make_member(make_project(), role)
    client.force_login(member.user)
    assert client.get(reverse("agreement-pairs", args=[member.project.slug])).status_code == 403
    assert client.get(reverse("agreement-pairs", args=[make_project().slug])).status_code == 404


def test_labels_stand_with_their_marks(client: Client, lead: Membership) -> None:
    page = get(client, lead.project, differ=True)
    for label in labels_of(lead.project):
        assert page.count(f"<span>{label.name}</span>") >= 1, label
