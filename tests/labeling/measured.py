"""Adapters that were measured on holdout pairs, with what they said of each."""

from collections.abc import Sequence

from labeling.models import Adapter, HoldoutPrediction, Pair, Project
from labeling.queries.projects import labels_of


def measure(adapter: Adapter, pairs: Sequence[Pair], said: Sequence[str], confidences: Sequence[float] = ()) -> None:
    """Store what an adapter said: "ES" is Exact by people and Substitute by it. It is 0.9 sure if nothing is said."""
    labels = labels_of(adapter.project)
    place = {label.key: index for index, label in enumerate(labels)}
    sure = confidences or [0.9] * len(pairs)
    HoldoutPrediction.objects.bulk_create(
        HoldoutPrediction(
            adapter=adapter,
            pair=pair,
            label=labels[place[one[0]]],
            judged=labels[place[one[1]]],
            probabilities=[
                confidence if index == place[one[1]] else (1 - confidence) / (len(labels) - 1)
                for index in range(len(labels))
            ],
            confidence=confidence,
        )
        for pair, one, confidence in zip(pairs, said, sure, strict=True)
    )


def confusion(project: Project, said: Sequence[str]) -> list[list[int]]:
    """Return the counts of such sayings as a manifest has them: people's label, then the adapter's."""
    keys = [label.key for label in labels_of(project)]
    return [[sum(one == people + judged for one in said) for judged in keys] for people in keys]
