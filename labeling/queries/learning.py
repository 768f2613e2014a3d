"""What labels have bought so far: the adapters that can be compared, and what they got right of each holdout query."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db.models import Count, F, Q
from numpy.typing import NDArray

from labeling.models import Adapter, HoldoutPrediction, Project, Round
from labeling.queries.projects import labels_of

MOST = 30  # adapters of a curve


def made_alike(adapters: Sequence[Adapter]) -> list[Adapter]:
    """Return those that were made with the newest one's settings, the oldest first, at most MOST.

    What another base model or another learning rate has changed is nothing that labels have bought; the seed is let
    pass.
    """
    newest = max(adapters, key=lambda one: one.number, default=None)
    if newest is None:
        return []
    alike = [one for one in adapters if _settings(one.manifest) == _settings(newest.manifest)]
    return sorted(alike, key=lambda one: one.number)[-MOST:]


def _settings(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (manifest.get("spec") or {}).items() if name != "seed"}


def right_by_query(adapters: Sequence[Adapter]) -> NDArray[np.float64]:
    """Return of how many pairs of a query each adapter is right, and how many it was measured on.

    (queries, adapters, 2); the queries are those that any of the adapters was measured on.
    """
    place = {adapter.pk: number for number, adapter in enumerate(adapters)}
    rows = list(
        HoldoutPrediction.objects.filter(adapter__in=place)
        .values_list("adapter", "pair__query")
        .annotate(right=Count("pk", filter=Q(judged=F("label"))), measured=Count("pk"))
        .order_by()
    )
    queries = {query: number for number, query in enumerate(sorted({row[1] for row in rows}))}
    counts = np.zeros((len(queries), len(place), 2))
    for adapter, query, right, measured in rows:
        counts[queries[query], place[adapter]] = right, measured
    return counts


def counts_by_query_of(adapters: Sequence[Adapter]) -> NDArray[np.float64]:
    """Return what modeling.evaluation.classification.counts_by_query makes of each adapter.

    (queries, adapters, 3, labels): of pairs on which it is right, of what it said, and of what people said. Grouped
    in the database, whatever the number of pairs.
    """
    labels = {label.pk: number for number, label in enumerate(labels_of(adapters[0].project))} if adapters else {}
    place = {adapter.pk: number for number, adapter in enumerate(adapters)}
    rows = list(
        HoldoutPrediction.objects.filter(adapter__in=place)
        .values_list("adapter", "pair__query", "label", "judged")
        .annotate(pairs=Count("pk"))
        .order_by()
    )
    queries = {query: number for number, query in enumerate(sorted({row[1] for row in rows}))}
    counts = np.zeros((len(queries), len(place), 3, len(labels)))
    for adapter, query, people, judged, pairs in rows:
        cell = counts[queries[query], place[adapter]]
        cell[0, labels[people]] += pairs * (people == judged)
        cell[1, labels[judged]] += pairs
        cell[2, labels[people]] += pairs
    return counts


def rounds_learned_from(project: Project, adapters: Sequence[Adapter]) -> dict[int, int]:
    """Return the number of the newest round that was open when each adapter's training was asked for, by its id."""
    opened = list(Round.objects.filter(project=project).order_by("number").values_list("opened_at", "number"))
    found = {}
    for adapter in adapters:
        before = [number for moment, number in opened if moment <= adapter.job.created_at]
        if before:
            found[adapter.pk] = before[-1]
    return found
