"""What a person has done, step by step."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Q, QuerySet, Value
from django.utils import timezone

from labeling.models import Judgment, Label, Project, Skip, User

JUDGMENT, SKIP = "judgment", "skip"
SURPLUS = Q(retired_as=Judgment.Retired.SURPLUS)


@dataclass(frozen=True)
class Step:
    """A judgment that stands or was kept as surplus, or a skip that stands. `reason` is a skip's."""

    kind: str
    id: int
    at: dt.datetime
    query: str
    locale: str
    title: str
    note: str
    seconds: float | None = None
    surplus: bool = False
    reason: str = ""
    label: Label | None = None

    @property
    def day(self) -> dt.date:
        """The day it was done on, in the current time zone."""
        return timezone.localtime(self.at).date()


def steps_of(project: Project, annotator: User, search: str = "") -> "Steps":
    """Return a person's steps, the newest first; with a search, those whose query, title or note has its text."""
    mine = {"project": project, "annotator": annotator}
    judged = Judgment.objects.filter(Q(retired_at__isnull=True) | SURPLUS, **mine)
    skipped = Skip.objects.filter(retired_at__isnull=True, **mine)
    if search:
        in_pair = Q(pair__query__text__icontains=search) | Q(note__icontains=search)
        judged = judged.filter(in_pair | Q(revision__title__icontains=search))
        skipped = skipped.filter(in_pair | Q(pair__product__revision__title__icontains=search))
    return Steps(judged, skipped)


class Steps:
    """Judgments and skips as one list that a Paginator can cut: only the cut is read."""

    def __init__(self, judged: QuerySet[Judgment], skipped: QuerySet[Skip]) -> None:
        self._judged, self._skipped = judged, skipped

    def __len__(self) -> int:
        """Count the steps."""
        return self._judged.count() + self._skipped.count()

    def count_since(self, moment: dt.datetime) -> int:
        """Count the steps from a moment on."""
        return sum(rows.filter(created_at__gte=moment).count() for rows in (self._judged, self._skipped))

    def __getitem__(self, cut: slice) -> list[Step]:
        """Read the steps of a cut."""
        end = cut.stop
        if not end:
            return []
        keys = self._keys(JUDGMENT, self._judged)[:end].union(self._keys(SKIP, self._skipped)[:end], all=True)
        found = list(keys.order_by("-created_at", "-id")[cut])
        judged = self._read_judgments([key["id"] for key in found if key["kind"] == JUDGMENT])
        skipped = self._read_skips([key["id"] for key in found if key["kind"] == SKIP])
        return [(judged if key["kind"] == JUDGMENT else skipped)[key["id"]] for key in found]

    @staticmethod
    def _read_judgments(ids: list[int]) -> dict[int, Step]:
        rows = Judgment.objects.filter(pk__in=ids).select_related("label", "revision", "pair__query")
        return {
            row.pk: Step(
                kind=JUDGMENT,
                id=row.pk,
                at=row.created_at,
                query=row.pair.query.text,
                locale=row.pair.query.locale,
                title=row.revision.title,
                note=row.note,
                seconds=row.seconds,
                surplus=row.retired_as == Judgment.Retired.SURPLUS,
                label=row.label,
            )
            for row in rows
        }

    @staticmethod
    def _read_skips(ids: list[int]) -> dict[int, Step]:
        rows = Skip.objects.filter(pk__in=ids).select_related("pair__query", "pair__product__revision")
        return {
            row.pk: Step(
                kind=SKIP,
                id=row.pk,
                at=row.created_at,
                query=row.pair.query.text,
                locale=row.pair.query.locale,
                title=row.pair.product.revision.title if row.pair.product.revision else "",
                note=row.note,
                reason=row.reason,
            )
            for row in rows
        }

    @staticmethod
    def _keys(kind: str, rows: QuerySet[Any]) -> QuerySet[Any, dict[str, Any]]:
        named = rows.annotate(kind=Value(kind, output_field=CharField())).order_by("-created_at", "-id")
        return named.values("kind", "id", "created_at")  # type: ignore[no-any-return]
