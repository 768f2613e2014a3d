"""Recording what adapters said of the holdout, and what that is worth."""

from typing import Any

import numpy as np
from django.db import transaction

from labeling.models import Adapter, HoldoutPrediction, Label, Project
from labeling.queries.holdout import Said, holdout_slices, people_counts
from labeling.queries.projects import labels_of
from modeling.evaluation.by_slice import evaluate_slices
from modeling.judge.holdout import Floats, Holdout
from modeling.labels.agreement import agreement


def measure_holdout(project: Project, found: Holdout, seed: int) -> dict[str, Any]:
    """Return how far people agree on the holdout pairs, and what the challenger did by slice, as plain JSON.

    The intervals take their time: this is done before anything is locked. ValueError for a holdout of other labels.
    """
    labels = len(labels_of(project))
    if len(found) and found.challenger.shape[1] != labels:
        raise ValueError(f"expected probabilities of {labels} labels, got {found.challenger.shape[1]}")
    judged = found.challenger.argmax(axis=1) if len(found) else np.zeros(0, np.int64)
    said = Said(found.pairs, found.queries, found.labels, judged)
    people = agreement(people_counts(project, said.pairs), said.queries, seed=seed)
    slices = {name: (one.codes, one.values) for name, one in holdout_slices(project, said).items()}
    by_slice = evaluate_slices(said.truth, said.judged, said.queries, slices, labels=labels, seed=seed)
    return {
        "people_alpha": people.alpha.to_dict(),
        "people_raw": people.raw.to_dict(),
        "slices": {name: [part.to_dict() for part in parts] for name, parts in by_slice.items()},
    }


@transaction.atomic
def record_holdout(adapter: Adapter, champion: Adapter | None, found: Holdout, measures: dict[str, Any]) -> None:
    """Store what a run said of the holdout (modeling.judge.holdout), and what measure_holdout made of it.

    The champion's rows of pairs that it was measured on before are replaced.
    """
    labels = labels_of(adapter.project)
    _store_said(adapter, found, found.challenger, labels)
    if champion is not None and found.champion is not None:
        _store_said(champion, found, found.champion, labels)
    adapter.measures = measures
    adapter.save(update_fields=("measures",))


def _store_said(adapter: Adapter, found: Holdout, probabilities: Floats, labels: list[Label]) -> None:
    judged = probabilities.argmax(axis=1).tolist()
    rows = zip(found.pairs.tolist(), found.labels.tolist(), judged, probabilities.tolist(), strict=True)
    HoldoutPrediction.objects.bulk_create(
        (
            HoldoutPrediction(
                adapter=adapter,
                pair_id=pair,
                label=labels[people],
                judged=labels[own],
                probabilities=chances,
                confidence=min(1.0, max(chances)),
            )
            for pair, people, own, chances in rows
        ),
        batch_size=2000,
        update_conflicts=True,
        unique_fields=("adapter", "pair"),
        update_fields=("label", "judged", "probabilities", "confidence"),
    )
