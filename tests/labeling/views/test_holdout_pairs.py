"""The pairs behind a number of an adapter: the right ones, in the right order, with what everybody said."""

import csv
import html
import io
import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.models import Adapter, Pair, Role
from labeling.views.holdout_pairs import holdout_url
from tests.labeling.acting import judge_all, make_adapter, make_members
from tests.labeling.measured import measure
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

# What people said and the first adapter says; the second one is right but of the last pair.
SAID = ["EE", "EE", "ES", "SE", "II", "CE"]
SURE = [0.99, 0.6, 0.95, 0.5, 0.9, 0.7]
BESIDE = ["EE", "EE", "EE", "SS", "II", "CI"]


def make_measured(client: Client) -> tuple[Adapter, Adapter, list[Pair]]:
    """Make two adapters that were measured on six pairs, which two people judged, and sign the lead in."""
    project = make_project(overlap=2, max_overlap=2, loop_enabled=False)
    pairs = [make_pair(project, f"query {number}", locale="es" if number % 2 else "us") for number in range(len(SAID))]
    make_round(project, pairs)
    judge_all(make_members(project, 2), {pair: said[0] for pair, said in zip(pairs, SAID, strict=True)})
    one, other = make_adapter(project), make_adapter(project, champion=False)
    measure(one, pairs, SAID, SURE)
    measure(other, pairs, BESIDE)
    client.force_login(make_member(project, Role.LEAD).user)
    return one, other, pairs


def numbers(client: Client, address: str) -> list[int]:
    """Return which of the pairs a page shows, in its order, by the number in their query."""
    page = html.unescape(client.get(address).content.decode())
    return [int(number) for number in re.findall(r"<h2[^>]*>query (\d)</h2>", page)]


FOUND: list[tuple[dict[str, object], list[int]]] = [
    ({}, [0, 2, 4, 5, 1, 3]),  # the surest first
    ({"said": "E"}, [0, 2, 1]),
    ({"said": "E", "judged": "S"}, [2]),
    ({"judged": "E"}, [0, 5, 1, 3]),
    ({"right": True}, [0, 4, 1]),
    ({"right": False}, [2, 5, 3]),
    ({"least": 0.6, "most": 0.9}, [4, 5]),  # a bin holds its upper edge and not its lower one
    ({"slice": "locale", "value": "es"}, [5, 1, 3]),
    ({"beside": 2, "differ": True}, [2, 5, 3]),
    ({"beside": 2, "differ": False}, [0, 4, 1]),
    ({"beside": 2, "right": False, "beside_right": True}, [2, 3]),
    ({"beside": 2, "right": False, "beside_right": False}, [5]),
    ({"said": "I", "judged": "E"}, []),
]


def test_pairs_are_those_that_the_address_says(client: Client) -> None:
    one, _, _ = make_measured(client)
    assert [numbers(client, holdout_url(one, **wanted)) for wanted, _ in FOUND] == [found for _, found in FOUND]


def test_pair_shows_what_people_and_both_adapters_said(client: Client) -> None:
    one, _, pairs = make_measured(client)
    page = client.get(holdout_url(one, beside=2, differ=True)).content.decode()
    text = " ".join(re.sub(r"<[^>]+>", " ", html.unescape(page)).split())
    assert "3 holdout pairs that A-1 was measured on: A-1 and A-2 differ. The surest first." in text
    assert "People E Exact A-1 S Substitute 0.95 A-2 E Exact 0.90" in text
    assert text.count("How probable A-1 takes each label to be") == 3
    assert reverse("adjudicate", args=[one.project.slug, pairs[2].pk]) in page


def test_pair_whose_label_has_changed_says_so(client: Client) -> None:
    one, _, pairs = make_measured(client)
    one.holdout_predictions.filter(pair=pairs[4]).update(label=one.project.scheme.labels.get(key="S"))
    assert "now Irrelevant" in client.get(holdout_url(one, said="S", judged="I")).content.decode()


def test_file_has_every_pair_and_every_probability(client: Client) -> None:
    one, _, _ = make_measured(client)
    answer = client.get(holdout_url(one, beside=2, right=False) + "&as=csv")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["query"] for row in rows] == ["query 2", "query 5", "query 3"]
    first = rows[0]
    assert (first["label by people"], first["label"], first["confidence"]) == ("E", "S", "0.95")
    assert (first["probability of S"], first["label by A-2"], first["confidence of A-2"]) == ("0.95", "E", "0.9")


NONSENSE = (
    "said=X",
    "right=2",
    "least=2",
    "slice=locale",
    "slice=nothing&value=1",
    "slice=stream&value=random",
    "beside=9",
    "differ=1",
    "most=nan",
)


def test_address_that_makes_no_sense_is_refused_in_words(client: Client) -> None:
    one, _, _ = make_measured(client)
    for query in NONSENSE:
        answer = client.get(f"{holdout_url(one)}?{query}")
        assert answer.status_code == 400, query
        assert "This address does not say which pairs to show." in answer.content.decode()


def test_adapter_without_kept_pairs_says_why(client: Client) -> None:
    one, _, _ = make_measured(client)
    bare = make_adapter(one.project, champion=False)
    assert "Adapters that were trained before that have none." in client.get(holdout_url(bare)).content.decode()


def test_another_adapter_of_another_project_is_none(client: Client) -> None:
    one, _, _ = make_measured(client)
    for _ in range(3):
        elsewhere = make_adapter(make_project())
    make_adapter(elsewhere.project, champion=False)
    assert client.get(holdout_url(one, beside=3)).status_code == 400
    assert client.get(holdout_url(elsewhere)).status_code == 404


def test_page_costs_the_same_queries_at_two_sizes(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    one, _, _ = make_measured(client)
    for more in (0, 12):
        pairs = [make_pair(one.project) for _ in range(more)]
        measure(one, pairs, ["EE"] * more)
        with django_assert_max_num_queries(12):
            assert client.get(holdout_url(one)).status_code == 200
