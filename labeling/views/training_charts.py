"""The loss curve of a training, drawn anew as it goes on."""

from collections.abc import Sequence
from typing import Any

import altair
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.language import number
from labeling.models import Job, Membership, Role, TrainingStep
from labeling.queries.training_steps import steps_of
from labeling.views.charts import MARK, SOFT, as_svg, svg_response, theme_of
from labeling.views.tables import Column, Kind, Row, Table, csv_response

WIDTH, HEIGHT = 480, 200
DRAWN = 400  # points at most: more are not told apart
LISTED = 12  # rows beneath the chart; the file has all
FEWEST = 2  # points that make a curve
SMOOTH, LEAST_AROUND = 20, 5  # the mean is over a twentieth of the curve, and at least so many reports
FIT = altair.AutoSizeParams(type="fit", contains="padding")


@require_safe
@for_roles(Role.LEAD)
def loss_curve(request: HttpRequest, member: Membership, job_id: int) -> HttpResponse:
    """Draw the loss of a training, as far as it has come."""
    steps = steps_of(get_object_or_404(member.project.jobs, pk=job_id))
    return svg_response(draw_loss(loss_points(steps), theme_of(request)))


@require_safe
@for_roles(Role.LEAD)
def loss_csv(request: HttpRequest, member: Membership, job_id: int) -> HttpResponseBase:
    """Send everything that a training reported as CSV."""
    job = get_object_or_404(member.project.jobs, pk=job_id)
    return csv_response(loss_table(steps_of(job)), f"{member.project.slug}-training-{job.pk}.csv")


def loss_points(steps: Sequence[TrainingStep]) -> list[dict[str, Any]]:
    """Return at most DRAWN points of the curve, each with the mean loss of what lies around it."""
    around = max(LEAST_AROUND, len(steps) // SMOOTH)
    losses = [step.loss for step in steps]
    each = -(-len(steps) // DRAWN) or 1
    chosen = sorted({*range(0, len(steps), each), len(steps) - 1}) if steps else []
    points = []
    for place in chosen:
        window = losses[max(0, place - around // 2) : place + around // 2 + 1]
        points.append({"step": steps[place].step, "loss": losses[place], "mean": sum(window) / len(window)})
    return points


def draw_loss(points: list[dict[str, Any]], theme: str) -> str:
    """Return the SVG: what was reported, thin, and its running mean."""
    base = altair.Chart(altair.InlineData(values=points)).encode(
        x=altair.X(
            "step:Q",
            title="Step",
            axis=altair.Axis(format=",d", tickMinStep=1, tickCount=8),
            scale=altair.Scale(nice=False),
        )
    )

    def loss(field: str) -> altair.Y:
        return altair.Y(f"{field}:Q", title="Loss", scale=altair.Scale(zero=False, nice=True))

    chart = altair.layer(
        base.mark_line(color=SOFT[theme], strokeWidth=1, opacity=0.6).encode(y=loss("loss")),
        base.mark_line(color=MARK[theme], strokeWidth=2).encode(y=loss("mean")),
    ).properties(width=WIDTH, height=HEIGHT, autosize=FIT)
    return as_svg(chart, theme)


def loss_table(steps: Sequence[TrainingStep]) -> Table:
    """Return what was reported, a row for each step."""
    return Table(
        "What the training reported",
        (
            Column("Step", "step", Kind.COUNT),
            Column("Loss", "loss", Kind.NUMBER),
            Column("Learning rate", "learning rate", exported=True),
            Column("Pairs a second", "speed", Kind.NUMBER, "pairs per second"),
            Column("Memory", "memory", Kind.NUMBER, "MB", exported=True),
            Column("At", "at", exported=True),
        ),
        tuple(
            Row((one.step, one.loss, one.learning_rate, one.pairs_per_second, one.memory_mb, one.at.isoformat()))
            for one in steps
        ),
    )


def loss_context(job: Job, steps: Sequence[TrainingStep]) -> dict[str, Any] | None:
    """Return the curve as components/chart.html wants it, with the file of its numbers; None where there is none."""
    if len(steps) < FEWEST:
        return None
    slug = job.project.slug
    src = reverse("loss-curve", args=[slug, job.pk]) + f"?v={steps[-1].step}"
    shown = (
        [steps[place * (len(steps) - 1) // (LISTED - 1)] for place in range(LISTED)] if len(steps) > LISTED else steps
    )
    return {
        "src": src,
        "src_dark": f"{src}&theme=dark",
        "width": WIDTH,
        "height": HEIGHT,
        "alt": f"The loss goes from {steps[0].loss:.3f} at step {number(steps[0].step)} to {steps[-1].loss:.3f} "
        f"at step {number(steps[-1].step)}.",
        "columns": [{"text": "Step"}, {"text": "Loss", "numeric": True}, {"text": "Pairs a second", "numeric": True}],
        "rows": [
            {
                "header": number(one.step),
                "cells": [f"{one.loss:.4f}", "" if one.pairs_per_second is None else f"{one.pairs_per_second:.1f}"],
            }
            for one in shown
        ],
        "csv": reverse("loss-csv", args=[slug, job.pk]),
    }
