"""Opening and closing rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.models import Adapter, Consensus, Pair, Project, QueueEntry, Round, SetAside, Slot, Stream, User
from labeling.queries.queue import open_round_of


@dataclass(frozen=True)
class Drawn:
    """One pair for a round: why it is in, with what chance (random) or score (active), and what was said of it.

    Pairs that name their query were drawn as a whole query and stay beside each other in the queue.
    """

    pair_id: int
    stream: str
    chance: float | None
    score: float | None
    query_id: int | None = None
    reason: Mapping[str, Any] = field(default_factory=dict)
    probabilities: list[float] | None = None


@transaction.atomic
def open_round(
    project: Project,
    drawn: Sequence[Drawn],
    *,
    strategy: str,
    seed: int,
    pool_size: int,
    adapter: Adapter | None = None,
    actor: User | None = None,
    rules: Mapping[str, Any] | None = None,
    predicted: Mapping[str, Any] | None = None,
) -> Round:
    """Close the open round and open the next one with the drawn pairs.

    `drawn` is best first within each stream; the streams are shuffled into each other. Pairs of the rounds before
    that have some of their judgments come first and keep their stream and chance; drawn pairs that have been
    judged since they were drawn are left out. Nobody loses a lease they hold: its submit is still taken.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    old = open_round_of(project)
    if old is not None:
        _close(old)
    carried = _carried_entries(project)
    number = (Round.objects.filter(project=project).order_by("-number").values_list("number", flat=True).first()) or 0
    opened = Round.objects.create(
        project=project,
        number=number + 1,
        strategy=strategy,
        seed=seed,
        pool_size=pool_size,
        adapter=adapter,
        rules=dict(rules or {}),
        predicted=dict(predicted or {}),
        last_pair=Pair.objects.filter(project=project).aggregate(newest=Max("pk"))["newest"],
    )
    known = set(Consensus.objects.filter(pair__in=[one.pair_id for one in drawn]).values_list("pair_id", flat=True))
    fresh = [one for one in _shuffle_streams(drawn, seed) if one.pair_id not in known]
    entries = [
        QueueEntry(
            round=opened,
            pair_id=entry.pair_id,
            stream=entry.stream,
            chance=entry.chance,
            score=entry.score,
            reason=entry.reason,
            probabilities=entry.probabilities,
            overlap=max(1, project.overlap - entry.pair.consensus.judgments),
        )
        for entry in carried
    ] + [
        QueueEntry(
            round=opened,
            pair_id=one.pair_id,
            stream=one.stream,
            chance=one.chance,
            score=one.score,
            reason=dict(one.reason),
            probabilities=one.probabilities,
            overlap=project.overlap,
        )
        for one in fresh
    ]
    _queue(opened, entries)
    record(project, actor, "round.open", opened.number, pairs=len(entries), carried=len(carried), strategy=strategy)
    return opened


def _queue(opened: Round, entries: list[QueueEntry]) -> None:
    """Store the entries in their order, each with its slots."""
    for rank, entry in enumerate(entries):
        entry.rank = rank
    QueueEntry.objects.bulk_create(entries, batch_size=1000)
    locale = dict(Pair.objects.filter(entries__round=opened).values_list("pk", "query__locale"))
    slots = (
        Slot(
            entry=entry,
            round=opened,
            pair_id=entry.pair_id,
            number=number,
            rank=entry.rank,
            locale=locale[entry.pair_id],
        )
        for entry in entries
        for number in range(1, entry.overlap + 1)
    )
    Slot.objects.bulk_create(slots, batch_size=1000)


def _close(old: Round) -> None:
    old.state = Round.State.CLOSED
    old.closed_at = timezone.now()
    old.save()


def _carried_entries(project: Project) -> list[QueueEntry]:
    """Return the newest entry of each pair that is still open after at least one judgment, in the order of serving.

    Not only the last round's: a lease that outlives its round can give a pair of an earlier one its first judgment.
    """
    newest = (
        QueueEntry.objects.filter(pair__consensus__project=project, pair__consensus__state=Consensus.State.OPEN)
        .exclude(pair__set_aside__state__in=(SetAside.State.WAITING, SetAside.State.EXCLUDED))
        .select_related("pair__consensus")
        .order_by("pair", "-id")
        .exclude(stream__in=(Stream.GOLD, Stream.REPEAT))
        .distinct("pair")
    )
    return sorted(newest, key=lambda entry: entry.pk)


def _shuffle_streams(drawn: Sequence[Drawn], seed: int) -> list[Drawn]:
    """Mix the streams so that nobody can tell which comes next, keeping the order inside the active one.

    The random stream's own order is shuffled, so that the part of it judged so far is a fair sample, too. What was
    drawn as a whole query is one turn.
    """
    random = np.random.default_rng(seed)
    by_stream: dict[str, list[list[Drawn]]] = {}
    for _, members in groupby(drawn, lambda one: (one.stream, one.query_id or -one.pair_id)):
        together = list(members)
        by_stream.setdefault(together[0].stream, []).append(together)
    if Stream.RANDOM in by_stream:
        uniform = by_stream[Stream.RANDOM]
        by_stream[Stream.RANDOM] = [uniform[index] for index in random.permutation(len(uniform))]
    turns = random.permutation([stream for stream, parts in by_stream.items() for _ in parts])
    rest = {stream: iter(parts) for stream, parts in by_stream.items()}
    return [one for stream in turns for one in next(rest[str(stream)])]
