"""The charts of the agreement page, each with its table: questions, and agreement over time and versions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair
from django.urls import reverse

from labeling.language import number
from labeling.models import Project
from labeling.views.agreement_tables import month_name
from labeling.views.charts import LINE, MARK, SOFT, as_svg
from labeling.views.tables import FEWEST

WIDTH = 420  # of a chart; it fills half a page, or a phone
HEIGHT = 220  # of a chart over time
ROW = 30  # of a question
FRAME = 50  # above and below the questions
NAMES = 7  # of months at most, so that they do not touch
FIT = altair.AutoSizeParams(type="fit", contains="padding")
DANGER = {"light": "#d55e00", "dark": "#d55e00"}

Points = list[dict[str, Any]]


def known(estimate: Mapping[str, Any]) -> bool:
    """Say whether there is enough to draw."""
    return estimate["value"] is not None and estimate["n"] >= FEWEST


def _point(name: str, estimate: Mapping[str, Any]) -> dict[str, Any]:
    value = estimate["value"]
    low, high = (value if estimate[end] is None else estimate[end] for end in ("low", "high"))
    return {"name": name, "value": value, "low": low, "high": high, "n": estimate["n"]}


def question_points(data: Mapping[str, Any]) -> Points:
    """Return the questions that enough people met, worst first."""
    return [_point(one["question"], one["agreement"]) for one in data["questions"] if known(one["agreement"])]


def month_points(data: Mapping[str, Any]) -> Points:
    """Return the months with enough pairs, the first one first."""
    return [_point(month_name(one["month"]), one["raw"]) for one in data["months"] if known(one["raw"])]


def version_points(data: Mapping[str, Any]) -> Points:
    """Return the guideline's versions with enough pairs, the first one first."""
    return [_point(f"version {one['version']}", one["raw"]) for one in data["versions"] if known(one["raw"])]


def _share(field: str, points: Points, goal: float, title: str, along: type[altair.X] | type[altair.Y]) -> Any:
    least = min([goal, *(point["low"] for point in points)])
    scale = altair.Scale(domain=[max(0.0, least - 0.03), 1.0], nice=False)
    return along(field, type="quantitative", title=title, scale=scale, axis=altair.Axis(format=".2f", tickCount=6))


def questions_height(points: Points) -> int:
    """Return how high the chart of the questions is."""
    return ROW * max(1, len(points)) + FRAME


def draw_questions(points: Points, goal: float, theme: str) -> str:
    """Return the SVG of the questions: a line each, with its interval, and the goal across."""
    base = altair.Chart(altair.InlineData(values=points)).encode(
        y=altair.Y("name:N", sort=[point["name"] for point in points], title=None, axis=altair.Axis(labelLimit=160))
    )
    rule = altair.Chart(altair.InlineData(values=[{"goal": goal}]))
    title = "Share of two people who both reached it and answered alike"

    def share(field: str) -> Any:
        return _share(field, points, goal, title, altair.X)

    colour = altair.condition(altair.datum.high < goal, altair.value(DANGER[theme]), altair.value(MARK[theme]))
    chart = altair.layer(
        rule.mark_rule(color=SOFT[theme], strokeDash=[4, 4]).encode(x=share("goal")),
        base.mark_rule(strokeWidth=2).encode(x=share("low"), x2="high:Q", color=colour),
        base.mark_circle(size=80, opacity=1).encode(x=share("value"), color=colour),
    ).properties(width=WIDTH, height=questions_height(points), autosize=FIT)
    return as_svg(chart, theme)


def draw_over_time(points: Points, goal: float, theme: str, title: str) -> str:
    """Return the SVG of agreement from month to month or version to version, with intervals, and the goal across."""
    named = [point["name"] for point in points[:: -(-len(points) // NAMES)]] if points else []
    base = altair.Chart(altair.InlineData(values=points)).encode(
        x=altair.X("name:O", title=title, sort=None, axis=altair.Axis(labelAngle=0, values=named))
    )
    rule = altair.Chart(altair.InlineData(values=[{"goal": goal}]))

    def share(field: str) -> Any:
        return _share(field, points, goal, "Raw agreement", altair.Y)

    chart = altair.layer(
        rule.mark_rule(color=SOFT[theme], strokeDash=[4, 4]).encode(y=share("goal")),
        base.mark_line(color=LINE[theme], strokeWidth=2).encode(y=share("value")),
        base.mark_rule(color=MARK[theme], strokeWidth=1.5).encode(y=share("low"), y2="high:Q"),
        base.mark_circle(color=MARK[theme], size=60, opacity=1).encode(y=share("value")),
    ).properties(width=WIDTH, height=HEIGHT, autosize=FIT)
    return as_svg(chart, theme)


@dataclass(frozen=True)
class Chart:
    """A chart by what it draws of a report, and how: `draw(points, goal, theme)`; and its size in pixels."""

    points: Callable[[Mapping[str, Any]], Points]
    draw: Callable[[Points, float, str], str]
    height: Callable[[Points], int]


def _over_time(points: Callable[[Mapping[str, Any]], Points], title: str) -> Chart:
    return Chart(points, partial(draw_over_time, title=title), lambda _: HEIGHT)


CHARTS = {
    "questions": Chart(question_points, draw_questions, questions_height),
    "months": _over_time(month_points, "Month"),
    "versions": _over_time(version_points, "Guideline"),
}


def chart_context(
    project: Project, name: str, data: Mapping[str, Any], goal: float, version: str
) -> dict[str, Any] | None:
    """Return a chart as components/chart.html wants it; None where there is nothing to draw."""
    chart = CHARTS[name]
    points = chart.points(data)
    if not points:
        return None
    src = reverse("agreement-chart", args=[project.slug, name]) + f"?v={version}-{goal}"
    said = ", ".join(f"{point['name']} {point['value']:.2f}" for point in points[:12])
    return {
        "src": src,
        "src_dark": f"{src}&theme=dark",
        "width": WIDTH,
        "height": chart.height(points),
        "alt": f"Agreement with its interval: {said}. The goal is {goal:.2f}.",
        "columns": [{"text": ""}, *({"text": text, "numeric": True} for text in ("Agreement", "95 % interval", "n"))],
        "rows": [
            {
                "header": point["name"],
                "cells": [f"{point['value']:.2f}", f"{point['low']:.2f} to {point['high']:.2f}", number(point["n"])],
            }
            for point in points
        ],
    }
