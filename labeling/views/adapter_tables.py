"""Adapters as tables: all of them, and what one did by label, by confidence and in parts of the holdout."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from django.urls import reverse

from labeling.models import Adapter, Label, Project
from labeling.queries.adapters import measured
from labeling.queries.slices import OTHERS
from labeling.views.agreement_tables import slice_title
from labeling.views.holdout_pairs import holdout_url
from labeling.views.tables import FEWEST, Column, Kind, Row, Table

PAIRS = "pairs"
PRUNED = "pruned"  # the state that a page shows of an adapter whose files are gone


def state_of(adapter: Adapter) -> str:
    """Return the state that a page shows."""
    return PRUNED if adapter.pruned_at else adapter.state


def number_of(adapter: Adapter, name: str) -> dict[str, Any] | None:
    """Return a measure of the holdout evaluation as a table's cell wants it; None where there is none."""
    found = measured(adapter.manifest, name)
    return None if found is None else found.to_dict()


def people_alpha(adapter: Adapter) -> dict[str, Any] | None:
    """Return people's own alpha on the holdout pairs that an adapter was measured on; None where it is not known."""
    found: dict[str, Any] | None = adapter.measures.get("people_alpha")
    return found if found and found["value"] is not None else None


def adapters_table(project: Project, adapters: Sequence[Adapter], rounds: Mapping[int, int]) -> Table:
    """Return all adapters with how they measured; `rounds` are the newest rounds they learned from, by their ids."""
    return Table(
        "Adapters",
        (
            Column("Adapter", "adapter"),
            Column("State", "state", Kind.STATE),
            Column("Round", "round", Kind.COUNT),
            Column("Labels", "labels learned from", Kind.COUNT, "labels"),
            Column("Accuracy", "accuracy", Kind.ESTIMATE, "share"),
            Column("Commonest label", "accuracy of the commonest label", Kind.NUMBER, "share"),
            Column("Alpha", "alpha against people", Kind.ESTIMATE),
            Column("People's alpha", "people's own alpha", Kind.ESTIMATE),
            Column("Macro F1", "macro F1", Kind.ESTIMATE, exported=True),
            Column("Calibration error", "calibration error", Kind.ESTIMATE, "share"),
            Column("Decision", "decision", exported=True),
            Column("Trained", "trained", Kind.DAY),
        ),
        tuple(_adapter_row(project, one, rounds.get(one.pk)) for one in adapters),
    )


def _adapter_row(project: Project, adapter: Adapter, newest: int | None) -> Row:
    pairs = holdout_url(adapter)
    values = (
        adapter.name,
        state_of(adapter),
        newest,
        adapter.labels_seen,
        number_of(adapter, "accuracy"),
        (adapter.manifest.get("holdout") or {}).get("majority_accuracy"),
        number_of(adapter, "alpha"),
        people_alpha(adapter),
        number_of(adapter, "macro_f1"),
        number_of(adapter, "ece"),
        adapter.verdict,
        adapter.created_at,
    )
    links = {"adapter": reverse("adapter", args=[project.slug, adapter.number]), "accuracy": pairs}
    links["alpha against people"] = holdout_url(adapter, right=False)
    return Row(values, links)


def label_table(adapter: Adapter, labels: Sequence[Label]) -> Table:
    """Return how an adapter does at each label."""
    scores = (adapter.manifest.get("holdout") or {}).get("per_label", ())
    return Table(
        "By label",
        (
            Column("Label", "label", Kind.LABEL),
            Column("Precision", "precision", Kind.NUMBER),
            Column("Recall", "recall", Kind.NUMBER),
            Column("F1", "F1", Kind.ESTIMATE),
            Column("Pairs", "pairs that people gave it", Kind.COUNT, PAIRS),
        ),
        tuple(
            Row(
                (label, score["precision"], score["recall"], _f1(score), score["n"]),
                {
                    "precision": holdout_url(adapter, judged=label.key),
                    "recall": holdout_url(adapter, said=label.key),
                    "pairs that people gave it": holdout_url(adapter, said=label.key) if score["n"] else "",
                },
            )
            for label, score in zip(labels, scores, strict=False)
        ),
    )


def _f1(score: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": score["f1"], "low": score.get("f1_low"), "high": score.get("f1_high"), "n": score["n"]}


def confusion_table(adapter: Adapter, labels: Sequence[Label]) -> Table:
    """Return how often people gave one label and the adapter another, for a file: the page draws its own."""
    counts = (adapter.manifest.get("holdout") or {}).get("confusion", ())
    given = (Column(label.name, f"{label.key} by the adapter", Kind.COUNT, PAIRS) for label in labels)
    columns = (Column("People", "label by people", Kind.LABEL), *given)
    return Table(
        "Where it errs",
        columns,
        tuple(Row((label, *row)) for label, row in zip(labels, counts, strict=False)),
    )


def confusion_rows(adapter: Adapter, labels: Sequence[Label]) -> list[dict[str, Any]]:
    """Return the confusion with the address of the pairs behind each count; empty where there is none."""
    counts = (adapter.manifest.get("holdout") or {}).get("confusion", ())
    most = max((max(row) for row in counts), default=0)
    return [
        {
            "label": people,
            "total": sum(row),
            "href": holdout_url(adapter, said=people.key) if any(row) else "",
            "cells": [
                {
                    "n": count,
                    "href": holdout_url(adapter, said=people.key, judged=judged.key) if count else "",
                    "right": people == judged,
                    "often": people != judged and count > 0 and count >= most / 10,
                }
                for judged, count in zip(labels, row, strict=False)
            ],
        }
        for people, row in zip(labels, counts, strict=False)
    ]


def reliability_table(adapter: Adapter) -> Table:
    """Return what each degree of confidence was worth."""
    found = (adapter.manifest.get("holdout") or {}).get("reliability", ())
    return Table(
        "What a confidence was worth",
        (
            Column("Confidence", "confidence"),
            Column("Mean", "mean confidence", Kind.NUMBER, "share"),
            Column("Right", "right", Kind.ESTIMATE, "share"),
            Column("Pairs", "pairs", Kind.COUNT),
        ),
        tuple(
            Row(
                (f"{one['low']:.2f} to {one['high']:.2f}", one["confidence"], one["right"], one["right"]["n"]),
                {"pairs": holdout_url(adapter, least=one["low"] or "", most=one["high"] if one["high"] < 1 else "")},
            )
            for one in found
        ),
    )


def coverage_table(adapter: Adapter) -> Table:
    """Return what accuracy is left when only the surest share is taken."""
    found = (adapter.manifest.get("holdout") or {}).get("coverage", ())
    return Table(
        "Accuracy when only the surest are taken",
        (
            Column("Surest share", "share taken", Kind.NUMBER, "share"),
            Column("Confidence from", "confidence from", Kind.NUMBER, "share"),
            Column("Accuracy", "accuracy", Kind.ESTIMATE, "share"),
            Column("Pairs", "pairs", Kind.COUNT),
        ),
        tuple(
            Row(
                (one["coverage"], one["confidence"], one["accuracy"], one["accuracy"]["n"]),
                # The address asks for more than `least`, the table for at least.
                {"pairs": holdout_url(adapter, least=math.nextafter(float(np.float32(one["confidence"])), 0))},
            )
            for one in found
        ),
    )


SLICE = (
    Column("Pairs", "pairs", Kind.COUNT),
    Column("Queries", "queries", Kind.COUNT, exported=True),
    Column("Accuracy", "accuracy", Kind.ESTIMATE, "share"),
    Column("Alpha", "alpha against people", Kind.ESTIMATE),
)


def slice_tables(adapter: Adapter) -> list[Table]:
    """Return a table for each way to split the holdout. What is surely below the whole is marked.

    Parts that need more pairs come last and are marked, and so does a split that has only such parts.
    """
    whole = number_of(adapter, "accuracy")
    tables = [
        Table(slice_title(name), (Column("Value", "value"), *SLICE), tuple(_slice_rows(adapter, name, parts, whole)))
        for name, parts in (adapter.measures.get("slices") or {}).items()
    ]
    return sorted(tables, key=lambda table: all(row.thin for row in table.rows))


def all_slices_table(adapter: Adapter) -> Table:
    """Return every part of every split, for a file."""
    columns = (Column("Part", "part"), Column("Value", "value"), *SLICE)
    rows = (
        Row((name, *row.values))
        for name, parts in (adapter.measures.get("slices") or {}).items()
        for row in _slice_rows(adapter, name, parts, None)
    )
    return Table("In parts of the holdout", columns, tuple(rows))


def _slice_rows(
    adapter: Adapter, name: str, parts: Sequence[Mapping[str, Any]], whole: Mapping[str, Any] | None
) -> Iterator[Row]:
    for part in sorted(parts, key=lambda one: one["n"] < FEWEST):
        high, thin = part["accuracy"]["high"], part["n"] < FEWEST
        below = whole is not None and high is not None and not thin and high < whole["value"]
        pairs = "" if part["value"] == OTHERS else holdout_url(adapter, slice=name, value=part["value"])
        wrong = pairs and holdout_url(adapter, slice=name, value=part["value"], right=False)
        values = (part["value"], part["n"], part["queries"], part["accuracy"], part["alpha"])
        yield Row(values, {"pairs": pairs, "accuracy": pairs, "alpha against people": wrong}, wanting=below, thin=thin)
