"""How many labels of each kind a training would learn from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, F

from labeling.models import Consensus, Project
from labeling.queries.training_set import imported_pairs, settled_pairs

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
    """Return what a training that started now would learn from and be measured on. Two statements, no texts."""
    counts: Counter[tuple[str, int]] = Counter()
    sources: Counter[str] = Counter()
    settled = settled_pairs(project).values_list("pair__query__split", "label_id", "method")
    for split, label, method, count in settled.annotate(count=Count("pk")).order_by():
        counts[split, label] += count
        sources[SOURCES[Consensus.Method(method)]] += count
    for split, label, count in _imported_counts(project):
        counts[split, label] += count
        sources[IMPORTED] += count
    return Shares(counts, dict(sources))


def _imported_counts(project: Project) -> list[tuple[str, int, int]]:
    """Return (split, label, count) of the imported labels; counted after one of each pair is chosen."""
    if project.imported_labels != Project.ImportedLabels.TRAIN:
        return []
    chosen = imported_pairs(project).annotate(split=F("pair__query__split")).values("split", "label_id")
    statement, values = chosen.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT split, label_id, count(*) FROM ({statement}) chosen GROUP BY split, label_id",  # noqa: S608
            values,
        )
        rows: list[tuple[str, int, int]] = cursor.fetchall()
    return rows
