"""How many labels of each kind a training would learn from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, F, QuerySet

from labeling.models import Consensus, ImportedCount, ImportedLabel, Project, Split
from labeling.queries.training_set import chosen_labels, settled_pairs

SOURCES = {
    Consensus.Method.MAJORITY: "people, by majority",
    Consensus.Method.DAWID_SKENE: "people, by Dawid-Skene",
    Consensus.Method.ADJUDICATED: "ruled by an expert",
}
IMPORTED = "imported"


@dataclass(frozen=True)
class Shares:
    """Counts of labeled pairs by split and label (ids), and by where their labels come from, in words."""

    counts: Mapping[tuple[str, int], int]
    sources: Mapping[str, int]

    def count(self, split: str, label: int) -> int:
        """Return how many pairs of a split have a label."""
        return self.counts.get((split, label), 0)

    def total(self, split: str) -> int:
        """Return how many pairs a split has."""
        return sum(count for (name, _), count in self.counts.items() if name == split)


def class_shares(project: Project) -> Shares:
    """Return what a training that started now would learn from and be measured on. No texts are read.

    It costs as much as people have judged, however many labels were imported.
    """
    counts: Counter[tuple[str, int]] = Counter()
    sources: Counter[str] = Counter()
    settled = settled_pairs(project).values_list("pair__query__split", "label_id", "method")
    for split, label, method, count in settled.annotate(count=Count("pk")).order_by():
        counts[split, label] += count
        sources[SOURCES[Consensus.Method(method)]] += count
    imported = imported_counts(project)
    counts.update(imported)
    if imported:
        sources[IMPORTED] = sum(imported.values())
    return Shares(counts, dict(sources))


def imported_counts(project: Project) -> dict[tuple[str, int], int]:
    """Return how many imported_pairs there are by split and label: what imports have counted, less what is judged."""
    if project.imported_labels != Project.ImportedLabels.TRAIN:
        return {}
    kept = ImportedCount.objects.filter(project=project).exclude(split=Split.HOLDOUT)
    counts = Counter({(split, label): pairs for split, label, pairs in kept.values_list("split", "label_id", "pairs")})
    judged = chosen_labels(project).filter(pair__consensus__project=project)
    for split, label, count in count_chosen(judged):
        counts[split, label] -= count
    return {place: count for place, count in counts.items() if count > 0 and place[0] != Split.HOLDOUT}


def count_chosen(chosen: QuerySet[ImportedLabel]) -> list[tuple[str, int, int]]:
    """Return (split, label, count) of chosen_labels; counted after one of each pair is chosen."""
    by_split = chosen.annotate(split=F("pair__query__split")).values("split", "label_id")
    statement, values = by_split.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT split, label_id, count(*) FROM ({statement}) chosen GROUP BY split, label_id",  # noqa: S608
            values,
        )
        rows: list[tuple[str, int, int]] = cursor.fetchall()
    return rows
