"""Rounds, how far they are, and what was served in them."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from labeling.models import Project, QueueEntry, Round, Slot, Stream
from labeling.queries.queue import open_round_of, open_slots


@dataclass(frozen=True)
class Progress:
    """A round with its pairs by stream, its judgments out of the slots it has, and what was served.

    Gold pairs and repeats are nobody's progress: they are in `served` alone, the judgments by stream.
    """

    round: Round
    pairs: int
    random: int
    active: int
    judged: int
    slots: int
    served: Mapping[str, int]

    @property
    def share(self) -> float:
        """Share of the slots that are judged, 0 to 1."""
        return self.judged / self.slots if self.slots else 0.0


def round_progress(project: Project, newest: int | None = None) -> list[Progress]:
    """Return the rounds, the newest first, at most `newest` of them. Three queries."""
    rounds = list(Round.objects.filter(project=project).select_related("adapter").order_by("-number")[:newest])
    ids = [one.pk for one in rounds]
    entries = {
        row["pk"]: row
        for row in Round.objects.filter(pk__in=ids)
        .values("pk")
        .annotate(
            random=Count("entries", filter=Q(entries__stream="random")),
            active=Count("entries", filter=Q(entries__stream="active")),
        )
    }
    slots: dict[int, list[tuple[str, bool, int, int]]] = {one.pk: [] for one in rounds}
    counted = Slot.objects.filter(round__in=ids).values_list("round", "entry__stream", "personal")
    for round_id, *row in counted.annotate(all=Count("id"), done=Count("id", filter=Q(judged=True))):
        slots[round_id].append((row[0], row[1], row[2], row[3]))
    return [
        Progress(
            round=one,
            pairs=entries[one.pk]["random"] + entries[one.pk]["active"],
            random=entries[one.pk]["random"],
            active=entries[one.pk]["active"],
            judged=sum(done for _, personal, _, done in slots[one.pk] if not personal),
            slots=sum(n for _, personal, n, _ in slots[one.pk] if not personal),
            served={stream: done for stream, _, _, done in slots[one.pk]},
        )
        for one in rounds
    ]


def chosen_pairs(chosen: Round, stream: str = "") -> QuerySet[QueueEntry]:
    """Return a round's batch in the order of serving, with its texts and labels: without gold pairs and repeats."""
    found = QueueEntry.objects.filter(round=chosen, stream__in=(Stream.RANDOM, Stream.ACTIVE))
    if stream:
        found = found.filter(stream=stream)
    return found.select_related("pair__query", "pair__product__revision", "pair__consensus__label").order_by("rank")


@dataclass(frozen=True)
class Ending:
    """The open round, which ends when a new one is drawn, and how many of its answers are still to come."""

    number: int
    left: int


def ending_round(project: Project) -> Ending | None:
    """Return the round that a new one would end; None where none is open."""
    opened = open_round_of(project)
    return Ending(opened.number, open_slots(project).count()) if opened else None


def asked_shares(project: Project, asked: Round, picked: bool) -> dict[Stream, float]:
    """Return the share of each stream that is asked for in a round, of all that is served; they add up to 1.

    Gold pairs and repeats are by the settings of now; what is drawn at random by the round's own rules, and all of the
    rest before a strategy picks pairs.
    """
    rest = 1 - project.gold_share - project.repeat_share
    random = rest * (asked.rules.get("random_share", project.random_share) if picked else 1)
    return {
        Stream.RANDOM: random,
        Stream.ACTIVE: rest - random,
        Stream.GOLD: project.gold_share,
        Stream.REPEAT: project.repeat_share,
    }
