"""What the whole pool holds, as far as the random share can tell."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.actions.pool import current_pool_report
from labeling.language import number
from labeling.models import Label, Membership, PoolReport, Project, Role
from labeling.queries.pool import FEWEST
from labeling.queries.predictions import champion_of
from labeling.queries.projects import labels_of
from labeling.views.charts import MARK, SOFT, as_svg, svg_response, theme_of
from labeling.views.frame import project_page

WIDTH, ROW, FRAME = 480, 56, 90  # pixels: it fills half a page, or a phone
FIT = altair.AutoSizeParams(type="fit", contains="padding")
DANGER = {"light": "#c04f00", "dark": "#f0894a"}
# The three ways, in the order in which they are drawn and listed: name, and mark.
WAYS = {
    "naive": ("All labels as they are", "diamond"),
    "plain": ("Random share", "circle"),
    "sharpened": ("Random share, sharpened", "square"),
}


@require_safe
@for_roles(Role.LEAD)
def pool(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show label shares, accuracy and agreement of the whole pool, each estimated in three ways."""
    report = current_pool_report(member.project)
    data: Mapping[str, Any] = report.data if report else {}
    champion = champion_of(member.project)
    context = {
        "report": report,
        "data": data,
        "missing": missing(data.get("shares")),
        "chart": shares_chart(member.project, report) if report else None,
        "accuracy": measure_rows(data.get("accuracy")),
        "accuracy_missing": missing(data.get("accuracy")),
        "agreement": measure_rows(data.get("agreement")),
        "agreement_missing": missing(data.get("agreement")),
        "misled": misled(labels_of(member.project), data),
        "champion": champion,
        "job": member.project.jobs.filter(kind="measure", state__in=("queued", "running")).exists(),
    }
    return project_page(request, member, "pool/page.html", "pool", context)


def missing(found: Mapping[str, Any] | None) -> str:
    """Say how many labels of the random share are missing until something can be said; empty where none."""
    known = found["plain"][0]["n"] if found else 0
    left = FEWEST - known
    return f"Not enough yet: {number(left)} more label{'s' if left > 1 else ''} of the random share" if left > 0 else ""


def measure_rows(found: Mapping[str, Any] | None, at: int = 0) -> list[dict[str, Any]]:
    """Return one measure in its three ways, for stat components; empty before it can be told."""
    if missing(found) or found is None:
        return []
    return [{"name": name, "way": way, **found[way][at]} for way, (name, _) in WAYS.items() if found[way] is not None]


def misled(labels: Sequence[Label], data: Mapping[str, Any]) -> str:
    """Say by how much all labels as they are would mislead, where that is sure; empty where it is not."""
    shares = data.get("shares")
    if missing(shares) or shares is None:
        return ""
    best = shares["sharpened"] or shares["plain"]
    apart = [
        (abs(naive["value"] - fair["value"]), label.name, naive["value"], fair)
        for label, naive, fair in zip(labels, shares["naive"], best, strict=True)
        if fair["low"] is not None and not fair["low"] <= naive["value"] <= fair["high"]
    ]
    if not apart:
        return ""
    _, name, naive, fair = max(apart)
    return (
        f"Counting all labels would say that {100 * naive:.0f}\u00a0% of the pool are {name}. "
        f"It is {100 * fair['value']:.0f}\u00a0% ({100 * fair['low']:.0f} to {100 * fair['high']:.0f})."
    )


@require_safe
@for_roles(Role.LEAD)
def pool_shares(request: HttpRequest, member: Membership) -> HttpResponse:
    """Draw the label shares with their intervals, in the three ways."""
    report = PoolReport.objects.filter(project=member.project).first()
    points = share_points(labels_of(member.project), report.data) if report else []
    if not points:
        raise Http404("There are no labels of the random share yet.")
    return svg_response(draw_shares(points, theme_of(request)))


def share_points(labels: Sequence[Label], data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each label and way; empty before there are enough labels."""
    shares = data.get("shares")
    if missing(shares) or shares is None:
        return []
    points = []
    for way, (name, _) in WAYS.items():
        for label, found in zip(labels, shares[way] or (), strict=False):
            value = found["value"]
            low, high = (value if found[end] is None else found[end] for end in ("low", "high"))
            points.append({"label": label.name, "way": name, "value": value, "low": low, "high": high, "n": found["n"]})
    return points


def draw_shares(points: Sequence[Mapping[str, Any]], theme: str) -> str:
    """Return the SVG for a light or a dark page: a label a band, a way a line in it."""
    names = list(dict.fromkeys(point["label"] for point in points))
    ways = [name for name, _ in WAYS.values()]
    colours = [DANGER[theme], SOFT[theme], MARK[theme]]
    legend = altair.Legend(title=None, orient="top", labelColor=SOFT[theme], labelLimit=260, columnPadding=24)
    base = altair.Chart(altair.InlineData(values=list(points))).encode(
        y=altair.Y("label:N", sort=names, title=None, axis=altair.Axis(labelLimit=160, minExtent=90)),
        yOffset=altair.YOffset("way:N", sort=ways),
        color=altair.Color("way:N", sort=ways, scale=altair.Scale(domain=ways, range=colours), legend=legend),
    )
    most = max(point["high"] for point in points)
    scale = altair.Scale(domain=[0, min(1.0, most + 0.03)], nice=True)
    axis = altair.Axis(format=".0%", tickCount=8)
    marks = altair.Scale(domain=ways, range=[mark for _, mark in WAYS.values()])
    shape = altair.Shape("way:N", sort=ways, scale=marks, legend=legend)
    x = altair.X("value:Q", title="Share of the pool", scale=scale, axis=axis)
    chart = altair.layer(
        base.mark_rule(strokeWidth=2).encode(x=altair.X("low:Q", title="Share of the pool", scale=scale), x2="high:Q"),
        base.mark_point(size=70, filled=True, opacity=1).encode(x=x, shape=shape),
    ).properties(width=WIDTH, height=ROW * len(names) + FRAME, autosize=FIT)
    return as_svg(chart, theme)


def shares_chart(project: Project, report: PoolReport) -> dict[str, Any] | None:
    """Return the picture and its table as components/chart.html wants them; None where nothing can be said yet."""
    labels = labels_of(project)
    points = share_points(labels, report.data)
    if not points:
        return None
    src = reverse("pool-shares", args=[project.slug]) + f"?v={report.computed_at:%Y%m%d%H%M%S%f}"
    by_label = {
        label.name: {point["way"]: point for point in points if point["label"] == label.name} for label in labels
    }
    ways = [name for name, _ in WAYS.values() if name in {point["way"] for point in points}]
    best = ways[-1]
    return {
        "src": src,
        "src_dark": f"{src}&theme=dark",
        "width": WIDTH,
        "height": ROW * len(labels) + FRAME,
        "alt": "Share of the pool by label, from the random share: "
        + ", ".join(f"{name} {_interval(found[best])}" for name, found in by_label.items()),
        "columns": [{"text": "Label"}, *({"text": way, "numeric": True} for way in ways)],
        "rows": [
            {"header": name, "cells": [_interval(found[way]) for way in ways]} for name, found in by_label.items()
        ],
    }


def _interval(point: Mapping[str, Any]) -> str:
    value, low, high = (f"{100 * point[part]:.1f}" for part in ("value", "low", "high"))
    return f"{value}\u00a0% ({low}\u00a0to\u00a0{high})"
