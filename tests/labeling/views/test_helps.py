"""The section that says whether choosing helps, and what another round would change."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import Adapter, Project, Role
from labeling.queries.learning import counts_by_query_of
from labeling.views.helps import next_round
from modeling.estimates import Estimate
from tests.labeling.acting import make_adapter
from tests.labeling.measured import measure
from tests.labeling.views.test_learning_curve import make_curve
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def point(labels: int, alpha: float) -> dict[str, object]:
    return {"labels": labels, "alpha": Estimate(alpha, alpha - 0.05, alpha + 0.05, 120).to_dict()}


def with_arms(low: float, high: float) -> Project:
    project = make_project(random_share=0.5)
    made = make_adapter(project)
    arms = {
        "active": [point(100, 0.4), point(200, 0.5)],
        "random": [point(100, 0.38), point(200, 0.46)],
        "difference": [],
        "lead": Estimate((low + high) / 2, low, high, 120).to_dict(),
    }
    Adapter.objects.filter(pk=made.pk).update(manifest=made.manifest | {"arms": arms})
    make_round(project, [make_pair(project)])
    return project


def page_of(client: Client, project: Project) -> str:
    client.force_login(make_member(project, Role.LEAD).user)
    return client.get(reverse("rounds", args=[project.slug])).content.decode()


@pytest.mark.parametrize(
    ("low", "high", "says", "share"),
    [
        (
            0.01,
            0.05,
            "Choosing helps: from as many labels the judge&#x27;s alpha is 0.030 higher (0.010 to 0.050).",
            37.5,
        ),
        (
            -0.05,
            -0.01,
            "Choosing harms: from as many labels the judge&#x27;s alpha is 0.030 lower (0.010 to 0.050).",
            75,
        ),
        (-0.03, 0.05, "It cannot be told apart yet: from as many labels the judge&#x27;s alpha differs by +0.010", 50),
    ],
)
def test_page_says_whether_choosing_helps_and_what_follows(
    client: Client, low: float, high: float, says: str, share: float
) -> None:
    page = page_of(client, with_arms(low, high))
    assert says in page
    assert f"{share:g}\u00a0% of the next round is drawn at random" in page
    assert "<td>0.500 (0.450\u00a0to\u00a00.550)</td>" in page


def test_page_says_what_is_missing(client: Client) -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    page = page_of(client, project)
    assert "Not known yet: with 50 labels of random pairs" in page
    assert "50\u00a0% of the next round is drawn at random, as the settings say." in page
    assert "that takes three adapters of the same settings" in page
    assert client.get(reverse("arms", args=[project.slug])).status_code == 404


def test_arms_are_drawn_for_both_themes(client: Client) -> None:
    project = with_arms(0.01, 0.05)
    client.force_login(make_member(project, Role.LEAD).user)
    for theme in ("light", "dark"):
        svg = client.get(reverse("arms", args=[project.slug]), {"theme": theme}).content.decode()
        assert "Random pairs alone" in svg
        assert "NaN" not in svg
    client.force_login(make_member(project).user)
    assert client.get(reverse("arms", args=[project.slug])).status_code == 403


def test_next_round_is_told_with_an_advice(client: Client) -> None:
    project, _ = make_curve([500, 1000, 2000], [30, 42, 50])
    make_round(project, [make_pair(project)])
    Project.objects.filter(pk=project.pk).update(round_worth=0.5)
    page = page_of(client, project)
    assert "Another 500 labels are expected to change the judge&#x27;s alpha by +" in page
    assert "Stop here: surely less than the 0.5 that a round is worth" in page
    project.refresh_from_db()
    found = next_round(project)
    assert found is not None
    assert found.more == 500


def test_counts_by_query_are_those_of_modeling() -> None:
    project = make_project()
    pairs = [make_pair(project, f"query {number // 2}") for number in range(4)]
    first, second = make_adapter(project), make_adapter(project)
    measure(first, pairs, ["EE", "ES", "SS", "II"])
    measure(second, pairs, ["EE", "EE", "SE", "IC"])
    counts = counts_by_query_of([first, second])
    assert counts.shape == (2, 2, 3, 4)
    assert counts[0, 0].tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [2, 0, 0, 0]]
    assert counts[1, 1].tolist() == [[0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]]
