"""Training: which pairs somebody learns on, in what order, and how their attempts went."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from labeling.models import GoldPair, Membership, Project, TrainingAnswer
from labeling.queries.gold import live_gold
from modeling.estimates import Estimate, wilson_interval

ROUNDING = 1e-9  # 0.8 of 20 pairs is 16 of them, whatever the floating point says


@dataclass(frozen=True)
class Attempt:
    """One attempt at the training, counted over the pairs that are in use now; `number` starts at 1."""

    number: int
    answered: int
    right: int
    pairs: int

    @property
    def finished(self) -> bool:
        """Whether every pair has an answer. An attempt at an empty training has no end."""
        return 0 < self.pairs <= self.answered

    @property
    def share(self) -> Estimate:
        """Share of right answers among those given, with Wilson's interval."""
        return wilson_interval(self.right, self.answered)

    def reaches(self, mark: float) -> bool:
        """Whether it is finished and the share of right answers is the pass mark at least."""
        return self.finished and self.right >= mark * self.pairs - ROUNDING


@dataclass(frozen=True)
class Trainee:
    """A member with the number of pairs that wait for them in training, and their attempts, the newest first."""

    member: Membership
    pairs: int
    attempts: tuple[Attempt, ...]


def training_pairs(member: Membership) -> QuerySet[GoldPair]:
    """Return the pairs that a member learns on: in use, for training, in their languages."""
    return live_gold(member).filter(use=GoldPair.Use.TRAINING)


def attempts_of(member: Membership) -> tuple[Attempt, ...]:
    """Return the attempts of a member, the newest first. Two queries."""
    return next(_trainees(member.project, [member])).attempts


def trainees(project: Project) -> list[Trainee]:
    """Return every member with their attempts, by name. Three queries, whatever the project's size."""
    members = Membership.objects.filter(project=project).select_related("user").order_by("user__username")
    return list(_trainees(project, list(members)))


def current_attempt(attempts: Iterable[Attempt]) -> int:
    """Return the number of the attempt that is under way; where none is, of the one that would come."""
    newest = next(iter(attempts), None)
    if newest is None:
        return 1
    return newest.number + 1 if newest.finished else newest.number


def next_training_pair(member: Membership, attempt: int) -> GoldPair | None:
    """Return the pair that comes next in an attempt; None when all are answered.

    The order is shuffled by member and attempt, always in the same way, also when pairs are added or retired.
    """
    answered = TrainingAnswer.objects.filter(member=member, attempt=attempt).values("gold")
    left = training_pairs(member).exclude(pk__in=answered).values_list("pk", flat=True)
    first = min(left, key=lambda gold_id: _place(member, attempt, gold_id), default=None)
    found = GoldPair.objects.select_related("label", "pair__query", "pair__product__revision")
    return None if first is None else found.get(pk=first)


def answers_in(member: Membership, attempt: int) -> QuerySet[TrainingAnswer]:
    """Return what a member answered in an attempt to the pairs that are in use, in the order of answering."""
    return (
        TrainingAnswer.objects.filter(member=member, attempt=attempt, gold__in=training_pairs(member))
        .select_related("label", "guideline", "gold__label", "gold__pair__query", "gold__pair__product__revision")
        .order_by("id")
    )


def _place(member: Membership, attempt: int, gold_id: int) -> bytes:
    return hashlib.sha256(f"{member.pk}/{attempt}/{gold_id}".encode()).digest()


def _trainees(project: Project, members: list[Membership]) -> Iterator[Trainee]:
    live = GoldPair.objects.filter(project=project, use=GoldPair.Use.TRAINING, retired_at__isnull=True)
    pairs = dict(live.values_list("pair__query__locale").annotate(n=Count("id")))
    answers = (
        TrainingAnswer.objects.filter(member__in=members, gold__in=live)
        .values_list("member", "attempt", "gold__pair__query__locale")
        .annotate(n=Count("id"), n_right=Count("id", filter=Q(right=True)))
    )
    rows = list(answers)
    for member in members:
        mine = [row[1:] for row in rows if row[0] == member.pk and _reads(member, row[2])]
        yield _trainee(member, {locale: n for locale, n in pairs.items() if _reads(member, locale)}, mine)


def _trainee(member: Membership, pairs: Mapping[str, int], rows: list[tuple[int, str, int, int]]) -> Trainee:
    total = sum(pairs.values())
    answered: Counter[int] = Counter()
    right: Counter[int] = Counter()
    for attempt, _, n, n_right in rows:
        answered[attempt] += n
        right[attempt] += n_right
    numbers = sorted(answered, reverse=True)
    return Trainee(member, total, tuple(Attempt(n, answered[n], right[n], total) for n in numbers))


def _reads(member: Membership, locale: str) -> bool:
    return not member.languages or locale in member.languages
