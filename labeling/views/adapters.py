"""Adapters: what was trained, how it measured, how it was decided, and which one is in use."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeling.access import for_roles
from labeling.actions.adapters import promote_adapter, roll_back
from labeling.actions.jobs import enqueue_job
from labeling.models import Adapter, Job, Label, Membership, Project, Role
from labeling.queries.adapters import adapters_of, measured
from labeling.queries.learning import rounds_learned_from
from labeling.queries.projects import labels_of
from labeling.queries.rounds import ending_round
from labeling.queries.training_steps import steps_of
from labeling.views.adapter_charts import chart_context, time_context
from labeling.views.adapter_tables import (
    adapters_table,
    all_slices_table,
    confusion_rows,
    confusion_table,
    coverage_table,
    label_table,
    people_alpha,
    reliability_table,
    slice_tables,
    state_of,
)
from labeling.views.frame import project_page
from labeling.views.holdout_pairs import holdout_url
from labeling.views.learning_curve import in_words, learning_context, learning_curve_of
from labeling.views.making import making
from labeling.views.numbers import stat
from labeling.views.promotion import became_champion, decision, rolling_back
from labeling.views.tables import Table, csv_response, table_context
from labeling.views.training_charts import loss_context

TABLES: dict[str, Callable[[Adapter, Sequence[Label]], Table]] = {
    "labels": label_table,
    "confusion": confusion_table,
    "reliability": lambda adapter, _labels: reliability_table(adapter),
    "coverage": lambda adapter, _labels: coverage_table(adapter),
    "slices": lambda adapter, _labels: all_slices_table(adapter),
}


@require_safe
@for_roles(Role.LEAD)
def adapters(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show every adapter, the newest first, what labels have bought, and what more of them would."""
    project = member.project
    found = every_adapter(project)
    rounds = rounds_learned_from(project, found)
    curve = learning_curve_of(found)
    context = {
        "table": table_context(adapters_table(project, found, rounds)) if found else None,
        "csv": reverse("adapters-csv", args=[project.slug]),
        "curve": learning_context(project, curve, rounds),
        "others": curve.others,
        "forecast": in_words(curve),
        "time": time_context(project, found),
        "back": rolling_back(project),
        "choices": found if len(found) > 1 else [],
    }
    return project_page(request, member, "adapters/page.html", "adapters", context)


@require_safe
@for_roles(Role.LEAD)
def adapters_csv(request: HttpRequest, member: Membership) -> HttpResponseBase:
    """Send all adapters as CSV."""
    found = every_adapter(member.project)
    table = adapters_table(member.project, found, rounds_learned_from(member.project, found))
    return csv_response(table, f"{member.project.slug}-adapters.csv")


@require_safe
@for_roles(Role.LEAD)
def adapter(request: HttpRequest, member: Membership, number: int) -> HttpResponse:
    """Show one adapter: its measures, how it was decided, where it errs, and its whole making."""
    project = member.project
    found = found_adapter(project, number)
    labels = labels_of(project)
    tables = {name: make(found, labels) for name, make in TABLES.items()}
    crumbs = [{"text": "Adapters", "url": reverse("adapters", args=[project.slug])}, {"text": found.name, "url": ""}]
    context = {
        "crumbs": crumbs,
        "row": adapter_row(found),
        "state": state_of(found),
        "decision": decision(found),
        "became": became_champion(found),
        "ending": ending_round(project),
        "labels": labels,
        "confusion": confusion_rows(found, labels),
        "given": _given(found, labels),
        "tables": {name: table_context(table) for name, table in tables.items()},
        "csv": {name: reverse("adapter-csv", args=[project.slug, number, name]) for name in tables},
        "charts": {name: chart_context(found, name) for name in ("reliability", "coverage")},
        "slices": [table_context(table) for table in slice_tables(found)],
        "loss": loss_context(found.job, steps_of(found.job)),
        "making": making(found),
    }
    return project_page(request, member, "adapters/adapter.html", "adapters", context)


def every_adapter(project: Project) -> list[Adapter]:
    """Return the project's adapters, the newest first."""
    found = list(adapters_of(project))
    for one in found:
        one.project = project  # not fetched once more
    return found


def found_adapter(project: Project, number: int) -> Adapter:
    """Return an adapter of the project by its number, 404 where there is none."""
    found = get_object_or_404(adapters_of(project), number=number)
    found.project = found.job.project = project
    return found


def _given(found: Adapter, labels: Sequence[Label]) -> list[dict[str, Any]]:
    """Return how often the adapter gave each label, with the address of the pairs."""
    counts = (found.manifest.get("holdout") or {}).get("confusion", ())
    return [
        {"n": sum(column), "href": holdout_url(found, judged=label.key) if any(column) else ""}
        for label, column in zip(labels, zip(*counts, strict=False), strict=False)
    ]


@require_safe
@for_roles(Role.LEAD)
def adapter_csv(request: HttpRequest, member: Membership, number: int, table: str) -> HttpResponseBase:
    """Send one of an adapter's tables as CSV."""
    if table not in TABLES:
        raise Http404(f"There is no table {table!r}. There are: {', '.join(TABLES)}.")
    found = found_adapter(member.project, number)
    made = TABLES[table](found, labels_of(member.project))
    return csv_response(made, f"{member.project.slug}-{found.name}-{table}.csv")


@require_POST
@for_roles(Role.LEAD)
def promote(request: HttpRequest, member: Membership, number: int) -> HttpResponse:
    """Make an adapter the champion, also an earlier one; then what it has not scored is scored and a round selected."""
    found = found_adapter(member.project, number)
    if promote_adapter(found, member.user):
        enqueue_job(member.project, Job.Kind.SCORE, member.user, (Job.Kind.SELECT,))
        messages.success(request, f"{found.name} is the champion now.")
    elif found.pruned_at:
        messages.error(request, f"{found.name} is pruned: its files are gone, and it cannot be used again.")
    elif found.manifest.get("collapsed"):
        messages.error(request, f"{found.name} cannot be the champion. {found.manifest['collapsed']}")
    return redirect("adapter", slug=member.project.slug, number=number)


@require_POST
@for_roles(Role.LEAD)
def go_back(request: HttpRequest, member: Membership) -> HttpResponse:
    """Make the champion before this one champion again; what came into the pool since is scored, and a round drawn."""
    former = roll_back(member.project, member.user)
    if former is None:
        messages.info(request, "There is no earlier champion to go back to.")
    else:
        enqueue_job(member.project, Job.Kind.SCORE, member.user, (Job.Kind.SELECT,))
        messages.success(request, f"{former.name} is the champion again. What it has scored counts at once.")
    return redirect("adapters", slug=member.project.slug)


def adapter_row(found: Adapter) -> dict[str, Any]:
    """Return an adapter with its measures."""
    holdout = found.manifest.get("holdout") or {}
    people = people_alpha(found)
    return {
        "adapter": found,
        **{
            name: stat(measured(found.manifest, name))
            for name in ("accuracy", "alpha", "macro_f1", "ece", "ece_before")
        },
        "baseline": holdout.get("majority_accuracy"),
        "people": people or stat(None),
        "n": holdout.get("n"),
        "pairs": holdout_url(found),
        "wrong": holdout_url(found, right=False),
        "collapsed": found.manifest.get("collapsed"),
    }
