"""How a project's people err, as the last fit found it, and what it says of them and of the ways to make labels."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject
from numpy.typing import NDArray

from labeling.guidelines.walk import Path, parse_path
from labeling.models import ErrorModel, GoldPair, Judgment, Label, Project, Ruling, Stream
from labeling.queries.agreement import Evidence
from labeling.queries.arrays import fetch_arrays
from labeling.queries.projects import labels_of
from modeling.estimates import Floats
from modeling.labels.aggregation import (
    TIE,
    DawidSkene,
    ErrorRates,
    compare_methods,
    majorities,
    posterior_of,
)
from modeling.labels.errors import Resolved, person_errors, question_errors
from modeling.labels.plain import plain

RESOLVED = """
    SELECT string_agg(int8send(pair_id), ''), string_agg(int8send(label_id), '')
    FROM labeling_consensus WHERE project_id = %s AND state = 'resolved'
"""


@dataclass(frozen=True)
class Errors:
    """A fit to make labels with: `labels` are ids in the order of the rates, `gains` what each is worth."""

    labels: tuple[int, ...]
    gains: tuple[float, ...]
    rates: ErrorRates


_kept: dict[int, tuple[dt.datetime, Errors]] = {}  # by project, with when it was computed


def errors_of(project_id: int, computed_at: dt.datetime) -> Errors | None:
    """Return the fit that was computed at that time, or a later one; None where it is gone. One statement at most.

    Each process keeps the one that it saw last, so that most judgments need no statement for it.
    """
    known = _kept.get(project_id)
    if known is not None and known[0] == computed_at:
        return known[1]
    labels = Label.objects.filter(scheme=OuterRef("project__scheme")).values(it=JSONObject(pk="pk", gain="gain"))
    found = ErrorModel.objects.filter(project=project_id).annotate(scheme=ArraySubquery(labels)).first()
    if found is None:
        return None
    errors = _read(found, {label["pk"]: label["gain"] for label in found.scheme})
    _kept[project_id] = (found.computed_at, errors)
    return errors


def _read(found: ErrorModel, gains: Mapping[int, float]) -> Errors:
    people = sorted(map(int, found.people))
    confusion = np.array([found.people[str(person)] for person in people], dtype=np.float64)
    count = len(found.labels)
    return Errors(
        labels=tuple(found.labels),
        gains=tuple(gains[label] for label in found.labels),
        rates=ErrorRates(
            people=np.array(people, dtype=np.int64),
            prior=np.array(found.prior, dtype=np.float64),
            confusion=confusion.reshape(len(people), count, count),
        ),
    )


def error_report(project: Project, evidence: Evidence, model: DawidSkene) -> dict[str, Any]:
    """Return each person's errors by label and by question, and how each method does where the truth is known, as JSON.

    {pairs, converged, persons (see PersonError; with `counts` (labels, labels): how often they gave each label, by the
    true one), questions (see QuestionError), methods: [{of: "ruled" or "gold", pairs, ties, right: {method: share}}]}.
    """
    counts = dict(zip(model.people.tolist(), model.counts.round(1).tolist(), strict=True))
    walks = list(evidence.walks)
    resolved = _resolved(project, walks)
    return {
        "pairs": len(model.items),
        "converged": model.converged,
        "persons": [plain(row) | {"counts": counts[row.person]} for row in person_errors(model)],
        "questions": plain(question_errors(evidence.judged, walks, resolved)),
        "methods": [
            {"of": "ruled"} | _compare(*_on_rulings(project, evidence, model)),
            {"of": "gold"} | _compare(*_on_gold(project, model)),
        ],
    }


def count_labels(evidence: Evidence, model: DawidSkene) -> NDArray[np.int64]:
    """Count the judgments of each of the model's items by label: (items, labels)."""
    labels = len(evidence.gains)
    row = np.searchsorted(model.items, evidence.judged.pair)
    return np.bincount(row * labels + evidence.judged.label, minlength=len(model.items) * labels).reshape(-1, labels)


def _compare(counts: NDArray[np.int64], likely: Floats, known: NDArray[np.int64]) -> dict[str, Any]:
    """Return how often each method's label is the known one, of pairs (pairs, labels) with at least two judgments."""
    several = counts.sum(axis=1) >= 2
    most = majorities(counts[several])
    methods = {"majority": most, "dawid_skene": likely[several].argmax(axis=1)}
    right = compare_methods(methods, known[several])
    return {"pairs": int(several.sum()), "ties": int((most == TIE).sum()), "right": plain(right)}


def _on_rulings(project: Project, evidence: Evidence, model: DawidSkene) -> tuple[Any, Any, Any]:
    """Return counts, posteriors and labels of ruled pairs. The fit itself knows of no ruling."""
    truth = _labels_by_pair(project, Ruling.objects.filter(project=project, retired_at__isnull=True))
    pairs = np.array(sorted(truth.keys() & set(model.items.tolist())), dtype=np.int64)
    place = np.searchsorted(model.items, pairs)
    known = np.array([truth[pair] for pair in pairs.tolist()], dtype=np.int64)
    return count_labels(evidence, model)[place], model.posterior[place], known


def _on_gold(project: Project, model: DawidSkene) -> tuple[Any, Any, Any]:
    """Return counts, posteriors and labels of gold pairs, by what people answered to them unseen."""
    truth = _labels_by_pair(project, GoldPair.objects.filter(project=project, retired_at__isnull=True))
    answers: dict[int, list[tuple[int, int]]] = {}
    live = Judgment.objects.filter(project=project, stream=Stream.GOLD, retired_at__isnull=True)
    place = _places(project)
    for pair_id, person, label in live.filter(pair__in=truth.keys()).values_list("pair", "annotator", "label"):
        answers.setdefault(pair_id, []).append((person, place[label]))
    labels, pairs = len(model.prior), sorted(answers)
    counts, likely = np.zeros((len(pairs), labels), dtype=np.int64), np.zeros((len(pairs), labels))
    for row, pair_id in enumerate(pairs):
        people, given = zip(*answers[pair_id], strict=True)
        counts[row] = np.bincount(given, minlength=labels)
        likely[row] = posterior_of(given, people, model)
    return counts, likely, np.array([truth[pair_id] for pair_id in pairs], dtype=np.int64)


def _resolved(project: Project, walks: list[Path]) -> Resolved:
    """Return the labels that stand; walks of rulings that are not among the `walks` are put to their end."""
    pair, label = fetch_arrays(RESOLVED, [project.pk])
    place = _places(project)
    order = np.argsort(pair)
    pair, label = pair[order], label[order]
    walk = np.full(len(pair), -1)
    ruled = Ruling.objects.filter(project=project, retired_at__isnull=True).values_list("pair", "path")
    at = {path: number for number, path in enumerate(walks)}
    for pair_id, text in ruled:
        path = parse_path(text)
        if path not in at:
            at[path] = len(walks)
            walks.append(path)
        row = int(np.searchsorted(pair, pair_id))
        if row < len(pair) and pair[row] == pair_id:
            walk[row] = at[path]
    return Resolved(pair, np.array([place[one] for one in label.tolist()], dtype=np.intp), walk)


def _labels_by_pair(project: Project, rows: QuerySet[Any]) -> dict[int, int]:
    """Return the label of each pair as its place in the scheme."""
    place = _places(project)
    return {pair_id: place[label] for pair_id, label in rows.values_list("pair", "label")}


def _places(project: Project) -> dict[int, int]:
    return {label.pk: number for number, label in enumerate(labels_of(project))}
