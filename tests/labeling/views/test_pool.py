"""The page on the whole pool: what it says, from which labels, and at what cost."""

import random as chance

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeling.actions.pool import current_pool_report
from labeling.actions.rounds import Drawn, open_round
from labeling.models import Adapter, Pair, PoolReport, Project, Role, SetAside
from labeling.queries.pool import fetch_labeled
from modeling.evaluation.pool import predicted_means
from tests.labeling.acting import judge_all, make_adapter, make_members
from tests.making import make_gold, make_member, make_pairs, make_project

pytestmark = pytest.mark.django_db


def make_labeled(pairs: int = 300, labeled: int = 120, **settings: object) -> tuple[Project, Adapter]:
    """Make a project of which half of a round was drawn at random and half picked, all of it Substitute; judge it.

    Of all four in five are Exact. The judge says 0.7 of the label that a pair has.
    """
    project = make_project(overlap=1, max_overlap=1, loop_enabled=False, **settings)
    random = chance.Random(4)
    made = make_pairs(project, pairs, per_query=3)
    label = {pair: "E" if number % 5 else "S" for number, pair in enumerate(made)}
    drawn = random.sample(made, labeled // 2)
    picked = [pair for pair in made if label[pair] == "S" and pair not in drawn][: labeled // 4]
    adapter = make_adapter(project)
    said = {pair: [0.7, 0.1, 0.1, 0.1] if label[pair] == "E" else [0.1, 0.7, 0.1, 0.1] for pair in made}
    entries = [Drawn(pair.pk, "random", len(drawn) / pairs, None, probabilities=said[pair]) for pair in drawn]
    entries += [Drawn(pair.pk, "active", None, 0.5, probabilities=said[pair]) for pair in picked]
    predicted = predicted_means(list(said.values()))
    open_round(project, entries, strategy="margin", seed=1, pool_size=pairs, adapter=adapter, predicted=predicted)
    judge_all(make_members(project, 1), label)
    return project, adapter


def lead(client: Client, project: Project) -> str:
    client.force_login(make_member(project, Role.LEAD).user)
    return client.get(reverse("pool", args=[project.slug])).content.decode()


def test_page_says_the_shares_of_the_pool_and_how_far_all_labels_lean(client: Client) -> None:
    project, _ = make_labeled()
    page = lead(client, project)
    report = PoolReport.objects.get(project=project)
    shares = report.data["shares"]
    exact = {way: shares[way][0] for way in ("naive", "plain", "sharpened")}
    assert exact["naive"]["value"] < exact["plain"]["low"]
    assert exact["plain"]["low"] < 0.8 < exact["plain"]["high"]
    assert exact["sharpened"]["low"] < 0.8 < exact["sharpened"]["high"]
    width = {way: one["high"] - one["low"] for way, one in exact.items()}
    assert width["sharpened"] < 0.8 * width["plain"]
    assert "Counting all labels would say that" in page
    assert f"{100 * exact['plain']['value']:.1f}\u00a0%" in page
    assert "What 300 pairs hold" in page


def test_accuracy_is_of_pairs_judged_after_the_champion_chose(client: Client) -> None:
    project, adapter = make_labeled()
    assert "on the pairs that nobody had judged when it chose" in lead(client, project)
    report = PoolReport.objects.get(project=project).data
    assert report["accuracy"]["plain"][0] == {"value": 1.0, "low": pytest.approx(0.92, abs=0.05), "high": 1.0, "n": 60}
    assert report["adapter"] == adapter.name
    later = make_adapter(project, champion=False)
    Adapter.objects.filter(pk=adapter.pk).update(state="retired")
    Adapter.objects.filter(pk=later.pk).update(state="champion")
    page = client.get(reverse("pool", args=[project.slug])).content.decode()
    assert f"that was drawn since {later.name} scored the pool" in page
    assert "accuracy on the holdout" in page


def test_page_says_what_is_missing(client: Client) -> None:
    project, _ = make_labeled(pairs=60, labeled=40)
    page = lead(client, project)
    assert "Not enough yet: 10 more labels of the random share" in page
    assert client.get(reverse("pool-shares", args=[project.slug])).status_code == 404
    empty = make_project()
    assert "Not enough yet: 30 more labels of the random share" in lead(client, empty)


def test_gold_pairs_and_pairs_set_aside_are_left_out() -> None:
    project, _ = make_labeled(pairs=60, labeled=40)
    before = len(fetch_labeled(project).round)
    judged = Pair.objects.filter(project=project, consensus__isnull=False).order_by("pk")
    make_gold(project, pair=judged[0])
    SetAside.objects.create(project=project, pair=judged[1], reason="unclear_query")
    assert len(fetch_labeled(project).round) == before - 2


def test_rounds_before_an_import_are_left_out() -> None:
    project, _ = make_labeled()
    known = current_pool_report(project)
    assert known is not None
    assert known.data["rounds"] == [1]
    make_pairs(project, 10)
    open_round(project, [], strategy="uniform", seed=2, pool_size=220)
    now = current_pool_report(project)
    assert now is not None
    assert (now.data["rounds"], now.data["older"], now.data["pool"]) == ([2], 1, 310)


def test_new_label_brings_the_report_up_to_date() -> None:
    project = make_project(overlap=1, max_overlap=1)
    pairs = make_pairs(project, 4)
    open_round(project, [Drawn(pair.pk, "random", 0.5, None) for pair in pairs], strategy="u", seed=1, pool_size=8)
    first = current_pool_report(project)
    assert first is not None
    assert first.data["judged"] == 0
    again = current_pool_report(project)
    assert again is not None
    assert again.computed_at == first.computed_at
    judge_all(make_members(project, 1), dict.fromkeys(pairs, "E"))
    newer = current_pool_report(project)
    assert newer is not None
    assert newer.data["judged"] == 4
    assert newer.data["shares"]["plain"][0]["n"] == 4


def test_page_takes_as_many_queries_whatever_the_size(client: Client) -> None:
    counts = []
    for pairs, labeled in ((150, 80), (400, 240)):
        project, _ = make_labeled(pairs, labeled)
        client.force_login(make_member(project, Role.LEAD).user)
        for _ in range(2):  # the second view finds the report
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(reverse("pool", args=[project.slug]))
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
    assert counts[1] <= 14


def test_chart_has_both_themes_and_its_numbers(client: Client) -> None:
    project, _ = make_labeled()
    page = lead(client, project)
    address = reverse("pool-shares", args=[project.slug])
    assert f'src="{address}?v=' in page
    for theme in ("light", "dark"):
        svg = client.get(address, {"theme": theme}).content.decode()
        assert "Random share, sharpened" in svg
        assert "NaN" not in svg
    assert "<caption>The shares in numbers</caption>" in page


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.AUDITOR])
def test_page_is_for_leads(client: Client, role: Role) -> None:
    project = make_project()
    client.force_login(make_member(project, role).user)
    for name in ("pool", "pool-shares"):
        assert client.get(reverse(name, args=[project.slug])).status_code == 403
