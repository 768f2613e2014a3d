"""The pairs that a training learned from, or would learn from now, by split and label."""

from django.db.models import Q, QuerySet

from labeling.models import Adapter, ImportedLabel, Label, Pair, Project, TrainingItem
from labeling.queries.training_set import imported_pairs, settled_pairs


def pairs_to_learn(project: Project, split: str, label: Label) -> QuerySet[Pair]:
    """Return the pairs of a split with a label that a training which started now would get, by their ids."""
    settled = settled_pairs(project).filter(label=label)
    # One label of a pair is chosen first, and only then looked at.
    imported = ImportedLabel.objects.filter(pk__in=imported_pairs(project).values("pk"), label=label)
    found = Q(pk__in=settled.values("pair")) | Q(pk__in=imported.values("pair"))
    return _shown(Pair.objects.filter(found, project=project, query__split=split))


def pairs_learned(adapter: Adapter, split: str, label: Label) -> QuerySet[Pair]:
    """Return the pairs of a split that an adapter was trained or calibrated on with a label, by their ids."""
    items = TrainingItem.objects.filter(job=adapter.job_id, split=split, label=label)
    return _shown(Pair.objects.filter(pk__in=items.values("pair")))


def _shown(pairs: QuerySet[Pair]) -> QuerySet[Pair]:
    return pairs.select_related("query", "product__revision", "consensus__label").order_by("pk")
