"""How far people agree, from what is stored."""

from dataclasses import dataclass

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from labeling.models import Judgment, Project, Stream
from labeling.queries.projects import labels_of
from modeling.labels.agreement import Agreement, agreement


@dataclass(frozen=True)
class LabelCounts:
    """How many live judgments gave each label: counts (pairs, labels) int64; pair_ids and query_ids (pairs,)."""

    counts: NDArray[np.int64]
    pair_ids: NDArray[np.int64]
    query_ids: NDArray[np.int64]


def label_counts(project: Project) -> LabelCounts:
    """Count live judgments by pair and label; gold pairs and repeats, which say how one person does, are left out."""
    position = {label.pk: index for index, label in enumerate(labels_of(project))}
    rows = (
        Judgment.objects.filter(project=project, retired_at__isnull=True)
        .exclude(stream__in=(Stream.GOLD, Stream.REPEAT))
        .values_list("pair_id", "pair__query_id", "label_id")
        .annotate(n=Count("id"))
        .order_by("pair_id")
    )
    table = np.array([(pair, query, position[label], n) for pair, query, label, n in rows], dtype=np.int64).reshape(
        -1, 4
    )
    pair_ids, first, row = np.unique(table[:, 0], return_index=True, return_inverse=True)
    counts = np.zeros((len(pair_ids), len(position)), dtype=np.int64)
    counts[row, table[:, 2]] = table[:, 3]
    return LabelCounts(counts, pair_ids, table[first, 1])


def project_agreement(project: Project, seed: int = 0) -> Agreement:
    """Return raw agreement and Krippendorff's alpha of the project's judgments, with intervals over queries."""
    found = label_counts(project)
    return agreement(found.counts, found.query_ids, seed=seed)
