"""Resolving a pair's label from what people said."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone

from labeling.guidelines.parting import parting
from labeling.guidelines.walk import parse_path
from labeling.models import Consensus, ErrorModel, Judgment, Project, QueueEntry, Round, Slot, Split, Stream
from labeling.queries.adjudication import ruling_of
from labeling.queries.error_models import errors_of
from labeling.queries.prepared import Prepared
from labeling.queries.set_aside import set_aside_of
from modeling.labels.aggregation import TIE, majority, posterior_of
from modeling.labels.stakes import expected_loss

# What says how a person does, and nothing about the pair.
PERSONAL = (Stream.GOLD, Stream.REPEAT)
SURE = 0.75  # a label that is less probable by how people err is not settled
UPDATED = ("state", "label", "method", "confidence", "judgments", "stake", "parts_at", "measured", "updated_at")


def resolve_pair(project: Project, entry: QueueEntry) -> Consensus | None:
    """Bring the consensus of an entry's pair up to date. Runs in the transaction that locked the pair.

    An expert's ruling stands whatever people say. Otherwise it is the label that most judgments gave, once the entry
    has as many as its overlap, or the pair as many as the project wants; or, where the project wants it so and errors
    have been fitted, the one that is most probable by them. A tie, or a probability below SURE, asks for one more, up
    to max_overlap judgments, and is disputed from then on; any difference asks for one more, too, if the project wants
    it so. None, and no row, where no live judgment is left and nobody has ruled. The entry's slots are made as many as
    are needed while its round is open; later, the next round sees to it.
    """
    rows = [_Place(*row) for row in _places(entry.pair_id)]
    said = [row.said for row in rows if row.said is not None]
    here = [row for row in rows if row.entry_id == entry.pk]
    judged_here = sum(row.judged for row in here)

    found = _ruled(rows) or _by_errors(project, rows, said) or _by_majority(project, said)
    one_more = found.differ and len(said) < project.max_overlap
    missing = min(entry.overlap - judged_here, project.overlap - len(said))  # what rounds before it got counts, too
    needed = 0 if found.method == Consensus.Method.ADJUDICATED else max(missing, int(one_more))
    if entry.round.state == Round.State.OPEN:
        _fit_slots(entry, here, needed)
    if not found.labels:
        Consensus.objects.filter(pair=entry.pair_id).delete()
        return None
    state = Consensus.State.DISPUTED if found.label_id is None else Consensus.State.RESOLVED
    if needed > 0:
        state = Consensus.State.OPEN
    stake = None if state == Consensus.State.OPEN else found.stake
    parted = parting([parse_path(one["path"]) for one in said]) if stake is not None else None
    consensus = Consensus(
        pair_id=entry.pair_id,
        project=project,
        state=state,
        label_id=found.label_id if state == Consensus.State.RESOLVED else None,
        method=found.method,
        confidence=found.confidence,
        judgments=len(said),
        stake=stake,
        parts_at=parted.question if parted else "",
        measured=any(row.split == Split.HOLDOUT for row in rows) and any(one["random"] for one in said),
    )
    Consensus.objects.bulk_create([consensus], update_conflicts=True, unique_fields=["pair"], update_fields=UPDATED)
    return consensus


@dataclass(frozen=True)
class _Found:
    """What one label of several judgments is, if one is clear: `label_id`, by `method`, with `confidence`.

    `labels` are those that it may be, with their `gains` and `chances`. `parts` says that people do not agree, or are
    not sure enough; `differ` asks for one more judgment.
    """

    method: Consensus.Method
    label_id: int | None
    confidence: float
    parts: bool
    differ: bool
    labels: Sequence[int]
    chances: Sequence[float]
    gains: Sequence[float]

    @property
    def stake(self) -> float | None:
        """What a ruling is expected to put right, in gain; None where there is nothing to rule."""
        return float(expected_loss(self.chances, self.gains)) if self.parts else None


def _ruled(rows: Sequence["_Place"]) -> _Found | None:
    """Return what an expert has ruled; None where nobody has."""
    label_id = rows[0].ruled if rows else None
    if label_id is None:
        return None
    return _Found(Consensus.Method.ADJUDICATED, label_id, 1.0, False, False, [label_id], [1.0], [0.0])


def _by_errors(project: Project, rows: Sequence["_Place"], said: Sequence[dict[str, Any]]) -> _Found | None:
    """Return what is most probable by how each person errs; None where the majority is wanted, or no fit helps."""
    fitted = rows[0].fitted if rows else None
    if project.resolve_by != Project.ResolveBy.DAWID_SKENE or fitted is None or not said:
        return None
    errors = errors_of(project.pk, fitted)
    if errors is None or not {one["label"] for one in said} <= set(errors.labels):
        return None
    given = [errors.labels.index(one["label"]) for one in said]
    chances = posterior_of(given, [one["by"] for one in said], errors.rates)
    best = int(chances.argmax())
    unsure = chances[best] < SURE
    parts = len(set(given)) > 1
    return _Found(
        method=Consensus.Method.DAWID_SKENE,
        label_id=None if unsure else errors.labels[best],
        confidence=float(chances[best]),
        parts=unsure or parts,
        differ=unsure or (parts and project.escalate_on == Project.Escalate.DIFFERENCE),
        labels=errors.labels,
        chances=chances.tolist(),
        gains=errors.gains,
    )


def _by_majority(project: Project, said: Sequence[dict[str, Any]]) -> _Found:
    votes = Counter(one["label"] for one in said)
    gains = {one["label"]: one["gain"] for one in said}
    labels = list(votes)
    winner, share = majority(list(votes.values()) or [0])
    parts = len(votes) > 1
    return _Found(
        method=Consensus.Method.MAJORITY,
        label_id=None if winner == TIE else labels[winner],
        confidence=share,
        parts=parts,
        differ=winner == TIE or (parts and project.escalate_on == Project.Escalate.DIFFERENCE),
        labels=labels,
        chances=[votes[label] / len(said) for label in labels],
        gains=[gains[label] for label in labels],
    )


class _Place(NamedTuple):
    """A slot of a pair: whether it is judged, and what its live judgment said: label, gain, path, by whom, random.

    Of the pair: whether it is set aside, the label that an expert has ruled, and its query's split. `fitted` is when it
    was last found out how the project's people err.
    """

    entry_id: int
    judged: bool
    said: dict[str, Any] | None
    number: int
    locale: str
    aside: bool
    ruled: int | None
    split: str
    fitted: dt.datetime | None


@Prepared
def _places(pair_id: int) -> QuerySet[Any, Any]:
    live = Judgment.objects.filter(slot=OuterRef("pk"), retired_at__isnull=True).exclude(stream__in=PERSONAL)
    said = JSONObject(label="label", gain="label__gain", path="path", by="annotator", random=Q(stream=Stream.RANDOM))
    slots = Slot.objects.filter(pair=pair_id).annotate(
        said=Subquery(live.values(it=said)),
        aside=Exists(set_aside_of(pair_id)),
        ruled=Subquery(ruling_of(pair_id).values("label")),
        split=F("pair__query__split"),
        fitted=Subquery(ErrorModel.objects.filter(project=OuterRef("pair__project")).values("computed_at")),
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
