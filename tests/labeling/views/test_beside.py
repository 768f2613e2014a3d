"""Two adapters side by side: on the same pairs, with what people said where they differ."""

import csv
import html
import io
import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.models import Adapter, Project, Role
from labeling.views.holdout_pairs import holdout_url
from modeling.judge.spec import JudgeSpec
from tests.labeling.acting import make_adapter, measures
from tests.labeling.measured import measure
from tests.making import make_member, make_pair, make_project

pytestmark = pytest.mark.django_db

ONE = ["EE"] * 40 + ["ES"] * 6 + ["SS"] * 20 + ["IC"] * 4 + ["CC"] * 2
OTHER = ["EE"] * 44 + ["ES"] * 2 + ["SS"] * 12 + ["SE"] * 8 + ["IC"] * 2 + ["IE"] * 2 + ["CC"] * 2


def make_two(client: Client) -> tuple[Project, Adapter, Adapter]:
    """Make two adapters that were measured on the same 72 pairs and the second on one more; sign the lead in."""
    project = make_project(loop_enabled=False)
    pairs = [make_pair(project, f"query {number % 24}") for number in range(len(ONE))]
    adapters: list[Adapter] = []
    for spec, said in ((JudgeSpec(), ONE), (JudgeSpec(epochs=5, seed=3), OTHER)):
        made = make_adapter(project, holdout=measures())
        Adapter.objects.filter(pk=made.pk).update(
            manifest=made.manifest | {"spec": spec.to_dict(), "provenance": {"guideline": 1}}
        )
        measure(made, pairs, said)
        adapters.append(made)
    measure(adapters[1], [make_pair(project)], ["EE"])
    client.force_login(make_member(project, Role.LEAD).user)
    one, other = adapters
    return project, one, other


def address(project: Project, one: int = 1, other: int = 2) -> str:
    return reverse("adapters-beside", args=[project.slug, one, other])


def test_two_are_compared_on_the_pairs_that_both_were_measured_on(client: Client) -> None:
    project, _, _ = make_two(client)
    page = html.unescape(client.get(address(project)).content.decode())
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "On the same 72 pairs" in words
    # 40 + 20 + 2 right against 44 + 12 + 2.
    assert "Accuracy of A-1 less that of A-2 0.056" in words
    assert "Both are right: 54" in words
    assert "Only A-1 is right: 8" in words
    assert "Only A-2 is right: 4" in words
    assert "Both are wrong in the same way: 4" in words
    assert "Both are wrong, each in its own: 2" in words


BEHIND: list[tuple[dict[str, bool], int]] = [
    ({"right": True, "beside_right": True}, 54),
    ({"right": True, "beside_right": False}, 8),
    ({"right": False, "beside_right": True}, 4),
    ({"right": False, "differ": False}, 4),
    ({"right": False, "beside_right": False, "differ": True}, 2),
]


def test_each_count_leads_to_so_many_pairs(client: Client) -> None:
    project, one, _ = make_two(client)
    page = html.unescape(client.get(address(project)).content.decode())
    for wanted, count in BEHIND:
        url = holdout_url(one, beside=2, **wanted)
        assert f'href="{url}"' in page
        assert f"{count} holdout pairs that A-1 was measured on" in client.get(url).content.decode()


def test_differences_in_the_making_leave_out_the_seed(client: Client) -> None:
    project, _, _ = make_two(client)
    page = client.get(address(project)).content.decode()
    making = page[page.index("What was different about their making") :]
    assert re.search(r"<th scope=\"row\">epochs</th><td>3</td><td>5</td>", making)
    assert "seed" not in making
    assert "lora" not in making


def test_file_has_each_label_on_the_same_pairs(client: Client) -> None:
    project, _, _ = make_two(client)
    rows = list(csv.DictReader(io.StringIO(client.get(address(project), {"as": "csv"}).getvalue().decode())))
    assert [(row["label by people"], row["pairs"]) for row in rows] == [
        *[("Any label", "72"), ("Exact", "46"), ("Substitute", "20"), ("Complement", "2"), ("Irrelevant", "4")]
    ]
    assert rows[2]["A-1 is right (share)"] == "1.0"
    assert rows[2]["A-2 is right (share)"] == "0.6"
    assert rows[2]["difference (share)"] == "0.4"


def test_two_without_a_pair_in_common_say_so(client: Client) -> None:
    project, _, _ = make_two(client)
    make_adapter(project, champion=False)
    assert "No pairs in common" in client.get(address(project, 1, 3)).content.decode()


def test_choice_leads_to_the_page_of_the_two(client: Client) -> None:
    project, _, _ = make_two(client)
    url = reverse("adapters-choose", args=[project.slug])
    assert client.get(url, {"one": "2", "other": "1"}).headers["Location"] == address(project, 2, 1)
    for bad in ({}, {"one": "x", "other": "1"}, {"one": "9" * 40, "other": "1"}):
        assert client.get(url, bad).status_code == 400
    assert client.get(address(project, 1, 7)).status_code == 404


def test_page_costs_the_same_queries_at_two_sizes(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project, one, other = make_two(client)
    for more in (0, 20):
        pairs = [make_pair(project) for _ in range(more)]
        measure(one, pairs, ["EE"] * more)
        measure(other, pairs, ["ES"] * more)
        with django_assert_max_num_queries(12):
            assert client.get(address(project)).status_code == 200
