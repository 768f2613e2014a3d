"""Adapters and how they measured."""

from typing import Any

from django.db.models import QuerySet

from labeling.models import Adapter, Project
from modeling.estimates import NAN, Estimate


def adapters_of(project: Project) -> QuerySet[Adapter]:
    """Return the project's adapters, the newest first."""
    return Adapter.objects.filter(project=project).select_related("job").order_by("-number")


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
