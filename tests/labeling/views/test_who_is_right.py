"""The page that says who errs where, and which way to make labels is right more often."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.actions.error_models import fit_errors
from labeling.models import ErrorModel, Job, Membership, Project, Role, Split
from labeling.views.who_is_right import ENOUGH
from tests.labeling.acting import judge_all, make_members
from tests.labeling.actions.test_adjudication import rule
from tests.labeling.actions.test_error_models import judged
from tests.making import make_member, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db


def shown(client: Client, project: Project) -> str:
    answer = client.get(reverse("who-is-right", args=[project.slug]))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def lead(client: Client) -> Membership:
    project, _, _ = judged()
    member = make_member(project, Role.LEAD)
    client.force_login(member.user)
    return member


def test_page_is_for_leads(client: Client, lead: Membership) -> None:
    for role in (Role.ANNOTATOR, Role.AUDITOR):
        client.force_login(make_member(lead.project, role).user)
        address = reverse("who-is-right", args=[lead.project.slug])
        assert client.get(address).status_code == client.post(address).status_code == 403
    assert not lead.project.jobs.exists()


def test_page_of_an_empty_project_says_so(client: Client) -> None:
    project = make_project()
    client.force_login(make_member(project, Role.LEAD).user)
    page = shown(client, project)
    assert "Nothing judged yet" in page
    assert "None" not in page


def test_page_names_who_errs_at_which_label_and_question(client: Client, lead: Membership) -> None:
    project = lead.project
    lenient = project.memberships.order_by("pk")[2]
    answer = client.get(reverse("who-is-right", args=[project.slug]))
    page = answer.content.decode()
    assert answer.context["persons"][0]["person"]["name"] == lenient.user.username
    assert reverse("person", args=[project.slug, lenient.pk]) in page
    assert "36 judgments of 3 people on 12 pairs" in page
    assert f"only {ENOUGH - 6}" in page  # four of each label are too few to say
    assert "Not enough yet: 10 more" in page
    assert [row["id"] for row in answer.context["questions"]][:3] == ["need", "type", "conflict"]


def test_page_tells_a_share_with_interval_and_pairs_where_there_is_enough(client: Client, lead: Membership) -> None:
    project = lead.project
    shown(client, project)
    model = ErrorModel.objects.get(project=project)
    person = model.report["persons"][0]["person"]
    others = {"value": 0.02, "low": 0.01, "high": 0.03, "n": 900}
    errs = {"value": 0.4, "low": 0.3, "high": 0.5, "n": 90}
    other = next(int(one) for one in model.people if int(one) != person)
    model.report["questions"] = [
        {"person": person, "question": "conflict", "error": errs},
        {"person": other, "question": "conflict", "error": others},
    ]
    for row in model.report["methods"]:
        row |= {"pairs": 80, "ties": 3, "right": {"majority": others | {"n": 80}, "dawid_skene": errs | {"n": 80}}}
    ErrorModel.objects.filter(pk=model.pk).update(report=model.report)
    answer = client.get(reverse("who-is-right", args=[project.slug]))
    [row] = answer.context["questions"]
    assert [cell["person"]["name"] for cell in row["worse"]] == [
        Membership.objects.get(project=project, user=person).user.username
    ]
    assert row["share"]["value"] == pytest.approx((0.4 * 90 + 0.02 * 900) / 990)
    page = answer.content.decode()
    assert "0.40" in page
    assert "(0.30 to 0.50), 90" in page
    assert f"question=conflict&amp;person={person}&amp;differ=1" in page


def test_page_measures_anew_on_demand_once(client: Client, lead: Membership) -> None:
    address = reverse("who-is-right", args=[lead.project.slug])
    for _ in range(2):
        assert client.post(address).status_code == 302
    assert lead.project.jobs.filter(kind=Job.Kind.MEASURE).count() == 1
    assert "Measuring…" in shown(client, lead.project)


def test_page_is_up_to_date_with_rulings(client: Client, lead: Membership) -> None:
    before = client.get(reverse("who-is-right", args=[lead.project.slug])).context["methods"][0]["pairs"]
    pair = lead.project.pairs.filter(consensus__isnull=False)[0]
    rule(lead.project, pair, "S", lead)
    after = client.get(reverse("who-is-right", args=[lead.project.slug])).context["methods"][0]["pairs"]
    assert (before, after) == (0, 1)


def test_page_costs_the_same_for_many_people(
    client: Client, lead: Membership, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project, costs = lead.project, []
    for count in (3, 8):
        pairs = [make_pair_of(project, Split.TRAIN) for _ in range(4)]
        make_round(project, pairs)
        judge_all(make_members(project, count), dict.fromkeys(pairs, "E" * count))
        fit_errors(project)
        shown(client, project)
        with django_assert_max_num_queries(25) as asked:
            shown(client, project)
        costs.append(len(asked))
    assert costs[0] == costs[1]
