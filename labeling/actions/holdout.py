"""Recording what adapters said of the holdout, and what that is worth."""

from pathlib import Path

from django.db import transaction

from labeling.models import Adapter, HoldoutPrediction, Label
from labeling.queries.holdout import holdout_slices, people_counts, said_by
from labeling.queries.projects import labels_of
from modeling.evaluation.by_slice import evaluate_slices
from modeling.judge.holdout import Floats, Holdout, read_holdout
from modeling.labels.agreement import agreement


@transaction.atomic
def record_holdout(adapter: Adapter, champion: Adapter | None, path: Path) -> int:
    """Store what a run wrote of the holdout (modeling.judge.holdout) and measure it by slice and beside people.

    The champion's rows of pairs that it was measured on before are replaced. Returns how many pairs there are.
    DatasetError for a file that cannot be read, ValueError for one of other labels.
    """
    found = read_holdout(path)
    labels = labels_of(adapter.project)
    if len(found) and found.challenger.shape[1] != len(labels):
        raise ValueError(f"{path}: expected probabilities of {len(labels)} labels, got {found.challenger.shape[1]}")
    _store_said(adapter, found, found.challenger, labels)
    if champion is not None and found.champion is not None:
        _store_said(champion, found, found.champion, labels)
    measure_adapter(adapter)
    return len(found)


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


def measure_adapter(adapter: Adapter) -> None:
    """Write into `measures` how far people agree on the adapter's holdout pairs, and what it did by slice."""
    said = said_by(adapter)
    seed = adapter.number
    counts = people_counts(adapter.project, said.pairs)
    people = agreement(counts, said.queries, seed=seed)
    by_slice = evaluate_slices(
        said.truth,
        said.judged,
        said.queries,
        {name: (one.codes, one.values) for name, one in holdout_slices(adapter.project, said).items()},
        labels=counts.shape[1],
        seed=seed,
    )
    adapter.measures = {
        "people_alpha": people.alpha.to_dict(),
        "people_raw": people.raw.to_dict(),
        "slices": {name: [part.to_dict() for part in parts] for name, parts in by_slice.items()},
    }
    adapter.save(update_fields=("measures",))
