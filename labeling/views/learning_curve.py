"""The learning curve: what labels have bought so far, and what more of them are likely to buy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import altair
import numpy as np
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.language import number
from labeling.models import Adapter, Membership, Project, Role
from labeling.queries.adapters import adapters_of, measured
from labeling.queries.learning import made_alike, right_by_query
from labeling.views.charts import MARK, SOFT, as_svg, svg_response, theme_of
from modeling.evaluation.learning_curve import LEAST, Forecast, can_forecast, forecast

WIDTH, HEIGHT = 480, 220
MORE = 1000  # labels, whose worth is forecast
STEPS = 40  # of the drawn law
FIT = altair.AutoSizeParams(type="fit", contains="padding")
COLUMNS = ("Round", "Labels", "Accuracy", "95 % interval", "Commonest label", "n")


@dataclass(frozen=True)
class Curve:
    """Measured adapters that were made alike, the oldest first, and what their curve says of more labels.

    `forecast` is None where they do not carry one, and `missing` says in words what is missing then. `others` is how
    many measured adapters were made with other settings and are left out.
    """

    adapters: tuple[Adapter, ...]
    forecast: Forecast | None
    missing: str
    others: int


def curve_so_far(adapters: Sequence[Adapter]) -> Curve:
    """Return the curve of some adapters, in any order, without a forecast."""
    found = [one for one in adapters if measured(one.manifest, "accuracy") is not None]
    alike = made_alike(found)
    return Curve(tuple(alike), None, "", len(found) - len(alike))


def learning_curve_of(adapters: Sequence[Adapter]) -> Curve:
    """Return the curve of some adapters, in any order."""
    curve = curve_so_far(adapters)
    labels = [one.labels_seen for one in curve.adapters]
    if not can_forecast(labels, MORE):
        return replace(curve, missing=_too_little(labels))
    tables = right_by_query(curve.adapters)
    kept = tables.sum(axis=0)[:, 1] > 0
    labels = [count for count, has in zip(labels, kept.tolist(), strict=True) if has]
    if not can_forecast(labels, MORE):
        return replace(curve, missing="Not known yet: of older adapters it was not kept what they got right.")
    return replace(curve, forecast=forecast(labels, tables[:, kept], MORE, seed=0))


def _too_little(labels: Sequence[int]) -> str:
    if len(set(labels)) < LEAST:
        takes = f"that takes {LEAST} adapters with different numbers of labels"
        return f"Not enough yet to say what more labels would buy: {takes}."
    return (
        f"Not enough yet to say what more labels would buy: the adapters so far learned from {number(min(labels))} to "
        f"{number(max(labels))} labels, which says too little of {number(max(labels) + MORE)}."
    )


def in_words(curve: Curve) -> str:
    """Say what another thousand labels would likely buy, or why that cannot be said."""
    if curve.forecast is None:
        return curve.missing
    gain, then = curve.forecast.gain, curve.forecast.accuracy
    value, low, high = (f"{round(100 * part, 1) + 0.0:.1f}" for part in (gain.value, gain.low, gain.high))  # no -0.0
    with_them = f"With {number(curve.forecast.labels)} labels accuracy would be {then.value:.3f} "
    with_them += f"({then.low:.3f} to {then.high:.3f})."
    if np.isnan(gain.low):
        return f"Another {number(MORE)} labels would likely buy {value} points of accuracy, as far as so few can tell."
    if gain.low <= 0:
        return (
            f"It cannot be said yet whether another {number(MORE)} labels would help: {value} points of accuracy, "
            f"from {low} to {high}. {with_them}"
        )
    return f"Another {number(MORE)} labels would likely buy {value} points of accuracy ({low} to {high}). {with_them}"


@require_safe
@for_roles(Role.LEAD)
def learning_curve(request: HttpRequest, member: Membership) -> HttpResponse:
    """Draw accuracy over labels with its interval, the commonest label's, and the law that goes on from there."""
    curve = learning_curve_of(list(adapters_of(member.project)))
    return svg_response(draw_learning_curve(curve, theme_of(request)))


def learning_points(curve: Curve) -> list[dict[str, Any]]:
    """Return a row for each adapter of the curve."""
    points = []
    for adapter in curve.adapters:
        accuracy = measured(adapter.manifest, "accuracy")
        assert accuracy is not None  # noqa: S101 - a curve is of measured ones
        points.append(
            {
                "adapter": adapter.name,
                "labels": adapter.labels_seen,
                "accuracy": accuracy.value,
                "low": accuracy.value if np.isnan(accuracy.low) else accuracy.low,
                "high": accuracy.value if np.isnan(accuracy.high) else accuracy.high,
                "baseline": adapter.manifest["holdout"]["majority_accuracy"],
                "n": accuracy.n,
            }
        )
    return points


def law_points(found: Forecast, labels: Sequence[int]) -> list[dict[str, float]]:
    """Return the law as a line from the fewest labels to the forecast's."""
    grid = np.linspace(min(labels), found.labels, STEPS).tolist()
    return [{"labels": at, "accuracy": found.accuracy_with(at)} for at in grid]


def draw_learning_curve(curve: Curve, theme: str) -> str:
    """Return the SVG for a light or a dark page. The axis has room for every interval and for the commonest label."""
    points = learning_points(curve)
    shown = [point[field] for point in points for field in ("low", "high", "accuracy", "baseline")]
    ahead = []
    if curve.forecast is not None:
        then = curve.forecast.accuracy
        ahead = [{"labels": curve.forecast.labels, "accuracy": then.value, "low": then.low, "high": then.high}]
        shown += [then.low, then.high] if not np.isnan(then.low) else [then.value]
    shown = shown or [0.0, 1.0]
    scale = altair.Scale(domain=[max(0, min(shown) - 0.02), min(1, max(shown) + 0.02)], nice=True)

    def share(field: str) -> altair.Y:
        return altair.Y(f"{field}:Q", title="Accuracy on the holdout", scale=scale, axis=altair.Axis(format=".2f"))

    def based(values: Sequence[Mapping[str, Any]]) -> altair.Chart:
        axis = altair.Axis(format=",d", tickCount=6)
        x = altair.X("labels:Q", title="Labels learned from", scale=altair.Scale(zero=False, nice=True), axis=axis)
        return altair.Chart(altair.InlineData(values=list(values))).encode(x=x)

    base = based(points)
    layers = [
        base.mark_line(color=SOFT[theme], strokeDash=[4, 4]).encode(y=share("baseline")),
        base.mark_tick(color=SOFT[theme], thickness=2, size=24).encode(y=share("baseline")),
        base.mark_rule(color=MARK[theme], strokeWidth=1.5).encode(y=share("low"), y2="high:Q"),
        base.mark_circle(color=MARK[theme], size=60, opacity=1).encode(y=share("accuracy")),
    ]
    if curve.forecast is None:
        layers.append(base.mark_line(color=MARK[theme], strokeWidth=2).encode(y=share("accuracy")))
    else:
        law = based(law_points(curve.forecast, [point["labels"] for point in points]))
        there = based(ahead)
        layers += [
            law.mark_line(color=MARK[theme], strokeWidth=1.5, strokeDash=[6, 3]).encode(y=share("accuracy")),
            there.mark_rule(color=MARK[theme], strokeWidth=1.5, strokeDash=[3, 2]).encode(y=share("low"), y2="high:Q"),
            there.mark_point(color=MARK[theme], size=70, opacity=1).encode(y=share("accuracy")),
        ]
    return as_svg(altair.layer(*layers).properties(width=WIDTH, height=HEIGHT, autosize=FIT), theme)


def learning_context(project: Project, curve: Curve, rounds: Mapping[int, int] | None = None) -> dict[str, Any] | None:
    """Return the curve as components/chart.html wants it; None where nothing was measured yet.

    `rounds` are the newest rounds that adapters learned from, by the adapters' ids.
    """
    points = learning_points(curve)
    if not points:
        return None
    last = points[-1]
    src = reverse("learning-curve", args=[project.slug]) + f"?v={last['adapter']}-{len(points)}"
    names = COLUMNS if rounds is not None else COLUMNS[1:]
    return {
        "src": src,
        "src_dark": f"{src}&theme=dark",
        "width": WIDTH,
        "height": HEIGHT,
        "alt": f"Accuracy on the holdout by labels; {last['adapter']} reaches {last['accuracy']:.3f} "
        f"with {number(last['labels'])} labels, the commonest label alone {last['baseline']:.3f}.",
        "columns": [{"text": "Adapter"}, *({"text": text, "numeric": True} for text in names)],
        "rows": [
            {
                "header": point["adapter"],
                "href": reverse("adapter", args=[project.slug, adapter.number]),
                "cells": [
                    *([rounds.get(adapter.pk)] if rounds is not None else []),
                    point["labels"],
                    f"{point['accuracy']:.3f}",
                    f"{point['low']:.3f}\u00a0to\u00a0{point['high']:.3f}",
                    f"{point['baseline']:.3f}",
                    point["n"],
                ],
            }
            for adapter, point in zip(curve.adapters, points, strict=True)
        ],
    }
