"""How many labels of each kind a training would learn from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from labeling.models import Project
from labeling.queries.training_set import labeled_pairs


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
    """Return what a training that started now would learn from and be measured on."""
    pairs = list(labeled_pairs(project))
    return Shares(Counter((pair.split, pair.label_id) for pair in pairs), dict(Counter(pair.origin for pair in pairs)))
