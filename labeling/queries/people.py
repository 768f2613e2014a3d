"""What each member does, and how they do."""

import datetime as dt
import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Aggregate,
    Case,
    Count,
    F,
    FloatField,
    Func,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Extract, Length, Replace, TruncDate
from django.utils import timezone
from numpy.typing import NDArray

from labeling.models import AuditLogEntry, Judgment, Membership, Project, Round, Skip, Slot, Stream, User
from labeling.queries.gold import BELOW_MARK, ENOUGH_GOLD, gold_results
from labeling.queries.judgments import day_start
from modeling.estimates import Estimate, wilson_interval

NEWEST = 200  # so many judgments say how somebody works, so that the cost does not grow with the project
BREAK = 300.0  # seconds: a longer gap between two judgments is no work
ENOUGH_GAPS = 5  # for a pace
FEWEST = 20  # nothing is called usual, fast or different on fewer judgments than this
INSTANT = 1.5  # seconds: nobody reads a pair in less
MANY_FAST = 0.1
MANY_SKIPS = 0.2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Newest:
    """Somebody's newest live judgments, the newest first: each array (n,), n at most NEWEST.

    `at` is the moment in seconds since 1970, `seconds` the time taken, `steps` the length of the walk, and `alike`
    1 where it gave the label that stands, 0 where another stands, and nan where none does or nobody else judged.
    """

    at: Floats
    seconds: Floats
    steps: Floats
    alike: Floats

    @property
    def pace(self) -> float | None:
        """Judgments per hour of active time; breaks are left out. None for too few."""
        gaps = self.at[:-1] - self.at[1:]
        working = gaps[gaps < BREAK]
        if len(working) < ENOUGH_GAPS or working.sum() <= 0:
            return None
        return float(3600 * len(working) / working.sum())

    @property
    def median_seconds(self) -> float | None:
        """Median time of a judgment; None where there is none."""
        return float(np.median(self.seconds)) if len(self.seconds) else None

    @property
    def agreement(self) -> Estimate:
        """Share alike with the label that stands, with Wilson's 95 % interval."""
        known = self.alike[~np.isnan(self.alike)]
        return wilson_interval(float(known.sum()), len(known))

    def fast(self, usual: Mapping[int, float]) -> Estimate:
        """Share of judgments that took less than INSTANT or a third of what is `usual` for a walk of their length."""
        least = np.array([max(INSTANT, usual.get(int(steps), 0.0) / 3) for steps in self.steps])
        return wilson_interval(int((self.seconds < least).sum()), len(self.seconds))


def newest_judgments(members: QuerySet[Membership]) -> dict[int, Newest]:
    """Return the newest judgments of each of the members, by the id of the user. One query."""
    unknown = Q(stream__in=(Stream.GOLD, Stream.REPEAT)) | Q(pair__consensus__judgments=1)
    row = Func(
        Extract("created_at", "epoch", tzinfo=dt.UTC),
        F("seconds"),
        Length("path") - Length(Replace("path", Value(","), Value(""))) + 1,
        Case(
            When(unknown, then=Value(-1)),
            When(pair__consensus__label=F("label"), then=Value(1)),
            When(pair__consensus__label__isnull=False, then=Value(0)),
            default=Value(-1),
        ),
        template="ARRAY[%(expressions)s]::float8[]",
        output_field=ArrayField(FloatField()),
    )
    newest = (
        Judgment.objects.filter(project=OuterRef("project"), annotator=OuterRef("user"), retired_at__isnull=True)
        .order_by("-created_at")
        .annotate(row=row)
        .values("row")[:NEWEST]
    )
    found = members.annotate(newest=ArraySubquery(newest)).values_list("user", "newest")
    return {user: _newest(rows) for user, rows in found}


def _newest(rows: Collection[Collection[float]]) -> Newest:
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    alike = np.where(table[:, 3] < 0, np.nan, table[:, 3])
    return Newest(table[:, 0], table[:, 1], table[:, 2], alike)


def usual_seconds(everybody: Collection[Newest]) -> dict[int, float]:
    """Return the median time of a judgment by the length of its walk, for lengths that are walked often enough."""
    if not everybody:
        return {}
    steps = np.concatenate([one.steps for one in everybody])
    seconds = np.concatenate([one.seconds for one in everybody])
    lengths, counts = np.unique(steps, return_counts=True)
    often = lengths[counts >= FEWEST]
    return {int(length): float(np.median(seconds[steps == length])) for length in often}


class Concern(enum.Enum):
    """Why a member needs the lead, the most pressing first."""

    BELOW_MARK = "below mark"  # paused for the answers to gold pairs
    FAST = "fast"
    GOLD = "gold"
    DISAGREES = "disagrees"
    SKIPS = "skips"


@dataclass(frozen=True)
class Work:
    """A member's work.

    `leases` are the places they hold now. `today` and `week` count live judgments since midnight and of seven days,
    `skips` those of seven days. `fast` is the share that was suspiciously quick, `gold` their result on gold pairs.
    """

    member: Membership
    newest: Newest
    leases: list[Slot]
    today: int
    week: int
    skips: int
    last_seen: dt.datetime | None
    fast: Estimate
    gold: Estimate
    concerns: list[Concern] = field(default_factory=list)

    @property
    def skipped(self) -> Estimate:
        """Share of skips among what they were given in seven days."""
        return wilson_interval(self.skips, self.skips + self.week)


def work_by_member(project: Project) -> list[Work]:
    """Return every member's work: who needs the lead first, then who is working, then who did most.

    Six queries, whatever the number of members.
    """
    on_record = AuditLogEntry.objects.filter(project=project, actor=OuterRef("user")).order_by("-id").values("at")[:1]
    members = (
        Membership.objects.filter(project=project)
        .select_related("user")
        .annotate(acted_at=Subquery(on_record))
        .order_by("user__username")
    )
    newest = newest_judgments(members)
    usual = usual_seconds(newest.values())
    done, skipped = _done(project), _skipped(project)
    held = leases_of(project)
    gold = gold_results(project)
    nothing = wilson_interval(0, 0)
    works = []
    for member in members:
        member.project = project
        user = member.user_id
        today, week = done.get(user, (0, 0))
        skips, last_skip = skipped.get(user, (0, None))
        works.append(
            Work(
                member=member,
                newest=newest[user],
                leases=held.get(user, []),
                today=today,
                week=week,
                skips=skips,
                last_seen=_last_seen(
                    newest[user], last_skip, member.user.last_login, member.acted_at, leases=held.get(user, [])
                ),
                fast=newest[user].fast(usual),
                gold=gold.get(user, nothing),
            )
        )
    return sorted(with_concerns(works), key=_urgency)


def _urgency(work: Work) -> tuple[int, int, bool, int]:
    order = list(Concern)
    first = min((order.index(concern) for concern in work.concerns), default=len(order))
    return first, -len(work.concerns), not work.leases, -work.week


def _done(project: Project) -> dict[int, tuple[int, int]]:
    """Return live judgments since midnight and of seven days, by user."""
    week = timezone.now() - dt.timedelta(days=7)
    live = Judgment.objects.filter(project=project, retired_at__isnull=True, created_at__gte=min(week, day_start()))
    rows = live.values("annotator").annotate(
        today=Count("id", filter=Q(created_at__gte=day_start())), week=Count("id", filter=Q(created_at__gte=week))
    )
    return {row["annotator"]: (row["today"], row["week"]) for row in rows}


def _skipped(project: Project) -> dict[int, tuple[int, dt.datetime]]:
    """Return live skips of seven days and the last of them, by user."""
    live = Skip.objects.filter(
        project=project, retired_at__isnull=True, created_at__gte=timezone.now() - dt.timedelta(days=7)
    )
    rows = live.values("annotator").annotate(n=Count("id"), last=Max("created_at"))
    return {row["annotator"]: (row["n"], row["last"]) for row in rows}


def leases_of(project: Project) -> dict[int, list[Slot]]:
    """Return the places that are leased now, by user, the oldest lease first."""
    live = Slot.objects.filter(
        round__project=project, judged=False, annotator__isnull=False, leased_until__gt=timezone.now()
    )
    held: dict[int, list[Slot]] = {}
    for slot in live.order_by("leased_at", "pk"):
        held.setdefault(slot.annotator_id or 0, []).append(slot)
    return held


def _last_seen(newest: Newest, *others: dt.datetime | None, leases: list[Slot]) -> dt.datetime | None:
    """Return when somebody last did something that is stored: judged, skipped, signed in, or what is on record."""
    judged = dt.datetime.fromtimestamp(newest.at[0], dt.UTC) if len(newest.at) else None
    moments = [judged, *others, *(slot.leased_at for slot in leases)]
    return max((moment for moment in moments if moment is not None), default=None)


def with_concerns(works: list[Work]) -> list[Work]:
    """Return the works, each with why it needs the lead, measured against all of them together."""
    agreeing = [one.newest.agreement.value for one in works if one.newest.agreement.n >= FEWEST]
    skips, given = sum(one.skips for one in works), sum(one.skips + one.week for one in works)
    middle = float(np.median(agreeing)) if len(agreeing) > 1 else 0.0
    share = skips / given if given else 0.0
    return [replace(one, concerns=_concerns(one, middle, share)) for one in works]


def _concerns(work: Work, agreement: float, skip_share: float) -> list[Concern]:
    mark = work.member.project.pass_mark
    agrees = work.newest.agreement
    checks = {
        Concern.BELOW_MARK: work.member.paused_because == BELOW_MARK,
        Concern.FAST: work.fast.n >= FEWEST and work.fast.value >= MANY_FAST,
        Concern.GOLD: work.gold.n >= ENOUGH_GOLD and work.gold.value < mark and work.member.paused_at is None,
        Concern.DISAGREES: agrees.n >= FEWEST and agrees.high < agreement,
        Concern.SKIPS: work.skipped.n >= FEWEST and work.skipped.value > max(MANY_SKIPS, 2 * skip_share),
    }
    return [concern for concern, holds in checks.items() if holds]


@dataclass(frozen=True)
class Day:
    """One day of somebody's: live judgments, and the median time of one."""

    date: dt.date
    judgments: int
    seconds: float | None


def days_of(project: Project, annotator: User, days: int) -> list[Day]:
    """Return the last so many days up to today, the oldest first. One query."""
    today = timezone.localdate()
    first = today - dt.timedelta(days=days - 1)
    rows = (
        Judgment.objects.filter(
            project=project,
            annotator=annotator,
            retired_at__isnull=True,
            created_at__gte=day_start() - dt.timedelta(days=days - 1),
        )
        .annotate(date=TruncDate("created_at"))
        .values("date")
        .annotate(n=Count("id"), middle=Median("seconds"))
    )
    found = {row["date"]: row for row in rows}
    dates = [first + dt.timedelta(days=number) for number in range(days)]
    return [
        Day(date, found[date]["n"], found[date]["middle"]) if date in found else Day(date, 0, None) for date in dates
    ]


class Median(Aggregate):
    """The median of a column of numbers."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def skip_reasons(project: Project, annotator: User, days: int) -> list[tuple[str, int]]:
    """Return how often somebody skipped for each reason in so many days, the commonest first."""
    rows = (
        Skip.objects.filter(
            project=project,
            annotator=annotator,
            retired_at__isnull=True,
            created_at__gte=timezone.now() - dt.timedelta(days=days),
        )
        .values_list("reason")
        .annotate(n=Count("id"))
        .order_by("-n", "reason")
    )
    return list(rows)


def known_locales(project: Project) -> list[str]:
    """Return the languages of the newest round's queries and of the members."""
    newest = Round.objects.filter(project=project).order_by("-number").values("pk")[:1]
    queued = Slot.objects.filter(round__in=newest).exclude(locale="").values_list("locale", flat=True).distinct()
    read = Membership.objects.filter(project=project).exclude(languages=[]).values_list("languages", flat=True)
    return sorted({*queued, *chain.from_iterable(read)})
