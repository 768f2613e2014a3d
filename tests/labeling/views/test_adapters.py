"""The pages of adapters: every number is the manifest's, each leads to its pairs, and going back says what it does."""

import csv
import html
import io
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.models import Adapter, AuditLogEntry, Project, Role, Split
from labeling.views.adapter_tables import slice_tables
from labeling.views.adapters import TABLES
from labeling.views.holdout_pairs import holdout_url
from tests.labeling.acting import make_adapter, predict
from tests.labeling.measured import estimate, make_manifest, measure
from tests.making import make_member, make_pair, make_pair_of, make_pairs, make_project, make_round

pytestmark = pytest.mark.django_db


def make_trained(client: Client, count: int = 2, **settings: object) -> tuple[Project, list[Adapter]]:
    """Make adapters, the last one champion after the one before it, measured on the same pairs; sign the lead in."""
    project = make_project(loop_enabled=False, **settings)
    pairs = [make_pair_of(project, Split.HOLDOUT) for _ in range(6)]
    said = ["EE", "ES", "SS", "SE", "CC", "II"]
    adapters = []
    for number in range(count):
        made = make_adapter(project, champion=number >= count - 2)
        Adapter.objects.filter(pk=made.pk).update(
            manifest=make_manifest(project, made.job), labels_seen=300 * (number + 1)
        )
        measure(made, pairs, [said[(place + number) % 2 * place] for place in range(6)] if number else said)
        adapters.append(made)
    for one in adapters:
        one.refresh_from_db()
    client.force_login(make_member(project, Role.LEAD).user)
    return project, adapters


def text_of(client: Client, url: str) -> str:
    page = html.unescape(client.get(url).content.decode())
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)).split())


def rows_of(client: Client, url: str) -> list[dict[str, str]]:
    answer = client.get(url)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def address(adapter: Adapter, name: str = "adapter", *more: object) -> str:
    return reverse(name, args=[adapter.project.slug, adapter.number, *more])


def test_list_has_every_adapter_with_its_measures_on_the_page_and_in_the_file(client: Client) -> None:
    project, (first, second) = make_trained(client)
    Adapter.objects.filter(pk=second.pk).update(measures={"people_alpha": estimate(0.81)})
    Adapter.objects.filter(pk=first.pk).update(pruned_at=timezone.now())
    page = text_of(client, reverse("adapters", args=[project.slug]))
    assert "A-2 Champion" in page
    assert "A-1 Pruned" in page
    assert "0.85 0.80 to 0.90" in page  # accuracy: 46 of 54
    assert "0.81 0.76 to 0.86" in page  # people's own alpha
    rows = rows_of(client, reverse("adapters-csv", args=[project.slug]))
    assert [row["adapter"] for row in rows] == ["A-2", "A-1"]
    assert [row["state"] for row in rows] == ["champion", "pruned"]
    assert rows[0]["people's own alpha"] == "0.81"
    assert rows[1]["people's own alpha"] == ""
    assert rows[0]["trained"].startswith("20")
    assert "T" in rows[0]["trained"]
    assert rows[0]["labels learned from (labels)"] == "600"


def test_going_back_says_what_it_does_and_needs_no_scoring(client: Client) -> None:
    project, (first, second) = make_trained(client)
    predict(first, {make_pair(project): (0.9, 0.05, 0.03, 0.02)})
    url = reverse("adapters", args=[project.slug])
    page = text_of(client, url)
    assert "A-1 was champion before A-2. It becomes champion again at once, and A-2 is retired." in page
    assert "What A-1 said of the pool is kept and counts from that moment on" in page
    answer = client.post(reverse("roll-back", args=[project.slug]), follow=True)
    assert answer.redirect_chain[0][0] == url
    assert "A-1 is the champion again. What it has scored counts at once." in html.unescape(answer.content.decode())
    assert "Back to A-2" in answer.content.decode()
    for one in (first, second):
        one.refresh_from_db()
    assert (first.state, second.state) == ("champion", "retired")
    assert AuditLogEntry.objects.filter(project=project, verb="adapter.roll_back").latest("pk").target == "A-1"
    assert project.jobs.get(kind="score", state="queued").params["then"] == ["select"]


def test_there_is_no_going_back_from_the_first_champion(client: Client) -> None:
    project, (only,) = make_trained(client, 1)
    assert "Back to" not in client.get(reverse("adapters", args=[project.slug])).content.decode()
    answer = client.post(reverse("roll-back", args=[project.slug]), follow=True)
    assert "There is no earlier champion to go back to." in answer.content.decode()
    only.refresh_from_db()
    assert only.state == "champion"


def test_pruned_adapter_is_not_promoted(client: Client) -> None:
    _, (first, _) = make_trained(client)
    Adapter.objects.filter(pk=first.pk).update(pruned_at=timezone.now())
    answer = client.post(address(first, "promote"), follow=True)
    assert "its files are gone" in html.unescape(answer.content.decode())
    first.refresh_from_db()
    assert first.state == "retired"
    assert reverse("promote", args=[first.project.slug, 1]) not in client.get(address(first)).content.decode()


def test_adapter_page_shows_its_measures_and_making(client: Client) -> None:
    _, (first, _) = make_trained(client)
    Adapter.objects.filter(pk=first.pk).update(measures={"people_alpha": estimate(0.81)})
    page = text_of(client, address(first))
    assert "Accuracy 0.85 0.80 to 0.90, 54 pairs" in page
    assert "People's own alpha 0.81 0.76 to 0.86, 54 pairs" in page
    assert "Calibration error 0.060 0.010 to 0.110 · 0.140 before calibration" in page
    assert "Settings kind bi_encoder base model embedded:all-MiniLM-L6-v2 revision none" in page
    assert "lora rank 16 lora alpha 32" in page
    assert "calibration words Calibrated by one temperature." in page
    assert "train · E 200" in page
    assert (
        f'href="{reverse("job", args=[first.project.slug, first.job_id])}"'
        in client.get(address(first)).content.decode()
    )


def test_confusion_leads_to_the_pairs_of_each_cell(client: Client) -> None:
    _, (first, _) = make_trained(client)
    page = html.unescape(client.get(address(first)).content.decode())
    for people, judged, count in (("E", "E", 30), ("E", "S", 6), ("S", "E", 2)):
        assert f'<a href="{holdout_url(first, said=people, judged=judged)}">{count}</a>' in page
    assert holdout_url(first, said="I", judged="E") not in page  # nothing is behind a 0
    assert f'<a href="{holdout_url(first, judged="S")}">15</a>' in page


def test_each_table_comes_as_a_file(client: Client) -> None:
    _, (first, _) = make_trained(client)
    files = {table: rows_of(client, address(first, "adapter-csv", table)) for table in TABLES}
    assert {table: len(rows) for table, rows in files.items()} == {
        "labels": 4,
        "confusion": 4,
        "reliability": 2,
        "coverage": 2,
        "slices": 0,
    }
    surest = files["reliability"][0]
    assert (surest["confidence"], surest["right (share)"]) == ("0.60 to 0.80", "0.68")


def test_table_or_chart_that_is_none_is_not_found(client: Client) -> None:
    _, (first, _) = make_trained(client)
    for name in ("adapter-csv", "adapter-chart"):
        assert client.get(address(first, name, "nothing")).status_code == 404


def test_bins_lead_to_exactly_their_pairs(client: Client) -> None:
    _, (first, _) = make_trained(client)
    page = html.unescape(client.get(address(first)).content.decode())
    assert holdout_url(first, least=0.6, most=0.8) in page
    assert holdout_url(first, least=0.8) in page
    # From 0.9 on: the six pairs have 0.9.
    [surest] = re.findall(r'href="([^"]*least=0\.89999[^"]*)"', page)
    assert "6 holdout pairs" in text_of(client, surest)


def test_charts_are_drawn_in_both_colours(client: Client) -> None:
    _, (first, _) = make_trained(client)
    for chart in ("reliability", "coverage"):
        url = address(first, "adapter-chart", chart)
        light, dark = (client.get(url, {"theme": theme}).content.decode() for theme in ("", "dark"))
        assert light.startswith("<svg")
        assert "#6cb2f0" in dark
        assert "#6cb2f0" not in light


def test_charts_over_adapters_are_drawn(client: Client) -> None:
    project, _ = make_trained(client, 4)
    for name in ("learning-curve", "adapters-over-time"):
        svg = client.get(reverse(name, args=[project.slug])).content.decode()
        assert svg.startswith("<svg")
        assert "NaN" not in svg


def test_adapter_without_any_measure_is_shown_all_the_same(client: Client) -> None:
    project, _ = make_trained(client)
    bare = make_adapter(project, champion=False)
    page = text_of(client, address(bare))
    assert "Nothing was decided about it yet." in page
    assert "Where it errs" not in page
    assert "None" not in page
    assert client.get(address(bare, "adapter-chart", "reliability")).status_code == 200


def test_parts_of_the_holdout_are_told_and_lead_to_their_pairs(client: Client) -> None:
    _, (first, _) = make_trained(client)
    parts = [
        {"value": "us", "n": 30, "queries": 9, "accuracy": estimate(0.9, 30), "alpha": estimate(0.8, 30)},
        {"value": "es", "n": 24, "queries": 6, "accuracy": estimate(0.6, 24), "alpha": estimate(0.4, 24)},
    ]
    Adapter.objects.filter(pk=first.pk).update(measures={"slices": {"locale": parts, "length": []}})
    page = html.unescape(client.get(address(first)).content.decode())
    assert "Language of the query" in page
    assert page.count('<tr class="wanting">') == 1  # Spanish is surely below the whole
    assert f'<a href="{holdout_url(first, slice="locale", value="es", right=False)}">0.40</a>' in page
    rows = rows_of(client, address(first, "adapter-csv", "slices"))
    assert [(row["part"], row["value"], row["accuracy (share)"]) for row in rows] == [
        *[("locale", "us", "0.9"), ("locale", "es", "0.6")]
    ]


def test_decision_is_told_with_its_numbers(client: Client) -> None:
    project, (first, second) = make_trained(client)
    decided = {
        "against": "A-1",
        "rule": "not_worse",
        "margin": 0.02,
        "level": 0.95,
        "n": 54,
        "queries": 20,
        "difference": {"value": -0.013, "low": -0.03, "high": 0.004, "n": 54},
        "p": 0.12,
        "only_first": 3,
        "only_second": 4,
        "promoted": False,
    }
    Adapter.objects.filter(pk=second.pk).update(
        comparison=decided, verdict="Not surely better.", state="challenger", promoted_at=None
    )
    page = text_of(client, address(second))
    assert "A-2 was compared with A-1, the champion then, on the same 54 holdout pairs of 20 queries." in page
    assert "right on 1.3 points fewer of them, with 95 % certainty between -3.0 and +0.4" in page
    assert "A-2 alone is right on 3 of them, the other alone on 4 (paired test by query, p = 0.120)." in page
    assert "promote what is surely not worse by more than 2 points" in page
    assert "The rule said no. Not surely better." in page
    assert "Make A-2 the champion all the same" in page
    body = html.unescape(client.get(address(second)).content.decode())
    assert reverse("adapters-beside", args=[project.slug, 2, 1]) in body
    assert holdout_url(second, beside=1, differ=True) in body
    assert "The rule said no" not in text_of(client, address(first))


def test_page_says_who_made_it_champion_and_what_ended_with_it(client: Client) -> None:
    project, (first, second) = make_trained(client)
    lead = project.memberships.get(role=Role.LEAD).user
    make_round(project, make_pairs(project, 3))
    page = text_of(client, address(first))
    assert "Made champion, the first one, by the rule" in page
    assert "Round 1 ends with that, 6 of its answers still to come" in page
    client.post(address(first, "promote"))
    client.post(reverse("roll-back", args=[project.slug]))
    assert f"Made champion in place of A-2, by {lead.username}" in text_of(client, address(first))
    page = text_of(client, address(second))
    assert "Made champion in place of A-1, by the rule" in page
    assert f"Made champion again by going back in place of A-1, by {lead.username}" in page
    assert "Round 1 ends with that, 6 of its answers" in text_of(client, reverse("adapters", args=[project.slug]))
    assert "champion the first one" not in text_of(client, address(make_adapter(project, champion=False)))


def test_nothing_is_said_of_a_round_where_none_is_open(client: Client) -> None:
    project, (first, _) = make_trained(client)
    for url in (address(first), reverse("adapters", args=[project.slug])):
        page = text_of(client, url)
        assert "a new round is drawn" in page
        assert "ends with that" not in page


def test_parts_that_need_more_pairs_come_last_and_are_marked(client: Client) -> None:
    _, (first, _) = make_trained(client)
    parts = {
        "locale": [part("jp", 4), part("us", 6)],
        "words": [part("1", 3), part("2-3", 40), part("4-5", 2), part("6+", 25)],
    }
    Adapter.objects.filter(pk=first.pk).update(measures={"slices": parts})
    first.refresh_from_db()
    tables = slice_tables(first)
    assert [[row.values[0] for row in table.rows] for table in tables] == [["2-3", "6+", "1", "4-5"], ["jp", "us"]]
    assert [row.thin for row in tables[0].rows] == [False, False, True, True]
    body = client.get(address(first)).content.decode()
    assert body.count('<tr class="thin">') == 4
    assert "needs 17 more" in body


def part(value: str, n: int) -> dict[str, object]:
    return {"value": value, "n": n, "queries": n, "accuracy": estimate(0.85, n), "alpha": estimate(0.7, n)}


def test_list_and_page_cost_the_same_queries_at_two_sizes(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project, adapters = make_trained(client)
    for more in (0, 10):
        for _ in range(more):
            made = make_adapter(project, champion=False)
            Adapter.objects.filter(pk=made.pk).update(manifest=make_manifest(project, made.job))
        with django_assert_max_num_queries(10):
            assert client.get(reverse("adapters", args=[project.slug])).status_code == 200
        with django_assert_max_num_queries(12):
            assert client.get(address(adapters[1])).status_code == 200
