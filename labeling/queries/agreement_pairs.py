"""The pairs behind a number of the agreement report: which two judgments of each it compares.

What is compared is what modeling.labels.report compares: every two live judgments of one pair, of the streams random
and active, that were asked for before anybody knew what others say; under a version of the guideline, also what people
judged under it before they judged the pair anew under another; for repeats, a person's second judgment with the first.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    Count,
    Exists,
    ExpressionWrapper,
    Field,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
)
from django.db.models.lookups import LessThan

from labeling.guidelines.walk import parse_path
from labeling.models import GuidelinePath, Judgment, Project, QueueEntry, Stream
from labeling.queries.agreement import LEAST_COMPARED, NEWEST
from labeling.queries.slices import in_slice

COMPARED = (Stream.RANDOM, Stream.ACTIVE)
WINDOW = 5_000  # judgments that are looked through first
COUNTED = 1_000  # so many pairs are counted; that there are more costs no more to know


@dataclass(frozen=True)
class Behind:
    """Which two judgments of a pair a number compares. What is empty or None does not matter.

    Both met `question`; one gave each of the `answers` there, which may be the same. One is by `person`, the other by
    `beside` (ids of users). One of them gave `label`; or one each of the `labels` (keys). Both are in `value` of the
    slice `slice`, of the guideline's `version`, of `month` (12 * year + month - 1, UTC) and of `stream`. `differ`:
    whether they differ, in the answer to the question where one is named, in who gave the label where one is, else in
    the label. `lately`: whether the person's is among their newest, beside others of its version. `repeat`: a
    person's repeat and what it repeats.
    """

    question: str = ""
    answers: tuple[str, str] | None = None
    person: int | None = None
    beside: int | None = None
    label: str = ""
    labels: tuple[str, str] | None = None
    slice: str = ""
    value: str = ""
    version: int | None = None
    month: int | None = None
    stream: str = ""
    differ: bool | None = None
    lately: bool | None = None
    repeat: bool = False


@dataclass(frozen=True)
class Counted:
    """How many pairs there are, and how many comparisons of two judgments in them; `more`: and yet others."""

    pairs: int
    comparisons: int
    more: bool


@dataclass(frozen=True)
class Found:
    """What is behind a number. `rows` are one judgment of every comparison, each with the ids of the `others` that it
    is compared with: every comparison comes once. `among` are the judgments to look through for them, some at a time;
    None where there are so few rows that they can be read at once.
    """

    rows: QuerySet[Any]
    among: QuerySet[Judgment] | None


def comparisons_behind(project: Project, behind: Behind) -> Found:
    """Return what is behind a number; nothing is read yet but a few walks.

    ValueError for a slice, or a value of one, that there is not.
    """
    both = _counted(behind.version) & _both(behind)
    ones = Judgment.objects.filter(both, _one(project, behind), project=project)
    others = Judgment.objects.filter(both, _other(behind), pair=OuterRef("pair"))
    if not behind.repeat:
        ones, others = _planned(ones), _planned(others)
    if behind.slice and behind.slice != "stream":
        ones = ones.filter(in_slice(behind.slice, behind.value))
    if not _takes_any_walk(behind):
        walks = walks_of(project)
        kinds = kinds_compared(walks, behind)
        others = others.annotate(
            one_guideline=_outer("guideline", BigIntegerField()), one_path=_outer("path", TextField())
        )
        ones = ones.filter(_walked([walk for kind in kinds for walk in kind.ones], walks))
        others = others.filter(_any(_walked(kind.ones, walks, "one_") & _walked(kind.others, walks) for kind in kinds))
    others = others.order_by("pk")
    rows = ones.filter(Exists(others)).annotate(others=ArraySubquery(others.values("pk")))
    among = Judgment.objects.filter(project=project)
    if behind.version is not None:
        among = among.filter(guideline=project.guidelines.values_list("pk", flat=True).get(number=behind.version))
    return Found(rows, among if behind.person is None else None)


def _outer(name: str, field: "Field[Any, Any]") -> "ExpressionWrapper[Any]":
    return ExpressionWrapper(OuterRef(name), output_field=field)


def count_behind(found: Found) -> Counted:
    """Count the pairs, up to COUNTED, and the comparisons in them."""
    pairs = pairs_behind(found, COUNTED + 1)
    compared = compared_in(found, pairs[:COUNTED])
    return Counted(len(compared), sum(map(len, compared.values())), len(pairs) > COUNTED)


def pairs_behind(found: Found, most: int, after: int = 0, before: int | None = None) -> list[int]:
    """Return the ids of at most so many pairs, ascending, from after a pair on or up to before one.

    The judgments are looked through in windows that grow: pairs that are common are found in the first one, whatever
    the planner thinks of how many there are; for rare ones the last windows are nearly everything.
    """
    down = before is not None
    order, beyond, within = ("-pair", "pair__lt", "pair__gte") if down else ("pair", "pair__gt", "pair__lte")
    edge, end, size = (before if before is not None else after), None, WINDOW
    pairs: list[int] = []
    while len(pairs) < most:
        if found.among is not None:
            rest = found.among.filter(**{beyond: edge}).order_by(order)
            end = rest.values_list("pair", flat=True)[size : size + 1].first()
        window = found.rows.filter(**{beyond: edge}, **({within: end} if end is not None else {})).order_by(order)
        pairs += window.values_list("pair", flat=True).distinct()[: most - len(pairs)]
        if end is None:
            break
        edge, size = end, 4 * size
    return sorted(pairs)


def compared_in(found: Found, pairs: Collection[int]) -> dict[int, list[tuple[int, int]]]:
    """Return the comparisons in some pairs, as ids of two judgments, by the pair."""
    compared: dict[int, list[tuple[int, int]]] = {pair: [] for pair in pairs}
    for one, pair, others in found.rows.filter(pair__in=pairs).order_by("pk").values_list("pk", "pair", "others"):
        compared[pair] += [(one, other) for other in others]
    return compared


def _planned(judgments: QuerySet[Judgment]) -> QuerySet[Judgment]:
    """Keep the first judgments of each pair, as many as it was to have, as Evidence.compared does.

    Most have fewer than LEAST_COMPARED before them; only of the others it is asked how many were wanted.
    """
    live = Judgment.objects.filter(pair=OuterRef("pair"), retired_at__isnull=True, stream__in=COMPARED)
    before = live.filter(slot__lt=OuterRef("slot")).order_by()
    several = Exists(before[LEAST_COMPARED - 1 : LEAST_COMPARED])
    places = Subquery(before.values("pair").annotate(n=Count("pk")).values("n"))
    first = QueueEntry.objects.filter(pair=OuterRef("pair"), stream__in=COMPARED).order_by("pk").values("overlap")[:1]
    return judgments.filter(~several | Q(LessThan(places, Subquery(first))))


def _counted(version: int | None) -> Q:
    """Return which judgments count: live ones; under a version what people judged under it, as in queries.agreement."""
    live = Q(retired_at__isnull=True)
    if version is None:
        return live
    same = Judgment.objects.filter(pair=OuterRef("pair"), annotator=OuterRef("annotator"), stream__in=COMPARED)
    superseded = {"retired_as": Judgment.Retired.SUPERSEDED}
    walked_then = same.filter(created_at=OuterRef("created_at"), retired_at__isnull=False, **superseded)
    later = same.filter(guideline=OuterRef("guideline"), pk__gt=OuterRef("pk"), **superseded)
    anew = same.filter(~Q(guideline=OuterRef("guideline")), live)
    place_stands = Judgment.objects.filter(slot=OuterRef("slot"), retired_at__isnull=True)
    former = Q(retired_at__isnull=False, **superseded) & Exists(anew) & ~Exists(later) & Exists(place_stands)
    return (live & ~Exists(walked_then)) | former


def _both(behind: Behind) -> Q:
    """What holds of both judgments, but for their walks and their slice."""
    streams = Q() if behind.repeat else Q(stream__in=COMPARED)
    stream = behind.value if behind.slice == "stream" else behind.stream
    if stream:
        if stream not in COMPARED:
            raise ValueError(f"There is no slice 'stream' with a value {stream!r}.")
        streams = Q(stream=stream)
    return streams if behind.month is None else streams & _in_month(behind.month)


def _one(project: Project, behind: Behind) -> Q:
    one = Q(stream=Stream.REPEAT) if behind.repeat else Q()
    if behind.person is not None:
        one &= Q(annotator=behind.person)
        if behind.lately is not None:
            newest = Q(pk__in=newest_of(project, behind.person))
            one &= newest if behind.lately else ~newest
    return one


def _other(behind: Behind) -> Q:
    """What tells the other judgment from the one, so that two of them are compared once."""
    same_version = Q(guideline=OuterRef("guideline"))
    if behind.repeat:
        return ~Q(stream=Stream.REPEAT) & Q(annotator=OuterRef("annotator")) & same_version
    if behind.person is None:
        return Q(pk__gt=OuterRef("pk"))
    other = ~Q(annotator=behind.person) if behind.beside is None else Q(annotator=behind.beside)
    return other if behind.lately is None else other & same_version


def newest_of(project: Project, person: int) -> list[int]:
    """Return a person's judgments that count as their latest ones: none where there is too little before them."""
    compared = Judgment.objects.filter(
        project=project, annotator=person, retired_at__isnull=True, stream__in=COMPARED
    ).order_by("-created_at")
    found = list(compared.values_list("pk", flat=True)[: 2 * NEWEST])
    return found[:NEWEST] if len(found) == 2 * NEWEST else []


def _in_month(month: int) -> Q:
    starts = [dt.datetime(number // 12, number % 12 + 1, 1, tzinfo=dt.UTC) for number in (month, month + 1)]
    return Q(created_at__gte=starts[0], created_at__lt=starts[1])


class Walk(NamedTuple):
    """A walk to a label through a version, as it is stored, with the answer it has at each question."""

    guideline: int
    path: str
    version: int
    label: str
    answers: Mapping[str, str]


def walks_of(project: Project) -> list[Walk]:
    """Return every walk to a label through any version of the project's guideline: a few for each version."""
    rows = GuidelinePath.objects.filter(guideline__project=project, label__isnull=False).order_by("pk")
    return [
        Walk(guideline, path, number, label, dict(parse_path(path)))
        for guideline, path, number, label in rows.values_list("guideline", "path", "guideline__number", "label__key")
    ]


class Kind(NamedTuple):
    """Walks that are compared with the same others."""

    ones: list[Walk]
    others: list[Walk]


def kinds_compared(walks: Sequence[Walk], behind: Behind) -> list[Kind]:
    """Return which walks are compared with which: the few that can be behind the number, found before any judgment.

    Walks count by their answer to the question and their label; those that are compared with the same others are one
    kind.
    """
    said: dict[tuple[str, str], list[Walk]] = {}
    for walk in walks:
        if behind.version in (None, walk.version) and (not behind.question or behind.question in walk.answers):
            said.setdefault((walk.answers.get(behind.question, ""), walk.label), []).append(walk)
    kinds: dict[frozenset[tuple[str, str]], list[Walk]] = {}
    for one, ones in said.items():
        others = frozenset(other for other in said if _compares(one, other, behind))
        if others:
            kinds.setdefault(others, []).extend(ones)
    return [Kind(ones, [walk for key in others for walk in said[key]]) for others, ones in kinds.items()]


def _compares(one: tuple[str, str], other: tuple[str, str], behind: Behind) -> bool:
    """Say whether two judgments with these answers and labels are meant, in whichever order."""
    answers, labels = (one[0], other[0]), (one[1], other[1])
    if behind.answers is not None and sorted(answers) != sorted(behind.answers):
        return False
    if behind.labels is not None and sorted(labels) != sorted(behind.labels):
        return False
    if behind.label and behind.label not in labels:
        return False
    if behind.differ is None:
        return True
    if behind.question:
        differ = answers[0] != answers[1]
    elif behind.label:
        differ = (labels[0] == behind.label) != (labels[1] == behind.label)
    else:
        differ = labels[0] != labels[1]
    return differ == behind.differ


def _takes_any_walk(behind: Behind) -> bool:
    told = (behind.question, behind.label, behind.answers, behind.labels, behind.version, behind.differ)
    return all(one in ("", None) for one in told)


def _walked(walks: Iterable[Walk], every: Sequence[Walk], prefix: str = "") -> Q:
    """Return what holds of judgments with one of these walks.

    Where a path is meant in `every` version that has it, the version is not asked for: that is one condition for all
    of them, and the planner knows how common a path is, but not how common it is in a version.
    """
    versions: dict[str, set[int]] = {}
    for walk in every:
        versions.setdefault(walk.path, set()).add(walk.guideline)
    meant: dict[str, set[int]] = {}
    for walk in walks:
        meant.setdefault(walk.path, set()).add(walk.guideline)
    anywhere = [path for path, guidelines in meant.items() if guidelines == versions[path]]
    conditions = [Q(**{f"{prefix}path__in": anywhere})] if anywhere else []
    for guideline in sorted({walk.guideline for walk in every}):
        paths = [path for path, found in meant.items() if guideline in found and found != versions[path]]
        if paths:
            conditions.append(Q(**{f"{prefix}guideline": guideline, f"{prefix}path__in": paths}))
    return _any(conditions)


def _any(conditions: Iterable[Q]) -> Q:
    """Return whether one of the conditions holds; without any, nothing does."""
    found = Q()
    for condition in conditions:
        found |= condition
    return found or Q(pk__in=[])
