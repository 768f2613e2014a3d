"""Resolving a pair's label from what people said."""

from django.db.models import Count

from labeling.models import Consensus, Judgment, Project, QueueEntry, Slot, Stream
from labeling.queries.projects import labels_of
from modeling.labels.aggregation import TIE, majority


def resolve_pair(project: Project, entry: QueueEntry) -> Consensus | None:
    """Bring the consensus of an entry's pair up to date. Runs in the transaction that locked one of its slots.

    The label that most judgments gave, once every slot is judged. A tie adds a slot, up to the project's
    max_overlap judgments, and is disputed from then on. None, and no row, where no live judgment is left.
    """
    QueueEntry.objects.select_for_update().get(pk=entry.pk)
    _drop_needless_slots(entry)
    labels = labels_of(project)
    votes = dict(
        Judgment.objects.filter(pair=entry.pair_id, retired_at__isnull=True)
        .exclude(stream=Stream.REPEAT)
        .values_list("label_id")
        .annotate(n=Count("id"))
    )
    counts = [votes.get(label.pk, 0) for label in labels]
    judged = sum(counts)
    if not judged:
        Consensus.objects.filter(pair=entry.pair_id).delete()
        return None
    winner, share = majority(counts)
    state = Consensus.State.RESOLVED
    if entry.slots.filter(judged=False).exists():
        state = Consensus.State.OPEN
    elif winner == TIE:
        state = Consensus.State.OPEN if _add_slot(project, entry, judged) else Consensus.State.DISPUTED
    consensus, _ = Consensus.objects.update_or_create(
        pair_id=entry.pair_id,
        defaults={
            "project": project,
            "state": state,
            "label": labels[winner] if state == Consensus.State.RESOLVED else None,
            "method": Consensus.Method.MAJORITY,
            "confidence": share,
            "judgments": judged,
        },
    )
    return consensus


def _drop_needless_slots(entry: QueueEntry) -> None:
    """Remove free slots that a tie had added, where an undo has since made room below the overlap."""
    if entry.slots.filter(judged=True).count() < entry.overlap:
        entry.slots.filter(number__gt=entry.overlap, annotator__isnull=True).delete()


def _add_slot(project: Project, entry: QueueEntry, judged: int) -> bool:
    """Ask one more annotator, unless the project's limit is reached."""
    if judged >= project.max_overlap:
        return False
    Slot.objects.create(
        entry=entry, round_id=entry.round_id, pair_id=entry.pair_id, number=entry.slots.count() + 1, rank=entry.rank
    )
    return True
