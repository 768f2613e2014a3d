"""Charts as SVG, drawn on the server, each with the table of its numbers."""

from collections.abc import Sequence
from typing import Any

import altair
import vl_convert
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.language import number
from labeling.models import Adapter, Membership, Role
from labeling.queries.adapters import adapters_of, measured

SOFT = {"light": "#5c6370", "dark": "#a3a9b5"}
LINE = {"light": "#dfe2e7", "dark": "#383c44"}
MARK = {"light": "#0b63b0", "dark": "#6cb2f0"}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
WIDTH, HEIGHT = 560, 220
NUMBERS = ("Labels", "Accuracy", "95 % interval", "Commonest label", "n")


@require_safe
@for_roles(Role.LEAD)
def learning_curve(request: HttpRequest, member: Membership) -> HttpResponse:
    """Draw each adapter's holdout accuracy, with its interval and the baseline, over the labels it had."""
    return svg_response(draw_learning_curve(learning_points(list(adapters_of(member.project))), theme_of(request)))


def theme_of(request: HttpRequest) -> str:
    """Return "dark" where the address asks for it, else "light"."""
    return "dark" if request.GET.get("theme") == "dark" else "light"


def svg_response(svg: str) -> HttpResponse:
    """Answer with a chart, which may be kept for an hour: its address says of which data it is."""
    return HttpResponse(svg, content_type="image/svg+xml", headers={"Cache-Control": "private, max-age=3600"})


def learning_points(adapters: Sequence[Adapter]) -> list[dict[str, Any]]:
    """Return a row for each measured adapter, the oldest first."""
    points = []
    for adapter in sorted(adapters, key=lambda one: one.number):
        accuracy = measured(adapter.manifest, "accuracy")
        if accuracy is not None:
            points.append(
                {
                    "adapter": adapter.name,
                    "labels": adapter.labels_seen,
                    "accuracy": accuracy.value,
                    "low": accuracy.low,
                    "high": accuracy.high,
                    "baseline": adapter.manifest["holdout"]["majority_accuracy"],
                    "n": accuracy.n,
                }
            )
    return points


def learning_table(adapters: Sequence[Adapter]) -> dict[str, Any] | None:
    """Return the chart's table, and what the chart says in words; None where nothing was measured yet."""
    points = learning_points(adapters)
    if not points:
        return None
    last = points[-1]
    return {
        "alt": f"Accuracy on the holdout by labels; {last['adapter']} reaches {last['accuracy']:.3f} "
        f"with {number(last['labels'])} labels, the commonest label alone {last['baseline']:.3f}.",
        "version": f"{last['adapter']}-{len(points)}",
        "columns": [
            {"text": "Adapter"},
            *({"text": text, "numeric": True} for text in NUMBERS),
        ],
        "rows": [
            {
                "header": point["adapter"],
                "cells": [
                    point["labels"],
                    f"{point['accuracy']:.3f}",
                    f"{point['low']:.3f} to {point['high']:.3f}",
                    f"{point['baseline']:.3f}",
                    point["n"],
                ],
            }
            for point in points
        ],
    }


def draw_learning_curve(points: list[dict[str, Any]], theme: str) -> str:
    """Return the SVG for a light or a dark page. The axis has room for every interval and for the commonest label."""
    shown = [point[field] for point in points for field in ("low", "high", "accuracy", "baseline")] or [0, 1]
    scale = altair.Scale(domain=[max(0, min(shown) - 0.02), min(1, max(shown) + 0.02)], nice=True)

    def share(field: str) -> altair.Y:
        return altair.Y(f"{field}:Q", title="Accuracy on the holdout", scale=scale)

    base = altair.Chart(altair.InlineData(values=points)).encode(
        x=altair.X("labels:Q", title="Labels learned from", scale=altair.Scale(zero=False, nice=True))
    )
    chart = altair.layer(
        base.mark_line(color=SOFT[theme], strokeDash=[4, 4]).encode(y=share("baseline")),
        base.mark_tick(color=SOFT[theme], thickness=2, size=24).encode(y=share("baseline")),
        base.mark_rule(color=MARK[theme], strokeWidth=1.5).encode(y=share("low"), y2="high:Q"),
        base.mark_line(color=MARK[theme], strokeWidth=2).encode(y=share("accuracy")),
        base.mark_circle(color=MARK[theme], size=60, opacity=1).encode(y=share("accuracy")),
    ).properties(width=WIDTH - 80, height=HEIGHT - 60)
    return as_svg(chart, theme)


def as_svg(chart: altair.LayerChart | altair.FacetChart, theme: str) -> str:
    """Return a chart as SVG in the colours of a light or a dark page."""
    styled = (
        chart.configure(background="transparent", font=FONT)
        .configure_axis(
            gridColor=LINE[theme],
            domainColor=LINE[theme],
            tickColor=LINE[theme],
            labelColor=SOFT[theme],
            titleColor=SOFT[theme],
            titleFontWeight="normal",
        )
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg(styled.to_json())
    return svg
