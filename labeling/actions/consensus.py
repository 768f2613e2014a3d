"""Resolving a pair's label from what people said."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from labeling.models import Consensus, Judgment, Project, QueueEntry, Round, Slot, Stream
from labeling.queries.prepared import Prepared
from labeling.queries.set_aside import set_aside_of
from modeling.labels.aggregation import TIE, majority

# What says how a person does, and nothing about the pair.
PERSONAL = (Stream.GOLD, Stream.REPEAT)


def resolve_pair(project: Project, entry: QueueEntry) -> Consensus | None:
    """Bring the consensus of an entry's pair up to date. Runs in the transaction that locked the pair.

    The label that most judgments gave, once the entry has as many as its overlap. A tie, or any difference if the
    project wants it so, asks for one more, up to max_overlap judgments; a tie is disputed from then on. None, and
    no row, where no live judgment is left. The entry's slots are made as many as are needed while its round is
    open; later, the next round sees to it.
    """
    rows = [_Place(*row) for row in _places(entry.pair_id)]
    votes = Counter(row.said for row in rows if row.said is not None)
    here = [row for row in rows if row.entry_id == entry.pk]
    judged_here = sum(row.judged for row in here)

    winner, share = majority(list(votes.values()) or [0])
    differ = winner == TIE or (project.escalate_on == Project.Escalate.DIFFERENCE and len(votes) > 1)
    one_more = differ and votes.total() < project.max_overlap
    needed = max(entry.overlap - judged_here, int(one_more))
    if entry.round.state == Round.State.OPEN:
        _fit_slots(entry, here, needed)
    if not votes:
        Consensus.objects.filter(pair=entry.pair_id).delete()
        return None
    state = Consensus.State.DISPUTED if winner == TIE else Consensus.State.RESOLVED
    if needed > 0:
        state = Consensus.State.OPEN
    consensus = Consensus(
        pair_id=entry.pair_id,
        project=project,
        state=state,
        label_id=list(votes)[winner] if state == Consensus.State.RESOLVED else None,
        method=Consensus.Method.MAJORITY,
        confidence=share,
        judgments=votes.total(),
    )
    updated = ("state", "label", "method", "confidence", "judgments", "updated_at")
    Consensus.objects.bulk_create([consensus], update_conflicts=True, unique_fields=["pair"], update_fields=updated)
    return consensus


class _Place(NamedTuple):
    """A slot of a pair: whether it is judged, what its live judgment said, and whether the pair is set aside."""

    entry_id: int
    judged: bool
    said: int | None
    number: int
    locale: str
    aside: bool


@Prepared
def _places(pair_id: int) -> QuerySet[Any, Any]:
    live = Judgment.objects.filter(slot=OuterRef("pk"), retired_at__isnull=True).exclude(stream__in=PERSONAL)
    slots = Slot.objects.filter(pair=pair_id).annotate(
        said=Subquery(live.values("label")), aside=Exists(set_aside_of(pair_id))
    )
    return slots.values_list(*_Place._fields)


def _fit_slots(entry: QueueEntry, slots: Sequence[_Place], needed: int) -> None:
    """Add the slot that a tie asks for, or remove what an undo has made needless.

    Removed are only slots that nobody holds, or whose lease has run out, and whose history is empty: withdrawn
    judgments keep their slot.
    """
    unjudged = sum(not slot.judged for slot in slots)
    if unjudged < needed:
        Slot.objects.create(
            entry=entry,
            round_id=entry.round_id,
            pair_id=entry.pair_id,
            number=max((slot.number for slot in slots), default=0) + 1,
            rank=entry.rank,
            locale=max((slot.locale for slot in slots), default=""),
            withdrawn=any(slot.aside for slot in slots),
        )
    elif unjudged > needed:
        history = Judgment.objects.filter(slot=OuterRef("pk"))
        unheld = Q(annotator__isnull=True) | Q(leased_until__lt=timezone.now())
        removable = Slot.objects.select_for_update(skip_locked=True).filter(
            ~Exists(history), unheld, entry=entry, judged=False
        )
        free_first = removable.order_by(F("leased_until").asc(nulls_first=True), "-number")
        for slot in free_first[: unjudged - needed]:
            slot.delete()
