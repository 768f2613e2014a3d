"""Adapters and how they measured."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from labeling.models import Adapter, AuditLogEntry, Job, Project, User
from labeling.queries.predictions import champion_of, former_champion
from modeling.estimates import NAN, Estimate
from modeling.judge.store import is_url

# What the audit log calls it when an adapter becomes champion.
PROMOTE, ROLL_BACK = "adapter.promote", "adapter.roll_back"


def adapters_of(project: Project) -> QuerySet[Adapter]:
    """Return the project's adapters, the newest first."""
    return Adapter.objects.filter(project=project).select_related("job").order_by("-number")


def artifact_place(adapter: Adapter) -> str:
    """Return where an adapter's artifact is: its URL, or its folder below the data folder."""
    return adapter.artifact if is_url(adapter.artifact) else str(Path(settings.DATA_DIR) / adapter.artifact)


def adapters_to_prune(project: Project) -> list[Adapter]:
    """Return those beyond the newest that the project keeps.

    Never the champion, nor the one in use before it, nor one that the pool is being scored with.
    """
    kept = {adapter.pk for adapter in (champion_of(project), former_champion(project)) if adapter}
    scoring = Job.objects.filter(project=project, kind=Job.Kind.SCORE, state__in=("queued", "running"))
    kept.update(pk for params in scoring.values_list("params", flat=True) for pk in params.get("adapters", []))
    there = Adapter.objects.filter(project=project, pruned_at__isnull=True).order_by("-number")
    return [adapter for adapter in there[project.adapters_kept :] if adapter.pk not in kept]


@dataclass(frozen=True)
class Promotion:
    """An adapter became champion: when, by whom (None: by the rule), in whose place, and whether by going back."""

    at: dt.datetime
    by: User | None
    before: str | None
    back: bool


def promotions_of(adapter: Adapter) -> list[Promotion]:
    """Return each time that an adapter became champion, the first one first, as the audit log has it."""
    verbs = (PROMOTE, ROLL_BACK)
    entries = AuditLogEntry.objects.filter(project=adapter.project_id, target=adapter.name, verb__in=verbs)
    found: list[Promotion] = []
    back = False
    for entry in entries.select_related("actor").order_by("pk"):
        if entry.verb == ROLL_BACK:
            back = True  # the promotion that it is comes next
        else:
            found.append(Promotion(entry.at, entry.actor, entry.data.get("before"), back))
            back = False
    return found


def measured(manifest: dict[str, Any], name: str) -> Estimate | None:
    """Return a measure of the holdout evaluation with its interval, or None where it is undefined.

    Adapters that an older Winnow trained have no interval of some measures.
    """
    holdout = manifest.get("holdout") or {}
    found = holdout.get(name)
    if isinstance(found, float | int):
        return Estimate(found, NAN, NAN, holdout["n"])
    if not found or found["value"] is None:
        return None
    return Estimate(found["value"], _or_nan(found["low"]), _or_nan(found["high"]), found["n"])


def _or_nan(value: float | None) -> float:
    return NAN if value is None else value
