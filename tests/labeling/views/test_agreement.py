"""The agreement page: its numbers are modeling's, its words the guideline's, and each number leads to its pairs."""

import csv
import datetime as dt
import html
import io
import math
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.actions import agreement
from labeling.actions.agreement import measure_agreement
from labeling.actions.guidelines import publish_guideline
from labeling.models import AgreementReport, AuditLogEntry, Job, Membership, PairAttribute, Project, Role
from labeling.queries.projects import published_guideline
from labeling.views.agreement import verdict
from tests.labeling.acting import judge_all, make_members
from tests.labeling.judged import modeled
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

TABLES = (
    *("measures", "questions", "collisions", "question-versions", "question-changes", "labels", "months"),
    *("versions", "people", "people-pairs", "slices"),
)
CHARTS = ("questions", "months", "versions")
# Of 40 pairs two people agree on 26; where they part it is at "conflict" twelve times, and twice at "type".
SAID = ["EE"] * 20 + ["CC"] * 3 + ["II"] * 3 + ["ES"] * 12 + ["EI"] * 2


def make_judged(client: Client, said: list[str] = SAID, **settings: object) -> tuple[Project, list[Membership]]:
    """Make a project with two people's judgments, and sign its lead in."""
    project = make_project(overlap=2, max_overlap=2, loop_enabled=False, **settings)
    pairs = [
        make_pair(project, f"query {number // 2}", locale="es" if number % 3 else "us") for number in range(len(said))
    ]
    make_round(project, pairs)
    members = make_members(project, 2)
    judge_all(members, dict(zip(pairs, said, strict=True)))
    client.force_login(make_member(project, Role.LEAD).user)
    return project, members


def get(client: Client, project: Project) -> str:
    return client.get(reverse("agreement", args=[project.slug])).content.decode()


def rows_of(client: Client, project: Project, table: str) -> list[dict[str, str]]:
    """Return a table as its file has it."""
    response = client.get(reverse("agreement-csv", args=[project.slug, table]))
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def same(shown: dict[str, str], name: str, expected: Any) -> bool:
    """Say whether an exported estimate is modeling's."""
    parts = {"": expected.value, " low": expected.low, " high": expected.high}
    found = {end: next(value for key, value in shown.items() if key.split(" (")[0] == name + end) for end in parts}
    return all(
        found[end] == "" if math.isnan(value) else float(found[end]) == pytest.approx(value, abs=1e-6)
        for end, value in parts.items()
    )


def test_numbers_in_the_files_are_modelings(client: Client) -> None:
    project, [one, other] = make_judged(client)
    assert client.get(reverse("agreement", args=[project.slug])).status_code == 200
    report = modeled(project, draws=agreement.DRAWS, seed=agreement.SEED)
    measures = rows_of(client, project, "measures")
    for row, name in zip(measures, vars(report.overall), strict=True):
        assert same(row, "value", getattr(report.overall, name))
    raw = next(row for row in measures if row["measure"] == "Raw agreement")
    assert float(raw["value"]) == pytest.approx(26 / 40, abs=1e-6)
    questions = {question.question: question for question in report.questions}
    for row in rows_of(client, project, "questions"):
        question = questions.pop(row["question"])
        assert same(row, "answered alike", question.agreement)
        assert int(row["both reached it (pairs of judgments)"]) == question.both
    assert not questions
    for row, label in zip(rows_of(client, project, "labels"), report.labels, strict=True):
        assert row["key"] == "ESCI"[label.label]
        assert same(row, "raw agreement", label.raw)
        assert same(row, "Krippendorff's alpha", label.alpha)
    names = {one.user_id: one.user.username, other.user_id: other.user.username}
    for row, person in zip(rows_of(client, project, "people"), report.persons, strict=True):
        assert row["person"] == names[person.person]
        assert same(row, "agreement with the others", person.agreement)
    [both] = rows_of(client, project, "people-pairs")
    assert same(both, "Cohen's kappa", report.person_pairs[0].kappa)
    parts = {(name, part.value): part for name, found in report.slices.items() for part in found}
    sliced = rows_of(client, project, "slices")
    assert {row["slice"] for row in sliced} == {"locale"}
    assert all(same(row, "raw agreement", parts["locale", row["value"]].raw) for row in sliced)
    [month] = rows_of(client, project, "months")
    assert same(month, "raw agreement", report.months[0].raw)
    [version] = rows_of(client, project, "versions")
    assert same(version, "Krippendorff's alpha", report.versions[0].alpha)


def test_page_shows_the_numbers_with_interval_and_goal(client: Client) -> None:
    project, _ = make_judged(client)
    page = get(client, project)
    raw = modeled(project, draws=agreement.DRAWS, seed=agreement.SEED).overall.raw
    assert f">{raw.value:.2f}</a>" in page
    assert f"{raw.low:.2f} to {raw.high:.2f}" in page
    assert "40 pairs" in page
    assert "Below the goal of 0.90, and surely so" in page


def test_page_names_the_worst_question_in_words_of_the_tree(client: Client) -> None:
    project, _ = make_judged(client)
    page = get(client, project)
    worst = page.partition("This question parts people")[2].partition("</div>")[0]
    assert "Does anything the query states contradict this product?" in worst
    assert "“Yes, something contradicts” against “No contradiction”" in worst
    assert "conflict" in worst


def test_colliding_answers_are_counted(client: Client) -> None:
    project, _ = make_judged(client)
    measure_agreement(project)
    rows = rows_of(client, project, "collisions")
    counts = {row["question"]: int(row["how often (pairs of judgments)"]) for row in rows}
    assert counts == {"conflict": 12, "type": 2}
    assert {row["one said"] for row in rows if row["question"] == "type"} | {
        row["the other said"] for row in rows if row["question"] == "type"
    } == {"Yes", "No, another type"}


def test_every_number_leads_to_the_pairs_behind_it(client: Client) -> None:
    project, _ = make_judged(client)
    page = get(client, project)
    pairs = reverse("agreement-pairs", args=[project.slug])
    links = {html.unescape(link) for link in re.findall(rf'href="({pairs}[^"]*)"', page)}
    assert len(links) > 30
    assert {client.get(link).status_code for link in links} == {200}
    apart = next(link for link in links if "question=conflict" in link and "answers" in link)
    counted = client.get(pairs, {"count": "1"} | dict(parse_qsl(apart.partition("?")[2]))).context["counted"]
    assert (counted.pairs, counted.comparisons) == (12, 12)


def test_words_of_a_question_that_is_gone_are_those_of_its_last_version(client: Client) -> None:
    project, _ = make_judged(client)
    source = published_guideline(project).source
    publish_guideline(project, source.replace("conflict", "clash"), None)
    measure_agreement(project)
    asks = {row["question"]: row["asks"] for row in rows_of(client, project, "questions")}
    assert asks["conflict"] == "Does anything the query states contradict this product?"
    collisions = rows_of(client, project, "collisions")
    assert {row["one said"] for row in collisions if row["question"] == "conflict"} <= {
        "Yes, something contradicts",
        "No contradiction",
    }


@pytest.mark.parametrize("count", [0, 1, 19])
def test_page_says_how_many_pairs_are_missing(client: Client, count: int) -> None:
    project, _ = make_judged(client, SAID[:count])
    page = get(client, project)
    missing = 20 - count
    assert f"Not enough yet: {missing} more pair{'s' if missing > 1 else ''}<" in page
    assert "surely" not in page.partition("At which question")[0]
    assert "None" not in page


def test_page_tells_when_it_was_measured_and_what_came_since(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "SMALL", 5)
    project, members = make_judged(client)
    report = measure_agreement(project)
    make_round(project, [make_pair(project) for _ in range(3)])
    judge_all(members[:1], dict.fromkeys(project.pairs.order_by("-pk")[:3], "E"))
    page = get(client, project)
    assert "80 judgments of 2 people. 3 more since." in " ".join(page.split())
    assert AgreementReport.objects.get(project=project).computed_at == report.computed_at


def test_page_of_a_large_project_offers_to_measure(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "SMALL", 5)
    project, _ = make_judged(client)
    page = get(client, project)
    assert "Measure now" in page
    assert not AgreementReport.objects.filter(project=project).exists()
    overview = client.get(reverse("project", args=[project.slug])).content.decode()
    assert "Not measured yet" in overview


def test_bring_up_to_date_starts_one_job_and_shows_it(client: Client) -> None:
    project, _ = make_judged(client)
    url = reverse("agreement", args=[project.slug])
    assert client.post(url).headers["Location"] == url
    [job] = project.jobs.filter(kind=Job.Kind.MEASURE)
    assert "being measured already" in client.post(url, follow=True).content.decode()
    assert project.jobs.filter(kind=Job.Kind.MEASURE).count() == 1
    assert AuditLogEntry.objects.filter(project=project, verb="job.start").count() == 1
    polled = client.get(url, headers={"HX-Request": "true"})
    assert polled.content.decode().lstrip().startswith('<div class="current"')
    assert "HX-Refresh" not in polled.headers
    assert 'hx-trigger="every 2s"' in polled.content.decode()
    Job.objects.filter(pk=job.pk).update(state="done", finished_at=dt.datetime.now(dt.UTC))
    assert client.get(url, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    assert "Bring up to date" in get(client, project)


def test_page_says_why_the_last_measurement_failed(client: Client) -> None:
    project, _ = make_judged(client)
    ended = dt.datetime.now(dt.UTC)
    Job.objects.create(
        project=project, kind="measure", state="failed", message="pair 7 has two queries", finished_at=ended
    )
    assert "The last measurement failed: pair 7 has two queries" in get(client, project)


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.AUDITOR])
def test_only_leads_see_agreement(client: Client, role: Role) -> None:
    project, _ = make_judged(client)
    measure_agreement(project)
    client.force_login(make_member(project, role).user)
    addresses = [
        reverse("agreement", args=[project.slug]),
        *(reverse("agreement-csv", args=[project.slug, table]) for table in TABLES),
        *(reverse("agreement-chart", args=[project.slug, chart]) for chart in CHARTS),
    ]
    assert {client.get(address).status_code for address in addresses} == {403}
    assert client.post(addresses[0]).status_code == 403
    assert not project.jobs.exists()


def test_lead_of_another_project_finds_nothing(client: Client) -> None:
    project, _ = make_judged(client)
    measure_agreement(project)
    client.force_login(make_member(make_project(), Role.LEAD).user)
    assert client.get(reverse("agreement", args=[project.slug])).status_code == 404
    assert client.get(reverse("agreement-csv", args=[project.slug, "people"])).status_code == 404


def test_files_and_charts_that_there_are_not_are_not_found(client: Client) -> None:
    project, _ = make_judged(client)
    assert client.get(reverse("agreement-csv", args=[project.slug, "people"])).status_code == 404  # not measured yet
    measure_agreement(project)
    assert client.get(reverse("agreement-csv", args=[project.slug, "secrets"])).status_code == 404
    assert client.get(reverse("agreement-chart", args=[project.slug, "secrets"])).status_code == 404


def test_every_table_has_its_file_and_every_file_its_link(client: Client) -> None:
    project, _ = make_judged(client)
    page = get(client, project)
    for table in TABLES:
        address = reverse("agreement-csv", args=[project.slug, table])
        assert client.get(address)["Content-Disposition"].startswith(
            f'attachment; filename="{project.slug}-agreement-{table}'
        )
        shown = table not in ("question-changes",)  # there is one version only
        assert (f'href="{address}"' in page) == shown, table


@pytest.mark.parametrize("chart", CHARTS)
def test_charts_are_drawn_in_light_and_dark_and_empty(client: Client, chart: str) -> None:
    project, _ = make_judged(client)
    measure_agreement(project)
    url = reverse("agreement-chart", args=[project.slug, chart])
    light, dark = (client.get(url, {"theme": theme}).content.decode() for theme in ("light", "dark"))
    assert light.startswith("<svg")
    assert light != dark
    assert "0.90" in light
    empty = make_project()
    measure_agreement(empty)
    client.force_login(make_member(empty, Role.LEAD).user)
    assert client.get(reverse("agreement-chart", args=[empty.slug, chart])).content.decode().startswith("<svg")


def test_chart_of_questions_marks_what_is_surely_below_the_goal(client: Client) -> None:
    project, _ = make_judged(client)
    measure_agreement(project)
    url = reverse("agreement-chart", args=[project.slug, "questions"])
    assert "#d55e00" in client.get(url).content.decode()
    Project.objects.filter(pk=project.pk).update(agreement_goal=0.3)
    assert "#d55e00" not in client.get(url).content.decode()


def test_months_versions_and_what_changed_are_told_apart(client: Client) -> None:
    project, members = make_judged(client)
    publish_guideline(project, published_guideline(project).source, None)
    pairs = [make_pair(project) for _ in range(20)]
    make_round(project, pairs)
    judge_all(members, dict.fromkeys(pairs, "EE"))
    page = get(client, project)
    versions = rows_of(client, project, "versions")
    assert [(row["guideline version"], float(row["raw agreement (share)"])) for row in versions] == [
        ("1", pytest.approx(26 / 40, abs=1e-6)),
        ("2", 1.0),
    ]
    changes = {row["question"]: row for row in rows_of(client, project, "question-changes")}
    assert float(changes["conflict"]["change (difference of shares)"]) > 0.2
    assert "What each version changed at a question" in page


def test_imported_attributes_are_slices_by_their_name(client: Client) -> None:
    project, _ = make_judged(client)
    for number, pair in enumerate(project.pairs.all()):
        PairAttribute.objects.create(pair=pair, name="product_category", value="=Garden" if number % 2 else "Kitchen")
    page = get(client, project)
    assert "Product category" in page
    values = {
        row["value"] for row in rows_of(client, project, "slices") if row["slice"] == "attribute:product_category"
    }
    assert values == {"'=Garden", "Kitchen"}


def test_page_costs_the_same_queries_whatever_there_is(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project, members = make_judged(client)
    url = reverse("agreement", args=[project.slug])
    client.get(url)
    with django_assert_max_num_queries(14):
        client.get(url)
    pairs = [make_pair(project, locale="jp") for _ in range(30)]
    make_round(project, pairs)
    judge_all(members, dict.fromkeys(pairs, "EC"))
    client.get(url)
    with django_assert_max_num_queries(14):
        client.get(url)


def test_people_pairs_beyond_the_first_are_in_the_file(client: Client) -> None:
    project = make_project(overlap=8, max_overlap=8)
    pair = make_pair(project)
    make_round(project, [pair])
    judge_all(make_members(project, 8), {pair: "ESECEIES"})
    client.force_login(make_member(project, Role.LEAD).user)
    page = get(client, project)
    assert "8 more rows are in the file." in page
    assert "All 28 as CSV" in page
    assert len(rows_of(client, project, "people-pairs")) == 28


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.7, 0.89, "Below the goal"),
        (0.91, 0.95, "is reached"),
        (0.85, 0.93, "lies within"),
        (None, None, "lies within"),
    ],
)
def test_verdict_says_what_the_interval_says(low: float | None, high: float | None, words: str) -> None:
    assert words in verdict({"value": 0.9, "low": low, "high": high, "n": 50}, 0.9)


def test_overview_names_the_worst_question_where_it_is_surely_below(client: Client) -> None:
    project, _ = make_judged(client)
    overview = client.get(reverse("project", args=[project.slug])).content.decode()
    assert "Question “conflict” parts people: 0.6" in overview
    Project.objects.filter(pk=project.pk).update(agreement_goal=0.3)
    overview = client.get(reverse("project", args=[project.slug])).content.decode()
    assert "parts people" not in overview
