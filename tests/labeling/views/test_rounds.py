"""A round's own page: how it was drawn, and why each of its pairs is in it."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeling.actions.rounds import Drawn, open_round
from labeling.models import Project, Role
from labeling.queries.rounds import chosen_pairs
from tests.labeling.acting import judge, make_adapter, make_members
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

HESITATES: dict[str, object] = {"strategy": "margin", "words": "%(first)s %(p).2f against %(second)s %(q).2f"}
VALUES = {"first": "E", "p": 0.41, "second": "S", "q": 0.39}


def make_drawn(size: int = 4) -> Project:
    project = make_project(overlap=1)
    reasons: list[dict[str, object]] = [
        HESITATES | {"values": VALUES},
        {"strategy": "", "words": "at random, with a chance of %(chance).2g", "values": {"chance": 0.25}},
    ]
    drawn = [
        Drawn(
            make_pair(project, f"walking boots {number}").pk,
            ("active", "random")[number % 2],
            (None, 0.25)[number % 2],
            (0.98, None)[number % 2],
            reason=reasons[number % 2],
        )
        for number in range(size)
    ]
    rules = {"random_share": 0.5, "mix": {"margin": 0.75, "typical": 0.25}, "max_per_query": 3, "near_duplicates": 0.8}
    adapter = make_adapter(project)
    open_round(project, drawn, strategy="mixed", seed=7, pool_size=1234, adapter=adapter, rules=rules)
    return project


def page_of(client: Client, project: Project, query: str = "") -> str:
    client.force_login(make_member(project, Role.LEAD).user)
    return client.get(reverse("round", args=[project.slug, 1]) + query).content.decode()


def test_page_says_how_the_round_was_drawn(client: Client) -> None:
    page = page_of(client, make_drawn())
    assert "from 1,234 pairs that nobody had judged" in page
    assert "Margin 75\u00a0%, Typical first 25\u00a0%" in page
    assert "<dt>Drawn at random</dt><dd>50\u00a0%</dd>" in page
    assert "<dt>Seed</dt><dd>7</dd>" in page


def test_each_pair_says_why_it_was_chosen(client: Client) -> None:
    page = page_of(client, make_drawn())
    assert page.count("Margin: E 0.41 against S 0.39") == 2
    assert page.count("At random, with a chance of 0.25") == 2
    assert page.count("0.980") == 2


def test_one_stream_can_be_looked_at_alone(client: Client) -> None:
    page = page_of(client, make_drawn(), "?stream=random")
    assert "Margin: E" not in page
    assert page.count("At random, with a chance of 0.25") == 2
    assert "walking boots 0" in page_of(client, make_drawn(), "?stream=nonsense")


def test_round_of_an_older_winnow_has_no_reasons(client: Client) -> None:
    project = make_project()
    make_round(project, [make_pair(project, "red kettle")])
    page = page_of(client, project)
    assert "red kettle" in page
    assert "<dd>At random</dd>" in page


def test_pairs_come_in_the_order_of_serving_without_gold_and_repeats() -> None:
    project = make_drawn(6)
    entries = list(chosen_pairs(project.rounds.get()))
    assert [entry.rank for entry in entries] == sorted(entry.rank for entry in entries)
    assert len(entries) == 6
    entries[0].stream = "gold"
    entries[0].save()
    assert len(chosen_pairs(project.rounds.get())) == 5


def test_annotators_never_learn_why(client: Client) -> None:
    project = make_drawn()
    member = make_members(project, 1)[0]
    client.force_login(member.user)
    assert client.get(reverse("round", args=[project.slug, 1])).status_code == 403
    desk = client.get(reverse("judge", args=[project.slug])).content.decode()
    judge(member)
    desk += client.get(reverse("work", args=[project.slug])).content.decode()
    for word in ("Margin", "against S", "at random", "0.98"):
        assert word not in desk


def test_round_of_another_project_is_not_there(client: Client) -> None:
    make_drawn()
    empty = make_project()
    client.force_login(make_member(empty, Role.LEAD).user)
    assert client.get(reverse("round", args=[empty.slug, 1])).status_code == 404


def test_page_takes_as_many_queries_whatever_the_size(client: Client) -> None:
    counts = []
    for size in (4, 60):
        project = make_drawn(size)
        client.force_login(make_member(project, Role.LEAD).user)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("round", args=[project.slug, 1]))
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 8
