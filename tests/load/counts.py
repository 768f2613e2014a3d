"""What must be zero after a race, counted from the database and from what the annotators were told."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, F, Q

from labeling.actions.consensus import PERSONAL
from labeling.actions.judgments import Outcome
from labeling.models import Consensus, Judgment, Membership, Project, QueueEntry, Round, SetAside, Skip, Slot, Stream

LIVE = Q(retired_at__isnull=True)


@dataclass
class Submitted:
    """One submit that the server answered. `taken_back`: an undo or a correction of it was asked for since."""

    annotator_id: int
    pair_id: int
    path: str
    reason: str
    outcome: Outcome
    taken_back: bool = False


def over_overlap(project: Project) -> int:
    """Count the entries with more live judgments and leases than they may have, in one statement.

    That is the entry's overlap where nobody ever said another label than the others, and the project's maximum
    where somebody did.
    """
    said = Q(slots__judgments__retired_at__isnull=True)
    held = Q(slots__personal=False, slots__judged=False, slots__annotator__isnull=False)
    return (
        QueueEntry.objects.filter(round__project=project)
        .exclude(stream__in=PERSONAL)
        .annotate(
            live=Count("slots__judgments", filter=said, distinct=True),
            held=Count("slots", filter=held, distinct=True),
            labels=Count("slots__judgments__label", distinct=True),
        )
        .filter(Q(live__gt=project.max_overlap - F("held")) | Q(live__gt=F("overlap") - F("held"), labels__lte=1))
        .count()
    )


def twice(project: Project) -> int:
    """Count who judged a pair more than once, repeats aside, and who holds more than one pair."""
    judged = Judgment.objects.filter(LIVE, project=project).exclude(stream=Stream.REPEAT)
    held = Slot.objects.filter(round__project=project, judged=False, annotator__isnull=False)
    return sum(
        rows.annotate(times=Count("pk")).filter(times__gt=1).count()
        for rows in (judged.values("pair", "annotator"), held.values("annotator"))
    )


def lost(submitted: Mapping[uuid.UUID, Submitted]) -> int:
    """Count the acknowledged submits that are not stored as they were sent.

    A judgment that nobody took back must be live, or surplus if that is what its annotator was told.
    """
    judgments = {row.key: row for row in Judgment.objects.filter(key__in=submitted)}
    skipped = set(Skip.objects.values_list("annotator_id", "pair_id"))
    return sum(
        (one.annotator_id, one.pair_id) not in skipped and one.outcome != Outcome.NOT_NEEDED
        if one.reason
        else not _is_kept(one, judgments.get(key))
        for key, one in submitted.items()
    )


def _is_kept(one: Submitted, judgment: Judgment | None) -> bool:
    if judgment is None or (judgment.annotator_id, judgment.path) != (one.annotator_id, one.path):
        return False
    surplus = judgment.retired_as == Judgment.Retired.SURPLUS
    if one.outcome == Outcome.STORED and not one.taken_back:
        return judgment.retired_at is None
    return one.taken_back or surplus or judgment.retired_at is None


def stranded(project: Project, members: Iterable[Membership]) -> int:
    """Count the pairs of the open round that wait although nobody is given them, once all claims come back empty.

    Such a pair is neither settled, disputed nor set aside, nobody holds it, and a member who may judge has neither
    judged nor skipped it.
    """
    queued = QueueEntry.objects.filter(round__project=project, round__state=Round.State.OPEN)
    waiting = set(queued.exclude(stream__in=PERSONAL).values_list("pair_id", flat=True))
    waiting -= set(Consensus.objects.exclude(state=Consensus.State.OPEN).values_list("pair_id", flat=True))
    waiting -= set(SetAside.objects.exclude(state=SetAside.State.RETURNED).values_list("pair_id", flat=True))
    waiting -= set(Slot.objects.filter(annotator__isnull=False, judged=False).values_list("pair_id", flat=True))
    done: dict[int, set[int]] = defaultdict(set)
    for rows in (Judgment.objects.filter(LIVE, pair__in=waiting), Skip.objects.filter(LIVE, pair__in=waiting)):
        for pair_id, annotator_id in rows.values_list("pair_id", "annotator_id"):
            done[pair_id].add(annotator_id)
    people = {member.user_id for member in members}
    return sum(not people <= done[pair_id] for pair_id in waiting)
