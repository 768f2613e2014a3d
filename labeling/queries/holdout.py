"""What adapters said of the holdout, as arrays, and what people said of it together."""

from dataclasses import dataclass

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from labeling.models import Adapter, HoldoutPrediction, Judgment, Project, Stream
from labeling.queries.projects import labels_of
from labeling.queries.slices import slices_of
from modeling.evaluation.comparison import Comparison, compare
from modeling.labels.judged import Slice

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Said:
    """The holdout pairs of an adapter by their ids, with people's label and its own: parallel arrays (n,).

    `truth` and `judged` index the scheme's labels.
    """

    pairs: Ids
    queries: Ids
    truth: Ids
    judged: Ids

    def __len__(self) -> int:
        return len(self.pairs)


def said_by(adapter: Adapter) -> Said:
    """Return what an adapter said of the holdout pairs when it was measured."""
    place = {label.pk: number for number, label in enumerate(labels_of(adapter.project))}
    rows = HoldoutPrediction.objects.filter(adapter=adapter).order_by("pair_id")
    said = rows.values_list("pair_id", "pair__query_id", "label_id", "judged_id")
    table = [(pair, query, place[label], place[judged]) for pair, query, label, judged in said]
    return Said(*np.array(table, dtype=np.int64).reshape(-1, 4).T)


def compare_adapters(first: Adapter, second: Adapter) -> Comparison | None:
    """Compare two adapters on the pairs that both were measured on; None where there is no such pair.

    People's label is the one that the first was measured by.
    """
    ours, theirs = said_by(first), said_by(second)
    pairs, at, other = np.intersect1d(ours.pairs, theirs.pairs, assume_unique=True, return_indices=True)
    if not len(pairs):
        return None
    return compare(ours.truth[at], ours.judged[at], theirs.judged[other], ours.queries[at])


def was_measured_beside(adapter: Adapter, other: Adapter) -> bool:
    """Return whether the other adapter said something of every holdout pair of the first, and there is one."""
    own = HoldoutPrediction.objects.filter(adapter=adapter)
    shared = own.filter(pair__in=HoldoutPrediction.objects.filter(adapter=other).values("pair"))
    count = own.count()
    return count > 0 and shared.count() == count


def people_counts(project: Project, pairs: Ids) -> NDArray[np.int64]:
    """Return how many people gave each pair each label, (pairs, labels): live judgments, repeats and gold aside."""
    labels = labels_of(project)
    column = {label.pk: place for place, label in enumerate(labels)}
    rows = (
        Judgment.objects.filter(pair__in=pairs.tolist(), retired_at__isnull=True)
        .exclude(stream__in=(Stream.GOLD, Stream.REPEAT))
        .order_by()
        .values_list("pair_id", "label_id")
        .annotate(given=Count("pk"))
    )
    counts = np.zeros((len(pairs), len(labels)), np.int64)
    place = {pair: number for number, pair in enumerate(pairs.tolist())}
    for pair, label, given in rows:
        counts[place[pair], column[label]] = given
    return counts


def holdout_slices(project: Project, said: Said) -> dict[str, Slice]:
    """Return every way to split the holdout pairs that has two values or more. They are all of the random stream."""
    found = slices_of(project, said.pairs, said.queries, np.zeros(len(said), np.intp))
    return {
        name: one for name, one in found.items() if name != "stream" and len(np.unique(one.codes[one.codes >= 0])) > 1
    }
