"""The lead's pages: what they show when there is nothing and when there is something, and what they cost."""

import html

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.actions.agreement import measure_agreement
from labeling.models import AuditLogEntry, Project, Role
from tests.labeling.judging import judge_all
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

LEADS_PAGES = (
    "project",
    "agreement",
    "rounds",
    "guideline",
    "people",
    "adapters",
    "audits",
    "jobs",
    "data",
    "settings",
    "work",
)


def lead_of(client: Client, **settings: object) -> Project:
    project = make_project(**settings)
    client.force_login(make_member(project, Role.LEAD).user)
    return project


@pytest.mark.parametrize("page", LEADS_PAGES)
def test_page_of_an_empty_project_says_what_to_do(client: Client, page: str) -> None:
    project = lead_of(client)
    answer = client.get(reverse(page, args=[project.slug]))
    assert answer.status_code == 200
    assert "None" not in answer.content.decode()


@pytest.mark.parametrize("page", LEADS_PAGES)
def test_page_costs_the_same_queries_at_two_sizes(
    client: Client, page: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    budgets = {"project": 32, "agreement": 14, "audits": 8, "rounds": 14}
    project = lead_of(client, overlap=2)
    url = reverse(page, args=[project.slug])
    for size in (2, 12):
        make_round(project, [make_pair(project) for _ in range(size)])
        for label in ("E", "S"):
            judge_all(project, make_member(project), PATHS[label])
        measure_agreement(project)  # which is kept until something changes
        with django_assert_max_num_queries(budgets.get(page, 12)):
            assert client.get(url).status_code == 200


def test_overview_shows_agreement_as_judgments_come(client: Client) -> None:
    project = lead_of(client, overlap=2)
    url = reverse("project", args=[project.slug])
    assert "Not enough yet: 20 more pairs" in client.get(url).content.decode()
    make_round(project, [make_pair(project) for _ in range(20)])
    first, second = make_member(project), make_member(project)
    judge_all(project, first, PATHS["E"])
    judge_all(project, second, PATHS["E"], then=PATHS["I"], after=15)
    standing = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert standing.lstrip().startswith("<section")
    assert "0.75" in standing


def test_rounds_page_lists_disputed_pairs_with_both_labels(client: Client) -> None:
    project = lead_of(client, overlap=2, max_overlap=2)
    make_round(project, [make_pair(project, query_text="walking boots")])
    judge_all(project, make_member(project), PATHS["E"])
    judge_all(project, make_member(project), PATHS["I"])
    page = client.get(reverse("rounds", args=[project.slug])).content.decode()
    assert "walking boots" in page
    assert "Exact" in page
    assert "Irrelevant" in page
    assert "1 pair on which people cannot agree" in client.get(reverse("project", args=[project.slug])).content.decode()


def test_settings_are_saved_and_logged(client: Client) -> None:
    project = lead_of(client)
    url = reverse("settings", args=[project.slug])
    form = client.get(url).context["form"]
    values = {name: form[name].value() for name in form.fields} | {"batch_size": "77", "judge_spec": "{}"}
    values = {name: value for name, value in values.items() if value is not None and value is not False}
    reply = client.post(url, values)
    assert reply.status_code == 302, reply.context["form"].errors
    project.refresh_from_db()
    assert project.batch_size == 77
    entry = AuditLogEntry.objects.filter(project=project, verb="project.configure").latest("id")
    assert entry.data["changed"] == {"batch_size": [500, 77]}


def test_settings_that_make_no_sense_are_refused_in_words(client: Client) -> None:
    project = lead_of(client)
    url = reverse("settings", args=[project.slug])
    form = client.get(url).context["form"]
    values = {name: form[name].value() for name in form.fields} | {"random_share": "0", "judge_spec": "{}"}
    values = {name: value for name, value in values.items() if value is not None and value is not False}
    answer = client.post(url, values)
    assert answer.status_code == 400
    assert "must be above 0 and at most 1" in answer.content.decode()
    project.refresh_from_db()
    assert project.random_share == 0.5


def test_settings_name_every_error_with_a_link_to_its_field(client: Client) -> None:
    project = lead_of(client)
    url, values = settings_of(client, project, batch_size="", agreement_goal="7", judge_spec="{", name="Other")
    answer = client.post(url, values)
    assert answer.status_code == 400
    top = answer.content.decode().partition('role="alert"')[2].partition("</ul>")[0]
    form = answer.context["form"]
    assert {"batch_size", "judge_spec"} <= set(form.errors)
    for name in set(form.errors) - {"__all__"}:
        assert f'<a href="#id_{name}">{form[name].label}</a>: {form.errors[name][0]}' in top
        assert f'id="id_{name}"' in answer.content.decode()
    assert (
        '<a href="#id_agreement_goal">Agreement to reach</a>: The agreement to reach is above 0 and at most 1.' in top
    )
    assert top.count("<li>") == sum(len(errors) for errors in form.errors.values())
    project.refresh_from_db()
    assert project.name != "Other"


def settings_of(client: Client, project: Project, **changes: str) -> tuple[str, dict[str, str]]:
    """Return the address of the settings and what its form sends with some changes."""
    url = reverse("settings", args=[project.slug])
    form = client.get(url).context["form"]
    values = {name: form[name].value() for name in form.fields} | {"judge_spec": "{}"} | changes
    return url, {name: value for name, value in values.items() if value is not None and value is not False}


def test_judge_is_chosen_by_name_and_differs_by_what_is_written(client: Client) -> None:
    project = lead_of(client, judge_spec={"like": "qwen3-0.6b", "epochs": 2})
    url, values = settings_of(client, project, like="minilm-cross-encoder", judge_spec='{"epochs": 5}')
    page = client.get(url)
    assert page.context["form"]["like"].value() == "qwen3-0.6b"
    assert page.context["form"]["judge_spec"].value() == '{"epochs": 2}'
    assert "completion on Qwen/" in page.content.decode()
    assert client.post(url, values).status_code == 302
    project.refresh_from_db()
    assert project.judge_spec == {"like": "minilm-cross-encoder", "epochs": 5}
    url, values = settings_of(client, project, like="")
    assert client.post(url, values).status_code == 302
    project.refresh_from_db()
    assert project.judge_spec == {}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"judge_spec": '{"epochs": 0}'}, "epochs: expected a whole number from 1 to 1000, got 0"),
        ({"judge_spec": '{"colour": "red"}'}, "colour: unknown setting of a judge"),
        ({"judge_spec": '{"like": "gpt"}'}, "like: expected one of"),
        ({"like": "gpt"}, "Select a valid choice"),
        ({"promotion_margin": "0.5"}, "The margin of promotion is at least 0 and below 0.5."),
        ({"adapters_kept": "0"}, "At least 1 adapter is kept."),
    ],
)
def test_settings_of_the_judge_that_cannot_be_used_are_refused(
    client: Client, changes: dict[str, str], says: str
) -> None:
    project = lead_of(client)
    url, values = settings_of(client, project, **changes)
    answer = client.post(url, values)
    assert answer.status_code == 400
    assert says in html.unescape(answer.content.decode())


def test_rule_of_promotion_is_a_setting(client: Client) -> None:
    project = lead_of(client)
    url, values = settings_of(client, project, promotion_rule="not_worse", promotion_margin="0.02", adapters_kept="3")
    assert client.post(url, values).status_code == 302
    project.refresh_from_db()
    assert (project.promotion_rule, project.promotion_margin, project.adapters_kept) == ("not_worse", 0.02, 3)


def test_jobs_are_started_once_and_can_be_stopped(client: Client) -> None:
    project = lead_of(client)
    url = reverse("jobs", args=[project.slug])
    client.post(url, {"kind": "train"})
    again = client.post(url, {"kind": "train"}, follow=True).content.decode()
    assert "already under way" in again
    [job] = project.jobs.all()
    assert job.params["then"] == ["score", "select"]
    client.post(reverse("cancel", args=[project.slug, job.pk]))
    job.refresh_from_db()
    assert job.state == "cancelled"
    verbs = set(AuditLogEntry.objects.filter(project=project).values_list("verb", flat=True))
    assert {"job.start", "job.cancel"} <= verbs


def test_job_of_an_unknown_kind_is_refused(client: Client) -> None:
    project = lead_of(client)
    assert client.post(reverse("jobs", args=[project.slug]), {"kind": "dance"}).status_code == 400
    assert not project.jobs.exists()


def test_work_lists_ones_own_judgments_and_searches_them(client: Client) -> None:
    project = make_project(overlap=1)
    make_round(project, [make_pair(project, query_text=text) for text in ("red kettle", "blue lamp")])
    mine, other = make_member(project), make_member(project)
    judge_all(project, mine, PATHS["E"])
    url = reverse("work", args=[project.slug])
    client.force_login(mine.user)
    assert all(text in client.get(url).content.decode() for text in ("red kettle", "blue lamp"))
    found = client.get(url, {"q": "LAMP"}).content.decode()
    assert "blue lamp" in found
    assert "red kettle" not in found
    assert "Nothing found" in client.get(url, {"q": "sofa"}).content.decode()
    client.force_login(other.user)
    assert "Nothing judged yet" in client.get(url).content.decode()


def test_guideline_is_drawn_with_every_question_and_label(client: Client) -> None:
    project = lead_of(client)
    page = client.get(reverse("guideline", args=[project.slug])).content.decode()
    for question in ("need", "type", "conflict", "silent", "accept", "job", "together"):
        assert f'id="question-{question}"' in page
    for label in ("Exact", "Substitute", "Complement", "Irrelevant"):
        assert label in page


def test_home_leads_to_the_only_project(client: Client) -> None:
    project = lead_of(client)
    assert client.get("/").headers["Location"] == reverse("project", args=[project.slug])


def test_health_answers_without_signing_in(client: Client) -> None:
    assert client.get("/healthz").json() == {"ok": True}


def test_summary_is_plain_json_from_the_start(client: Client) -> None:
    project = lead_of(client)
    summary = client.get(reverse("summary", args=[project.slug])).json()
    assert summary["pairs"] == 0
    assert summary["alpha"] is None
    assert summary["adapter"] is None


def test_missing_page_helps(client: Client) -> None:
    client.force_login(make_member(make_project()).user)
    answer = client.get("/nothing/here/")
    assert answer.status_code == 404
    assert 'href="/"' in answer.content.decode()


def test_address_that_only_takes_a_form_is_explained_when_opened_as_a_page(client: Client) -> None:
    project = lead_of(client)
    answer = client.get(reverse("roll-back", args=[project.slug]))
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    page = answer.content.decode()
    assert "There is no page at this address" in page
    assert "Nothing was changed." in page
    assert 'href="/"' in page
    refused = client.post(reverse("summary", args=[project.slug]))
    assert (refused.status_code, refused.content) == (405, b"")


def test_search_takes_any_text_and_keeps_it_when_paging(client: Client) -> None:
    project = make_project(overlap=1)
    make_round(project, [make_pair(project, query_text=f"lamp {number}") for number in range(51)])
    member = make_member(project)
    judge_all(project, member, PATHS["E"])
    client.force_login(member.user)
    url = reverse("work", args=[project.slug])
    assert 'href="?q=lamp&amp;page=2"' in client.get(url, {"q": "lamp"}).content.decode()
    assert client.get(url, {"q": "\x00"}).status_code == 200


def test_audit_note_refuses_what_cannot_be_stored(client: Client) -> None:
    project = lead_of(client)
    url = reverse("audit-note", args=[project.slug])
    for fields in ({"item": "9" * 5000}, {"item": "1", "note": "a\x00b"}, {"note": "x"}):
        assert client.post(url, fields).status_code == 400
