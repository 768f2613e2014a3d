"""The pairs that a training learned from, or would learn from now, by split and label."""

from django.db.models import OuterRef, Q, QuerySet, Subquery

from labeling.models import Adapter, ImportedLabel, Label, Pair, Project, Split, TrainingItem
from labeling.queries.training_set import settled_pairs


def pairs_to_learn(project: Project, split: str, label: Label) -> QuerySet[Pair]:
    """Return the pairs of a split with a label that a training which started now would get, by their ids.

    The first of them come without looking at all that were imported.
    """
    found = Q(pk__in=settled_pairs(project).filter(label=label).values("pair"))
    if project.imported_labels == Project.ImportedLabels.TRAIN and split != Split.HOLDOUT:
        of_pair = ImportedLabel.objects.filter(pair=OuterRef("pk"), source__project=project)
        # One label of a pair is chosen first, and only then looked at: see chosen_labels.
        chosen = Subquery(of_pair.order_by("source__name").values("label_id")[:1])
        found |= Q(consensus__isnull=True, chosen=label.pk)
        return _shown(Pair.objects.alias(chosen=chosen).filter(found, project=project, query__split=split))
    return _shown(Pair.objects.filter(found, project=project, query__split=split))


def pairs_learned(adapter: Adapter, split: str, label: Label) -> QuerySet[Pair]:
    """Return the pairs of a split that an adapter was trained or calibrated on with a label, by their ids."""
    items = TrainingItem.objects.filter(job=adapter.job_id, split=split, label=label)
    return _shown(Pair.objects.filter(pk__in=items.values("pair")))


def _shown(pairs: QuerySet[Pair]) -> QuerySet[Pair]:
    return pairs.select_related("query", "product__revision", "consensus__label").order_by("pk")
