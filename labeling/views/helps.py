"""Does choosing pairs help? Both arms' learning curves, the mix that follows, and what another round would change."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair
import numpy as np
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.language import number
from labeling.models import Adapter, Membership, Project, Role
from labeling.queries.adapters import adapters_of
from labeling.queries.learning import counts_by_query_of
from labeling.queries.mix import AHEAD, BEHIND, SET, Mix, newest_arms, next_mix
from labeling.views.charts import MARK, SOFT, as_svg, svg_response, theme_of
from labeling.views.learning_curve import curve_so_far
from labeling.views.numbers import percent
from modeling.evaluation.learning_curve import can_forecast
from modeling.evaluation.stopping import GO_ON, STOP, NextRound, expect_next_round

WIDTH, HEIGHT = 480, 240
FIT = altair.AutoSizeParams(type="fit", contains="padding")
# Each arm by its name and its mark.
ARMS = {"active": ("As the rounds chose", "square"), "random": ("Random pairs alone", "circle")}


def helps_context(project: Project) -> dict[str, Any]:
    """Return what the section on the Rounds page shows."""
    measured, mix = newest_arms(project), next_mix(project)
    found = next_round(project)
    return {
        "arms": arms_chart(project, measured) if measured else None,
        "lead": lead_in_words(mix),
        "mix": mix_in_words(mix),
        "next": advice(found, project) if found else None,
    }


def lead_in_words(mix: Mix) -> str:
    """Say whether choosing pairs has helped; empty where it was not measured."""
    if mix.lead is None:
        return ""
    value, low, high = (f"{abs(part):.3f}" for part in (mix.lead.value, mix.lead.low, mix.lead.high))
    if mix.because == AHEAD:
        return f"Choosing helps: from as many labels the judge's alpha is {value} higher ({low} to {high})."
    if mix.because == BEHIND:
        return f"Choosing harms: from as many labels the judge's alpha is {value} lower ({high} to {low})."
    return (
        f"It cannot be told apart yet: from as many labels the judge's alpha differs by {mix.lead.value:+.3f} "
        f"({mix.lead.low:+.3f} to {mix.lead.high:+.3f})."
    )


def mix_in_words(mix: Mix) -> str:
    """Say how much of the next round is drawn at random, and why."""
    share = f"{percent(mix.random_share)} of the next round is drawn at random"
    if mix.because == SET:
        return f"{share}, as the settings say."
    why = {
        AHEAD: "less than the settings say where it can be, because choosing helps",
        BEHIND: "more than the settings say, because choosing harms",
    }
    return f"{share}: {why.get(mix.because, 'near the setting, because neither arm is surely ahead')}."


def next_round(project: Project) -> NextRound | None:
    """Return what another round is expected to change; None where the adapters so far cannot carry that."""
    adapters = curve_so_far(list(adapters_of(project))).adapters
    labels = [one.labels_seen for one in adapters]
    if not can_forecast(labels, project.batch_size):
        return None
    tables = counts_by_query_of(adapters)
    kept = tables.sum(axis=(0, 2, 3)) > 0
    labels = [count for count, has in zip(labels, kept.tolist(), strict=True) if has]
    if not can_forecast(labels, project.batch_size):
        return None
    return expect_next_round(labels, tables[:, kept], project.batch_size, worth=project.round_worth, seed=0)


def advice(found: NextRound, project: Project) -> dict[str, str]:
    """Return what the next round is expected to change, and what that means, in words."""
    change = found.change
    value = f"{change.value:+.3f}"
    span = "" if np.isnan(change.low) else f" ({change.low:+.3f} to {change.high:+.3f})"
    expected = f"Another {number(found.more)} labels are expected to change the judge's alpha by {value}{span}."
    worth = f"{project.round_worth:g}"
    said = {
        GO_ON: f"Go on: that is worth a round by your settings, {worth} or more.",
        STOP: f"Stop here: surely less than the {worth} that a round is worth by your settings. A clearer guideline or "
        "another base model is likely to bring more.",
    }
    open_end = f"Go on for now: whether it reaches the {worth} that a round is worth cannot be said yet."
    return {"expected": expected, "advice": said.get(found.advice, open_end), "tone": found.advice}


@require_safe
@for_roles(Role.LEAD)
def arms_svg(request: HttpRequest, member: Membership) -> HttpResponse:
    """Draw both arms' learning curves with their intervals."""
    measured = newest_arms(member.project)
    if measured is None:
        raise Http404("Both arms were not compared yet.")
    return svg_response(draw_arms(arm_points(measured.manifest["arms"]), theme_of(request)))


def arm_points(arms: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each arm and number of labels."""
    points = []
    for arm, (name, _) in ARMS.items():
        for point in arms[arm]:
            alpha = point["alpha"]
            if alpha["value"] is None:
                continue
            low, high = (alpha["value"] if alpha[end] is None else alpha[end] for end in ("low", "high"))
            points.append({"arm": name, "labels": point["labels"], "alpha": alpha["value"], "low": low, "high": high})
    return points


def draw_arms(points: Sequence[Mapping[str, Any]], theme: str) -> str:
    """Return the SVG for a light or a dark page. The arms stand beside each other at each number of labels."""
    names, colours = [name for name, _ in ARMS.values()], [MARK[theme], SOFT[theme]]
    legend = altair.Legend(title=None, orient="top", labelColor=SOFT[theme], labelLimit=200, columnPadding=24)
    shown = [point[end] for point in points for end in ("low", "high")] or [0.0, 1.0]
    scale = altair.Scale(domain=[min(shown) - 0.02, min(1.0, max(shown) + 0.02)], nice=True)
    sizes = sorted({point["labels"] for point in points})
    base = altair.Chart(altair.InlineData(values=list(points))).encode(
        x=altair.X("labels:O", title="Labels learned from", sort=sizes, axis=altair.Axis(labelAngle=0, format=",d")),
        xOffset=altair.XOffset("arm:N", sort=names),
        color=altair.Color("arm:N", sort=names, scale=altair.Scale(domain=names, range=colours), legend=legend),
    )
    marks = altair.Scale(domain=names, range=[mark for _, mark in ARMS.values()])
    shape = altair.Shape("arm:N", sort=names, scale=marks, legend=legend)

    def alpha(field: str) -> altair.Y:
        return altair.Y(f"{field}:Q", title="Alpha with people", scale=scale, axis=altair.Axis(format=".2f"))

    chart = altair.layer(
        base.mark_rule(strokeWidth=1.5).encode(y=alpha("low"), y2="high:Q"),
        base.mark_point(size=70, filled=True, opacity=1).encode(y=alpha("alpha"), shape=shape),
    ).properties(width=WIDTH, height=HEIGHT, autosize=FIT)
    return as_svg(chart, theme)


def arms_chart(project: Project, measured: Adapter) -> dict[str, Any]:
    """Return the picture and its table as components/chart.html wants them."""
    points = arm_points(measured.manifest["arms"])
    src = reverse("arms", args=[project.slug]) + f"?v={measured.number}"
    by_size: dict[int, dict[str, str]] = {}
    for point in points:
        said = f"{point['alpha']:.3f} ({point['low']:.3f}\u00a0to\u00a0{point['high']:.3f})"
        by_size.setdefault(point["labels"], {})[point["arm"]] = said
    names = [name for name, _ in ARMS.values()]
    return {
        "src": src,
        "src_dark": f"{src}&theme=dark",
        "width": WIDTH,
        "height": HEIGHT,
        "alt": "Alpha with people by labels learned from. "
        + "; ".join(
            f"{number(size)} labels: {', '.join(f'{arm} {said}' for arm, said in found.items())}"
            for size, found in sorted(by_size.items())
        ),
        "columns": [{"text": "Labels", "numeric": True}, *({"text": name, "numeric": True} for name in names)],
        "rows": [
            {"header": number(size), "cells": [found.get(name) for name in names]}
            for size, found in sorted(by_size.items())
        ],
    }
