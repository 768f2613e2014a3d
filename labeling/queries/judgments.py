"""An annotator's work."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from labeling.models import Judgment, Project, Skip, User


def day_start(now: dt.datetime | None = None) -> dt.datetime:
    """Return midnight in the current time zone."""
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def judgments_of(project: Project, annotator: User) -> QuerySet[Judgment]:
    """Return a person's live judgments, the newest first."""
    return Judgment.objects.filter(project=project, annotator=annotator, retired_at__isnull=True).order_by(
        "-created_at", "-id"
    )


def judged_today(project: Project, annotator: User) -> int:
    """Count a person's live judgments since midnight."""
    return judgments_of(project, annotator).filter(created_at__gte=day_start()).count()


def last_step(project: Project, annotator: User) -> Judgment | Skip | None:
    """Return what an undo would take back: the newest live judgment or skip of today in the open round."""
    since = {"created_at__gte": day_start()}
    judgment = (
        judgments_of(project, annotator).filter(slot__round__state="open", **since).select_related("slot").first()
    )
    skip = (
        Skip.objects.filter(project=project, annotator=annotator, retired_at__isnull=True, round__state="open", **since)
        .order_by("-created_at", "-id")
        .first()
    )
    if judgment and skip:
        return judgment if judgment.created_at >= skip.created_at else skip
    return judgment or skip


EXPORT = {
    "query": F("pair__query__text"),
    "locale": F("pair__query__locale"),
    "product_id": F("pair__product__external_id"),
    "title": F("revision__title"),
    "who": F("annotator__username"),
    "given": F("label__key"),
    "guideline_version": F("guideline__number"),
    "chance": F("slot__entry__chance"),
    "consensus": F("pair__consensus__label__key"),
}
EXPORT_COLUMNS = (
    "id",
    "pair_id",
    *("query", "locale", "product_id", "title", "who", "given", "path", "guideline_version"),
    *("stream", "chance", "consensus", "seconds", "note", "created_at"),
)


def exported_judgments(project: Project) -> Iterator[dict[str, Any]]:
    """Yield every live judgment as a plain row of EXPORT_COLUMNS, by id, from a server-side cursor."""
    rows = Judgment.objects.filter(project=project, retired_at__isnull=True).annotate(**EXPORT).order_by("id")
    yield from rows.values(*EXPORT_COLUMNS).iterator(chunk_size=5000)
