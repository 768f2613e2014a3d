"""Gold pairs and repeats: what is served to see how somebody does, and how they did."""

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from labeling.models import (
    GoldPair,
    Judgment,
    Label,
    Membership,
    Project,
    QueueEntry,
    Round,
    Skip,
    Stream,
    TrainingAnswer,
)
from modeling.estimates import Estimate, wilson_interval

NEWEST = 50  # so many gold judgments make the running estimate
ENOUGH_GOLD = 5  # nobody is paused for fewer answers than this
BELOW_MARK = "gold"  # what a membership says that was paused for its answers to gold pairs


def live_gold(member: Membership) -> QuerySet[GoldPair]:
    """Return the gold pairs of the member's project that are served to them: in use and in their languages."""
    gold = GoldPair.objects.filter(project=member.project, retired_at__isnull=True)
    return gold.filter(pair__query__locale__in=member.languages) if member.languages else gold


def known_answers(project: Project, pair_ids: Collection[int]) -> dict[int, Label]:
    """Return the right labels of those of these pairs that are gold."""
    gold = GoldPair.objects.filter(project=project, pair__in=pair_ids, retired_at__isnull=True)
    return {one.pair_id: one.label for one in gold.select_related("label")}


def next_gold(member: Membership) -> int | None:
    """Draw a gold pair that the member has not judged, and return the pair's id.

    None where there is none. Pairs that wait in the open round for their own sake are left to it.
    """
    judged = Judgment.objects.filter(pair=OuterRef("pair"), annotator=member.user_id, retired_at__isnull=True)
    left = live_gold(member).filter(
        ~Exists(judged), ~Exists(_queued(member, Stream.GOLD)), ~Exists(_skipped(member)), use=GoldPair.Use.CHECK
    )
    return left.order_by("?").values_list("pair_id", flat=True).first()


def next_repeat(member: Membership, now: dt.datetime, at: float | None = None) -> int | None:
    """Draw a pair that the member judged long enough ago and has not repeated; return its id, or None.

    It is the first such pair from a moment of their history on that is drawn uniformly: `at`, in [0, 1].
    """
    until = now - dt.timedelta(days=member.project.repeat_after_days)
    own = Judgment.objects.filter(annotator=member.user_id, project=member.project, retired_at__isnull=True)
    repeated = own.filter(pair=OuterRef("pair"), stream=Stream.REPEAT)
    old = own.filter(
        ~Exists(repeated), ~Exists(_queued(member, Stream.REPEAT)), ~Exists(_skipped(member)), created_at__lt=until
    ).exclude(stream__in=(Stream.REPEAT, Stream.GOLD))
    first = old.order_by("created_at").values_list("created_at", "pair_id").first()
    if first is None:
        return None
    since = first[0] + (until - first[0]) * (random.random() if at is None else at)  # noqa: S311 - no secret
    drawn = old.filter(created_at__gte=since).order_by("created_at").values_list("pair_id", flat=True).first()
    return drawn or first[1]


def _queued(member: Membership, but: Stream) -> QuerySet[QueueEntry]:
    """Return the entries of a pair in the open round that are not of the stream `but`."""
    return QueueEntry.objects.filter(
        pair=OuterRef("pair"), round__project=member.project, round__state=Round.State.OPEN
    ).exclude(stream=but)


def _skipped(member: Membership) -> QuerySet[Skip]:
    return Skip.objects.filter(
        pair=OuterRef("pair"), annotator=member.user_id, round__state=Round.State.OPEN, retired_at__isnull=True
    )


def gold_judgments(member: Membership) -> QuerySet[Any]:
    """Return the member's judgments of gold pairs that count for them, the newest first, each with what is `known`."""
    since = Q(created_at__gte=member.gold_since) if member.gold_since else Q()
    known = GoldPair.objects.filter(pair=OuterRef("pair"), retired_at__isnull=True).values("label")
    return (
        Judgment.objects.filter(
            since, annotator=member.user_id, project=member.project, retired_at__isnull=True, stream=Stream.GOLD
        )
        .annotate(known=known[:1])
        .filter(known__isnull=False)
        .order_by("-created_at")
    )


def gold_result(member: Membership, until: dt.datetime | None = None) -> Estimate:
    """Return the share of right answers among the member's newest gold judgments, with Wilson's 95 % interval.

    `until` leaves out what came later.
    """
    counted = gold_judgments(member) if until is None else gold_judgments(member).filter(created_at__lt=until)
    newest = counted.values_list("label_id", "known")[:NEWEST]
    right = [given == known for given, known in newest]
    return wilson_interval(sum(right), len(right))


def gold_results(project: Project) -> dict[int, Estimate]:
    """Return gold_result of everybody who has one, by the id of the user. One query."""
    since = F("annotator__memberships__gold_since")
    newest = (
        Judgment.objects.filter(
            Q(annotator__memberships__gold_since__isnull=True) | Q(created_at__gte=since),
            annotator__memberships__project=project,
            pair__gold__isnull=False,
            pair__gold__retired_at__isnull=True,
            project=project,
            retired_at__isnull=True,
            stream=Stream.GOLD,
        )
        .annotate(known=F("pair__gold__label"))
        .annotate(place=Window(RowNumber(), partition_by=F("annotator"), order_by=F("created_at").desc()))
        .filter(place__lte=NEWEST)
    )
    right: dict[int, list[bool]] = defaultdict(list)
    for annotator, given, label in newest.values_list("annotator", "label", "known"):
        right[annotator].append(given == label)
    return {annotator: wilson_interval(sum(answers), len(answers)) for annotator, answers in right.items()}


DOUBTFUL_AFTER = 3  # so many answers can show that a gold pair is probably wrong itself


@dataclass(frozen=True)
class GoldStanding:
    """A gold pair with what people answered when it was served: how many, how many right, and what most said.

    `mostly` is the commonest label given, by its id; None where nobody gave one.
    """

    gold: GoldPair
    answers: int
    right: int
    mostly: int | None

    @property
    def share(self) -> Estimate:
        """Share of right answers, with Wilson's interval."""
        return wilson_interval(self.right, self.answers)

    @property
    def doubtful(self) -> bool:
        """Whether most people get it wrong, so that the gold label itself may be."""
        return self.answers >= DOUBTFUL_AFTER and 2 * self.right < self.answers


def gold_standings(project: Project) -> list[GoldStanding]:
    """Return the gold pairs in use, the doubtful ones first, then the newest. Three queries."""
    live = GoldPair.objects.filter(project=project, retired_at__isnull=True)
    served = Judgment.objects.filter(pair__in=live.values("pair"), stream=Stream.GOLD, retired_at__isnull=True)
    learned = TrainingAnswer.objects.filter(gold__in=live)
    said: dict[int, Counter[int | None]] = defaultdict(Counter)
    for pair_id, label_id, n in served.values_list("pair", "label").annotate(n=Count("id")):
        said[pair_id][label_id] += n
    for pair_id, label_id, n in learned.values_list("gold__pair", "label").annotate(n=Count("id")):
        said[pair_id][label_id] += n
    rows = live.select_related("label", "created_by", "pair__query", "pair__product__revision").order_by("-id")
    return sorted((_standing(gold, said[gold.pair_id]) for gold in rows), key=lambda one: not one.doubtful)


def _standing(gold: GoldPair, said: Counter[int | None]) -> GoldStanding:
    labels = [(n, label_id) for label_id, n in said.items() if label_id is not None]
    return GoldStanding(gold, said.total(), said[gold.label_id], max(labels)[1] if labels else None)


def retired_gold(project: Project) -> QuerySet[GoldPair]:
    """Return the gold pairs that were taken out of use, the last one first."""
    found = GoldPair.objects.filter(project=project, retired_at__isnull=False)
    return found.select_related("label", "pair__query", "pair__product__revision").order_by("-retired_at")
