"""Adapters: what was trained, how it measured, which one is in use."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeling.access import for_roles
from labeling.actions.adapters import promote_adapter
from labeling.actions.jobs import enqueue_job
from labeling.models import Adapter, Job, Membership, Role
from labeling.queries.adapters import adapters_of, measured
from labeling.queries.projects import labels_of
from labeling.views.charts import learning_table
from labeling.views.frame import project_page
from labeling.views.numbers import stat


@require_safe
@for_roles(Role.LEAD)
def adapters(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show every adapter, the newest first."""
    found = list(adapters_of(member.project))
    context = {"adapters": [adapter_row(adapter) for adapter in found], "chart": learning_table(found)}
    return project_page(request, member, "adapters/page.html", "adapters", context)


@require_safe
@for_roles(Role.LEAD)
def adapter(request: HttpRequest, member: Membership, number: int) -> HttpResponse:
    """Show one adapter: its measures, where it errs, and its whole making."""
    found = get_object_or_404(adapters_of(member.project), number=number)
    holdout = found.manifest.get("holdout") or {}
    labels = labels_of(member.project)
    crumbs = [
        {"text": "Adapters", "url": reverse("adapters", args=[member.project.slug])},
        {"text": found.name, "url": ""},
    ]
    context = {
        "crumbs": crumbs,
        "row": adapter_row(found),
        "labels": labels,
        "confusion": [
            {"label": label, "cells": row, "total": sum(row)}
            for label, row in zip(labels, holdout.get("confusion", ()), strict=False)
        ],
        "scores": [
            {"label": label, **score} for label, score in zip(labels, holdout.get("per_label", ()), strict=False)
        ],
        "making": making(found.manifest),
    }
    return project_page(request, member, "adapters/adapter.html", "adapters", context)


@require_POST
@for_roles(Role.LEAD)
def promote(request: HttpRequest, member: Membership, number: int) -> HttpResponse:
    """Make an adapter the champion, also an earlier one; then the pool is scored and a round selected."""
    found = get_object_or_404(adapters_of(member.project), number=number)
    promote_adapter(found, member.user)
    enqueue_job(member.project, Job.Kind.SCORE, member.user, (Job.Kind.SELECT,))
    messages.success(request, f"{found.name} is the champion now.")
    return redirect("adapter", slug=member.project.slug, number=number)


def adapter_row(found: Adapter) -> dict[str, Any]:
    """Return an adapter with its measures."""
    holdout = found.manifest.get("holdout") or {}
    return {
        "adapter": found,
        "accuracy": stat(measured(found.manifest, "accuracy")),
        "alpha": stat(measured(found.manifest, "alpha")),
        "baseline": holdout.get("majority_accuracy"),
        "macro_f1": stat(measured(found.manifest, "macro_f1"))["value"],
        "ece": stat(measured(found.manifest, "ece"))["value"],
        "n": holdout.get("n"),
    }


def making(manifest: dict[str, Any], before: str = "") -> list[dict[str, Any]]:
    """Return everything the manifest says besides the evaluation, as (name, value) rows, nested names joined."""
    rows: list[dict[str, Any]] = []
    for name, value in manifest.items():
        if name == "holdout":
            continue
        if isinstance(value, dict):
            rows += making(value, f"{before}{name} · ")
        else:
            rows.append({"header": f"{before}{name}".replace("_", " "), "cells": [value]})
    return rows
