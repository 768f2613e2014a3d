"""The charts of adapters: what a confidence was worth, accuracy by coverage, and the judge beside people over time."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import altair
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.models import Adapter, Membership, Project, Role
from labeling.queries.adapters import adapters_of
from labeling.views.adapter_tables import number_of, people_alpha
from labeling.views.charts import LINE, MARK, SOFT, as_svg, svg_response, theme_of

WIDTH, HEIGHT = 420, 260
WIDE, LOW = 480, 220
MOST = 30  # adapters over time
NAMES = 10  # of adapters at most, so that they do not touch
FIT = altair.AutoSizeParams(type="fit", contains="padding")

Points = list[dict[str, Any]]


def _with_ends(name: object, estimate: dict[str, Any]) -> dict[str, Any]:
    value = estimate["value"]
    low, high = (value if estimate[end] is None else estimate[end] for end in ("low", "high"))
    return {"name": name, "value": value, "low": low, "high": high, "n": estimate["n"]}


def reliability_points(adapter: Adapter) -> Points:
    """Return a point for each bin of confidence: its mean, and the share that is right with its interval."""
    found = (adapter.manifest.get("holdout") or {}).get("reliability", ())
    return [_with_ends(one["confidence"], one["right"]) for one in found if one["right"]["value"] is not None]


def coverage_points(adapter: Adapter) -> Points:
    """Return a point for each share of the surest pairs: the accuracy on them with its interval."""
    found = (adapter.manifest.get("holdout") or {}).get("coverage", ())
    return [_with_ends(one["coverage"], one["accuracy"]) for one in found if one["accuracy"]["value"] is not None]


def draw_reliability(points: Points, theme: str) -> str:
    """Return the SVG of confidence against what it was worth; on the diagonal it is what it says."""
    base = altair.Chart(altair.InlineData(values=points)).encode(
        x=altair.X("name:Q", title="Confidence", scale=altair.Scale(domain=[0, 1]), axis=altair.Axis(format=".1f"))
    )
    diagonal = altair.Chart(altair.InlineData(values=[{"name": end, "value": end} for end in (0, 1)]))

    def share(field: str) -> altair.Y:
        scale = altair.Scale(domain=[0, 1])
        return altair.Y(f"{field}:Q", title="Share that is right", scale=scale, axis=altair.Axis(format=".1f"))

    size = altair.Size("n:Q", legend=None, scale=altair.Scale(range=[20, 200]))
    chart = altair.layer(
        diagonal.mark_line(color=SOFT[theme], strokeDash=[4, 4]).encode(x="name:Q", y=share("value")),
        base.mark_rule(color=MARK[theme], strokeWidth=1.5).encode(y=share("low"), y2="high:Q"),
        base.mark_circle(color=MARK[theme], opacity=1).encode(y=share("value"), size=size),
    ).properties(width=WIDTH, height=HEIGHT, autosize=FIT)
    return as_svg(chart, theme)


def draw_coverage(points: Points, theme: str) -> str:
    """Return the SVG of accuracy over the share of pairs that is taken, the surest first."""
    least = min([point["low"] for point in points], default=0.0)
    whole, axis = altair.Scale(domain=[0, 1]), altair.Axis(format=".0%", tickCount=5)
    base = altair.Chart(altair.InlineData(values=points)).encode(
        x=altair.X("name:Q", title="Share taken, the surest first", scale=whole, axis=axis)
    )

    def share(field: str) -> altair.Y:
        scale = altair.Scale(domain=[max(0.0, least - 0.02), 1.0])
        return altair.Y(f"{field}:Q", title="Accuracy on them", scale=scale, axis=altair.Axis(format=".2f"))

    chart = altair.layer(
        base.mark_area(color=MARK[theme], opacity=0.15).encode(y=share("low"), y2="high:Q"),
        base.mark_line(color=MARK[theme], strokeWidth=2).encode(y=share("value")),
    ).properties(width=WIDTH, height=HEIGHT, autosize=FIT)
    return as_svg(chart, theme)


@dataclass(frozen=True)
class Chart:
    """A chart of one adapter: what it draws, how, and what it says in words."""

    points: Callable[[Adapter], Points]
    draw: Callable[[Points, str], str]
    says: Callable[[Points], str]


def _says_reliability(points: Points) -> str:
    said = ", ".join(f"{point['name']:.2f} was right in {point['value']:.2f}" for point in points)
    return f"Confidence against the share that is right: {said}."


def _says_coverage(points: Points) -> str:
    said = ", ".join(f"{point['name']:.0%} {point['value']:.2f}" for point in points[::4])
    return f"Accuracy by the share that is taken, the surest first: {said}."


CHARTS = {
    "reliability": Chart(reliability_points, draw_reliability, _says_reliability),
    "coverage": Chart(coverage_points, draw_coverage, _says_coverage),
}


def chart_context(adapter: Adapter, name: str) -> dict[str, Any] | None:
    """Return a chart as components/chart.html wants it; None where there is nothing to draw."""
    chart = CHARTS[name]
    points = chart.points(adapter)
    if not points:
        return None
    src = reverse("adapter-chart", args=[adapter.project.slug, adapter.number, name])
    return {
        "src": src,
        "src_dark": f"{src}?theme=dark",
        "width": WIDTH,
        "height": HEIGHT,
        "alt": chart.says(points),
    }


@require_safe
@for_roles(Role.LEAD)
def adapter_chart(request: HttpRequest, member: Membership, number: int, chart: str) -> HttpResponse:
    """Draw one of an adapter's charts."""
    if chart not in CHARTS:
        raise Http404(f"There is no chart {chart!r}. There are: {', '.join(CHARTS)}.")
    adapter = get_object_or_404(adapters_of(member.project), number=number)
    return svg_response(CHARTS[chart].draw(CHARTS[chart].points(adapter), theme_of(request)))


def time_points(adapters: Sequence[Adapter]) -> Points:
    """Return the newest adapters' alpha against people, and people's own on the same pairs, the oldest first."""
    points = []
    for adapter in sorted(adapters, key=lambda one: one.number)[-MOST:]:
        alpha, people = number_of(adapter, "alpha"), people_alpha(adapter)
        if alpha is not None:
            own = None if people is None else people["value"]
            points.append(_with_ends(adapter.name, alpha) | {"people": own, "champion": bool(adapter.promoted_at)})
    return points


def draw_over_time(points: Points, theme: str) -> str:
    """Return the SVG: each adapter's alpha with its interval, full where it was ever champion, and people's own."""
    named = [point["name"] for point in points[:: -(-len(points) // NAMES)]] if points else []
    base = altair.Chart(altair.InlineData(values=points)).encode(
        x=altair.X("name:O", title="Adapter", sort=None, axis=altair.Axis(labelAngle=0, values=named))
    )
    least = min([min(point["low"], point["people"] or 1.0) for point in points], default=0.0)

    def alpha(field: str) -> altair.Y:
        scale = altair.Scale(domain=[math.floor(20 * (least - 0.02)) / 20, 1.0])
        return altair.Y(f"{field}:Q", title="Krippendorff's alpha", scale=scale, axis=altair.Axis(format=".2f"))

    filled = altair.condition(altair.datum.champion, altair.value(MARK[theme]), altair.value("transparent"))
    known = base.transform_filter("datum.people !== null")
    chart = altair.layer(
        known.mark_line(color=SOFT[theme], strokeDash=[4, 4]).encode(y=alpha("people")),
        known.mark_tick(color=SOFT[theme], thickness=2, size=16).encode(y=alpha("people")),
        base.mark_line(color=LINE[theme], strokeWidth=2).encode(y=alpha("value")),
        base.mark_rule(color=MARK[theme], strokeWidth=1.5).encode(y=alpha("low"), y2="high:Q"),
        base.mark_point(stroke=MARK[theme], size=60, opacity=1).encode(y=alpha("value"), fill=filled),
    ).properties(width=WIDE, height=LOW, autosize=FIT)
    return as_svg(chart, theme)


def time_context(project: Project, adapters: Sequence[Adapter]) -> dict[str, Any] | None:
    """Return the chart over time as components/chart.html wants it; None where there is nothing to draw."""
    points = time_points(adapters)
    if not points:
        return None
    src = reverse("adapters-over-time", args=[project.slug]) + f"?v={points[-1]['name']}-{len(points)}"
    last = points[-1]
    people = "" if last["people"] is None else f", people's own on the same pairs is {last['people']:.2f}"
    return {
        "src": src,
        "src_dark": f"{src}&theme=dark",
        "width": WIDE,
        "height": LOW,
        "alt": f"Alpha against people by adapter: {last['name']} has {last['value']:.2f}{people}.",
        "columns": [
            {"text": "Adapter"},
            *({"text": text, "numeric": True} for text in ("Alpha", "95 % interval", "People's alpha", "n")),
        ],
        "rows": [
            {
                "header": point["name"],
                "cells": [
                    f"{point['value']:.3f}",
                    f"{point['low']:.3f}\u00a0to\u00a0{point['high']:.3f}",
                    "" if point["people"] is None else f"{point['people']:.3f}",
                    point["n"],
                ],
            }
            for point in points
        ],
    }


@require_safe
@for_roles(Role.LEAD)
def over_time(request: HttpRequest, member: Membership) -> HttpResponse:
    """Draw the adapters' alpha against people, and people's own."""
    return svg_response(draw_over_time(time_points(list(adapters_of(member.project))), theme_of(request)))
