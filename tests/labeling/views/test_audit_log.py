"""The lead's page of the audit log."""

import ast
import html
import importlib
import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.actions.audit_log import record
from labeling.actions.gold import Source, draw_gold
from labeling.actions.jobs import enqueue_job
from labeling.actions.members import pause_member
from labeling.actions.projects import configure_project
from labeling.models import GoldPair, Job, Membership, Project, Role, Split
from labeling.views import audit_log
from labeling.views.audit_log import DEEDS
from tests.labeling.acting import judge_all, make_members
from tests.labeling.actions.test_adjudication import rule
from tests.labeling.relabeling import STRICT, bring, edited, make_draft
from tests.making import make_member, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db

ACTIONS = Path(audit_log.__file__).parent.parent / "actions"


@pytest.fixture
def lead(client: Client) -> Membership:
    member = make_member(make_project(overlap=2, max_overlap=2, loop_enabled=False), Role.LEAD)
    client.force_login(member.user)
    return member


def url_of(project: Project, name: str = "audit-log", *args: object) -> str:
    return reverse(name, args=[project.slug, *args])


def rows_of(client: Client, project: Project, query: str = "") -> list[list[str]]:
    """Return what the page's rows say, cell by cell."""
    answer = client.get(url_of(project) + query)
    assert answer.status_code == 200
    body = answer.content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.S)
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S) for row in rows]
    return [[" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in row] for row in cells]


def recorded_verbs() -> set[str]:
    """Return every verb that an action records, written out or by the name of a constant."""
    found = set()
    for path in ACTIONS.glob("*.py"):
        module = importlib.import_module(f"labeling.actions.{path.stem}")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "record":
                parts = list(ast.walk(node.args[2]))
                found |= {one.value for one in parts if isinstance(one, ast.Constant)}
                found |= {getattr(module, one.id, None) for one in parts if isinstance(one, ast.Name)}
    return {verb for verb in found if isinstance(verb, str)}


def test_every_deed_on_record_has_words_and_a_page() -> None:
    assert recorded_verbs() == set(DEEDS)
    assert len({says for says, _ in DEEDS.values()}) == len(DEEDS)


def test_log_says_who_did_what_to_what_with_the_newest_first(client: Client, lead: Membership) -> None:
    project = lead.project
    other = make_member(project)
    pause_member(project, other.user, "See me first", lead.user)
    configure_project(project, {"name": "Garden"}, lead.user)
    record(project, None, "adapter.prune", "A-1", kept=3)
    rows = rows_of(client, project)
    assert [row[1:] for row in rows[:3]] == [
        ["Winnow itself", "Removed an adapter's files", "A-1", "kept: 3"],
        [lead.user.username, "Changed the settings", project.slug, rows[1][4]],
        [lead.user.username, "Paused somebody", other.user.username, "because: See me first"],
    ]
    assert "Garden" in rows[1][4]


def test_subjects_lead_to_their_pages(client: Client, lead: Membership) -> None:
    project = lead.project
    pairs = [make_pair_of(project, Split.TRAIN) for _ in range(2)]
    make_round(project, pairs)
    members = make_members(project, 2)
    judge_all(members, {pairs[0]: "ES", pairs[1]: "EE"})
    rule(project, pairs[0], "S", lead)
    pause_member(project, members[0].user, "See me first", lead.user)
    job = enqueue_job(project, Job.Kind.SELECT, lead.user)
    assert job is not None
    draw_gold(project, Source.SETTLED, 1, GoldPair.Use.CHECK, seed=1, actor=lead.user)
    bring(lead, edited(STRICT))
    make_draft(lead, edited(STRICT))
    page = client.get(url_of(project)).content.decode()
    for name, *args in (
        ("adjudicate", pairs[0].pk),
        ("person", members[0].pk),
        ("job", job.pk),
        ("gold",),
        ("guideline-version", 2),
        ("draft",),
        ("rounds",),
        ("relabeling",),
    ):
        address = url_of(project, name, *args)
        assert f'href="{address}"' in page, name
        assert client.get(address).status_code == 200, name


def test_subject_without_a_page_is_named_and_no_link(client: Client, lead: Membership) -> None:
    record(lead.project, lead.user, "guideline.discard", 9, title="Never published")
    record(lead.project, lead.user, "member.role", "who-has-left")
    record(lead.project, lead.user, "later.deed", "of a newer Winnow")
    newest, role, discarded = rows_of(client, lead.project)[:3]
    assert newest[2:] == ["later.deed", "of a newer Winnow", ""]
    assert role[3] == "who-has-left"
    assert discarded[3] == "9"
    cells = client.get(url_of(lead.project)).content.decode().partition("<tbody>")[2]
    assert "/guideline/9/" not in cells


def test_log_is_filtered_by_deed_and_person(client: Client, lead: Membership) -> None:
    project, other = lead.project, make_member(lead.project, Role.LEAD)
    for actor in (lead.user, other.user, None):
        for verb in ("gold.draw", "gold.retire"):
            record(project, actor, verb, "pair 1")
    assert {row[2] for row in rows_of(client, project, "?did=gold.draw")} == {"Drew gold pairs"}
    assert len(rows_of(client, project, "?did=gold.draw")) == 3
    assert {row[1] for row in rows_of(client, project, f"?by={other.user_id}")} == {other.user.username}
    assert [row[1:3] for row in rows_of(client, project, "?by=0&did=gold.retire")] == [
        ["Winnow itself", "Retired a gold pair"]
    ]
    assert rows_of(client, project, f"?by={other.user_id}&did=job.start") == []
    assert "Nothing of that kind is on record" in client.get(url_of(project) + "?did=job.start").content.decode()


def test_what_the_log_does_not_have_is_refused_in_words(client: Client, lead: Membership) -> None:
    stranger = make_member(make_project())
    for query in ("?did=nonsense", f"?by={stranger.user_id}", "?before=x", "?after=-1"):
        answer = client.get(url_of(lead.project) + query)
        assert answer.status_code == 400, query
        assert "asks for something that the log does not have" in answer.content.decode()


def test_log_is_paged_by_key_both_ways(client: Client, lead: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "SHOWN", 3)
    for number in range(8):
        record(lead.project, lead.user, "gold.draw", f"draw {number}")
    query, seen = "?did=gold.draw", []
    while query:
        page = client.get(url_of(lead.project) + query).content.decode()
        seen.append([row[3] for row in rows_of(client, lead.project, query)])
        record(lead.project, lead.user, "gold.draw", "meanwhile")  # moves nothing on the older pages
        found = re.search(r'rel="next" href="([^"]+)"', page)
        query = found[1].replace("&amp;", "&") if found else ""
        last = page
    assert seen == [["draw 7", "draw 6", "draw 5"], ["draw 4", "draw 3", "draw 2"], ["draw 1", "draw 0"]]
    back = re.search(r'rel="prev" href="([^"]+)"', last)
    assert back is not None
    assert [row[3] for row in rows_of(client, lead.project, back[1].replace("&amp;", "&"))] == seen[1]
    assert "did=gold.draw" in back[1]


def test_long_details_are_folded_and_escaped(client: Client, lead: Membership) -> None:
    record(lead.project, lead.user, "pair.rule", "pair 1", why="<b>because</b> " * 30, label=None)
    page = client.get(url_of(lead.project)).content.decode()
    assert "<b>because" not in page
    assert "<details" in page.partition("<tbody>")[2].partition("</tr>")[0]
    assert "label:" not in page  # there is none


def test_log_of_another_project_is_not_shown_and_is_for_leads_only(client: Client, lead: Membership) -> None:
    record(make_project(), lead.user, "gold.draw", "of another project")
    assert "of another project" not in client.get(url_of(lead.project)).content.decode()
    for role in (Role.ANNOTATOR, Role.AUDITOR):
        client.force_login(make_member(lead.project, role).user)
        assert client.get(url_of(lead.project)).status_code == 403
    client.force_login(make_member(make_project(), Role.LEAD).user)
    assert client.get(url_of(lead.project)).status_code == 404


def test_page_costs_the_same_queries_whatever_there_is(
    client: Client, lead: Membership, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for size in (2, 30):
        for member in make_members(lead.project, size):
            pause_member(lead.project, member.user, "See me first", member.user)
            record(lead.project, member.user, "guideline.save", 1)
        with django_assert_max_num_queries(7):
            client.get(url_of(lead.project))
