"""One's own work, listed."""

import datetime as dt
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.judgments import skip_pair
from labeling.models import Judgment, Membership, Role
from tests.labeling.acting import answer_for, claim, judge
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def member_with(client: Client, *queries: str) -> tuple[Membership, str]:
    project = make_project(overlap=1)
    make_round(project, [make_pair(project, text, title=f"{text} of steel") for text in queries])
    member = make_member(project)
    client.force_login(member.user)
    return member, reverse("work", args=[project.slug])


def skip(member: Membership, note: str = "") -> None:
    slot = claim(member)
    skip_pair(member.project, member.user, answer_for(slot, "", note=note), "needs_evidence")


def keep_as_surplus(judgment: Judgment, count: int = 1) -> None:
    """Write surplus judgments like this one, one a minute back in time."""
    names = ("project_id", "slot_id", "pair_id", "annotator_id", "revision_id", "guideline_id", "path", "label_id")
    same = {name: getattr(judgment, name) for name in names} | {"stream": judgment.stream, "seconds": 3.0}
    now = timezone.now()
    rows = Judgment.objects.bulk_create(
        Judgment(**same, key=uuid.uuid4(), retired_at=now, retired_as="surplus") for _ in range(count)
    )
    assert len(rows) == count


def test_work_shows_judgments_and_skips_as_what_they_are(client: Client) -> None:
    member, url = member_with(client, "red kettle", "blue lamp")
    judgment = judge(member)
    keep_as_surplus(judgment)
    skip(member, note="which <size>")
    page = client.get(url).content.decode()
    assert "red kettle of steel" in page
    assert "kept, not needed" in page
    assert page.count(">Skipped<") == 1
    assert "which &lt;size&gt;" in page
    assert page.index("blue lamp") < page.index("red kettle")
    assert page.count(f'href="{reverse("correct", args=[member.project.slug, judgment.pk])}"') == 1
    assert page.count("/judge/correct/") == 1


def test_work_is_listed_by_day_and_only_today_can_be_changed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    member, url = member_with(client, "red kettle", "blue lamp")
    judge(member)
    tomorrow = timezone.now() + dt.timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    judge(member)
    page = client.get(url).content.decode()
    assert page.count('class="day"') == 2
    assert page.count("/judge/correct/") == 1


def test_work_counts_the_same_kinds_today_and_in_all(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    member, url = member_with(client, "red kettle", "blue lamp", "green mug", "grey cup")
    judge(member)
    skip(member)
    tomorrow = timezone.now() + dt.timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    assert "0 today, 2 in all, judged and skipped." in client.get(url).content.decode()
    skip(member)
    judge(member)
    assert "2 today, 4 in all, judged and skipped." in client.get(url).content.decode()
    assert "2 today, judged and skipped; 1 found." in client.get(url, {"q": "kettle"}).content.decode()


def test_work_does_not_show_what_was_taken_back(client: Client) -> None:
    member, url = member_with(client, "red kettle")
    skip(member)
    member.project.skips.update(retired_at=timezone.now())
    assert "Nothing judged yet" in client.get(url).content.decode()


@pytest.mark.parametrize(("search", "found"), [("KETTLE", 1), ("lamp of", 1), ("size", 1), ("steel", 2), ("sofa", 0)])
def test_work_is_searched_in_query_title_and_note(client: Client, search: str, found: int) -> None:
    member, url = member_with(client, "red kettle", "blue lamp")
    judge(member)
    skip(member, note="no size")
    page = client.get(url, {"q": search}).content.decode()
    assert page.count('<th scope="row">') == found


def test_work_never_tells_the_stream(client: Client) -> None:
    member, url = member_with(client, "red kettle")
    judge(member)
    page = client.get(url).content.decode().lower()
    for word in ("random", "active", "gold", "repeat", "stream"):
        assert word not in page.split("<main")[1]


def test_work_costs_the_same_queries_with_ten_thousand_rows(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    member, url = member_with(client, "red kettle", "blue lamp")
    judgment = judge(member)
    skip(member)
    budget = 12
    with django_assert_max_num_queries(budget):
        client.get(url)
    keep_as_surplus(judgment, 10_000)
    with django_assert_max_num_queries(budget):
        page = client.get(url).content.decode()
    assert "10,002 in all" in page
    with django_assert_max_num_queries(budget):
        last = client.get(url, {"page": 201}).content.decode()
    assert last.count('<th scope="row">') == 2
    with django_assert_max_num_queries(budget):
        assert "10,001 found" in client.get(url, {"q": "kettle"}).content.decode()


def test_menu_leads_to_ones_work_where_there_is_a_page_of_it(client: Client) -> None:
    project = make_project()
    work, projects = f'href="{reverse("work", args=[project.slug])}"', f'<a href="{reverse("home")}">Projects</a>'
    for role in Role:
        client.force_login(make_member(project, role).user)
        menu = client.get(reverse("guideline", args=[project.slug])).content.decode().split('class="menu account"')[1]
        assert (work in menu) == (role != Role.AUDITOR)
        assert projects in menu
    menu = client.get(reverse("account")).content.decode().split('class="menu account"')[1]
    assert projects in menu
    assert "My work" not in menu
