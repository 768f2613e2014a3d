"""What labels have bought and what more would: in words, and only where the adapters carry it."""

from collections.abc import Sequence

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import Adapter, Project, Role
from labeling.queries.learning import made_alike, right_by_query, rounds_learned_from
from labeling.views.learning_curve import in_words, learning_context, learning_curve_of
from modeling.judge.spec import JudgeSpec
from tests.labeling.acting import make_adapter, measures
from tests.labeling.measured import measure
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

PAIRS = 60


def make_curve(labels: Sequence[int], right: Sequence[int], kept: bool = True) -> tuple[Project, list[Adapter]]:
    """Make adapters that learned from so many labels and are right on so many of PAIRS pairs of 20 queries."""
    project = make_project(loop_enabled=False)
    pairs = [make_pair(project, f"query {number % 20}") for number in range(PAIRS)]
    adapters = []
    for count, hits in zip(labels, right, strict=True):
        made = make_adapter(project, holdout=measures(PAIRS, hits / PAIRS))
        Adapter.objects.filter(pk=made.pk).update(labels_seen=count)
        if kept:
            measure(made, pairs, ["EE"] * hits + ["ES"] * (PAIRS - hits))
        made.refresh_from_db()
        adapters.append(made)
    return project, adapters


def test_forecast_is_told_with_its_interval() -> None:
    _, adapters = make_curve([500, 1000, 2000], [30, 42, 50])
    says = in_words(learning_curve_of(adapters))
    assert says.startswith("Another 1,000 labels would likely buy ")
    assert "points of accuracy (" in says
    assert "With 3,000 labels accuracy would be 0." in says


def test_forecast_that_cannot_tell_says_so() -> None:
    _, adapters = make_curve([500, 1000, 2000], [44, 46, 45])
    assert in_words(learning_curve_of(adapters)).startswith("It cannot be said yet whether another 1,000 labels")


@pytest.mark.parametrize(
    ("labels", "kept", "says"),
    [
        ([500, 1000], True, "3 adapters with different numbers of labels"),
        ([500, 500, 1000], True, "3 adapters with different numbers of labels"),
        ([800, 900, 1000], True, "learned from 800 to 1,000 labels, which says too little of 2,000"),
        ([500, 1000, 2000], False, "it was not kept what they got right"),
    ],
)
def test_too_little_for_a_forecast_is_named(labels: list[int], kept: bool, says: str) -> None:
    _, adapters = make_curve(labels, [30, 42, 50][: len(labels)], kept)
    curve = learning_curve_of(adapters)
    assert curve.forecast is None
    assert says in in_words(curve)


def test_adapters_with_other_settings_are_left_out() -> None:
    project, adapters = make_curve([500, 1000, 2000], [30, 42, 50])
    specs = [JudgeSpec(epochs=9), JudgeSpec(seed=1), JudgeSpec(seed=2)]
    for adapter, spec in zip(adapters, specs, strict=True):
        adapter.manifest["spec"] = spec.to_dict()
    assert made_alike(adapters) == adapters[1:]
    curve = learning_curve_of(adapters)
    assert curve.others == 1
    context = learning_context(project, curve)
    assert context is not None
    assert [row["header"] for row in context["rows"]] == ["A-2", "A-3"]


def test_what_each_adapter_got_right_is_counted_by_query() -> None:
    _, adapters = make_curve([500, 1000], [30, 42])
    counts = right_by_query(adapters)
    assert counts.shape == (20, 2, 2)
    assert counts.sum(axis=0).tolist() == [[30, 60], [42, 60]]


def test_rounds_are_those_that_were_open_before() -> None:
    project, adapters = make_curve([500], [30])
    assert rounds_learned_from(project, adapters) == {}
    make_round(project, [make_pair(project)])
    make_round(project, [make_pair(project)])
    later = make_adapter(project)
    assert rounds_learned_from(project, [*adapters, later]) == {later.pk: 2}


def test_curve_with_its_forecast_is_drawn(client: Client) -> None:
    project, adapters = make_curve([500, 1000, 2000], [30, 42, 50])
    client.force_login(make_member(project, Role.LEAD).user)
    svg = client.get(reverse("learning-curve", args=[project.slug])).content.decode()
    assert "3,000" in svg  # the axis goes on to the forecast
    assert "NaN" not in svg
    page = client.get(reverse("adapters", args=[project.slug])).content.decode()
    assert in_words(learning_curve_of(adapters)) in page
