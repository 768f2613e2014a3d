"""An annotator's work."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone

from labeling.models import Judgment, Project, Skip, User
from labeling.queries.prepared import Prepared


def day_start(now: dt.datetime | None = None) -> dt.datetime:
    """Return midnight in the current time zone."""
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def judgments_of(project: Project, annotator: User) -> QuerySet[Judgment]:
    """Return a person's live judgments, the newest first."""
    return Judgment.objects.filter(project=project, annotator=annotator, retired_at__isnull=True).order_by(
        "-created_at", "-id"
    )


def judged_since(project: Project, annotator: User, since: dt.datetime) -> QuerySet[Judgment]:
    """Return a person's live judgments from a moment on, the newest first."""
    return judgments_of(project, annotator).filter(created_at__gte=since)


def judged_today(project: Project, annotator: User) -> int:
    """Count a person's live judgments since midnight."""
    return judged_since(project, annotator, day_start()).count()


def skipped_since(project: Project, annotator: User, since: dt.datetime) -> QuerySet[Skip]:
    """Return a person's live skips from a moment on, the newest first."""
    live = Skip.objects.filter(project=project, annotator=annotator, retired_at__isnull=True, created_at__gte=since)
    return live.order_by("-created_at", "-id")


@dataclass(frozen=True)
class Today:
    """How much somebody has judged since midnight, and what an undo would take back.

    `step` is its name (see step_name), empty where there is nothing; `label` is the judgment's: key, name, colour and
    shape; None for a skip.
    """

    judged: int
    step: str
    label: dict[str, str] | None


def today_of(project: Project, annotator: User) -> Today:
    """Return an annotator's day, in one query."""
    count, judgment, skip = _day(project.pk, annotator.pk, day_start())[0]
    if skip and (not judgment or _moment(skip) > _moment(judgment)):
        return Today(count or 0, f"skip:{skip['pk']}", None)
    return Today(count or 0, f"judgment:{judgment['pk']}", judgment["label"]) if judgment else Today(0, "", None)


@Prepared
def _day(project_id: int, annotator_id: int, since: dt.datetime) -> QuerySet[Any, Any]:
    live = {"project": project_id, "annotator": annotator_id, "retired_at__isnull": True, "created_at__gte": since}
    judged, skipped = Judgment.objects.filter(**live), Skip.objects.filter(**live)
    label = JSONObject(**{name: f"label__{name}" for name in ("key", "name", "colour", "shape")})
    newest = ("-created_at", "-id")
    return User.objects.filter(pk=annotator_id).values_list(
        Subquery(judged.order_by().values("annotator").annotate(n=Count("pk")).values("n")),
        Subquery(judged.order_by(*newest).values(it=JSONObject(pk="pk", at="created_at", label=label))[:1]),
        Subquery(skipped.order_by(*newest).values(it=JSONObject(pk="pk", at="created_at"))[:1]),
    )


def _moment(row: dict[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(row["at"])


def last_step(project: Project, annotator: User) -> Judgment | Skip | None:
    """Return what an undo would take back: the newest live judgment or skip of today."""
    today = day_start()
    judgment = judged_since(project, annotator, today).select_related("label").first()
    skip = skipped_since(project, annotator, today).first()
    if judgment and skip:
        return judgment if judgment.created_at >= skip.created_at else skip
    return judgment or skip


def step_name(step: Judgment | Skip | None) -> str:
    """Return what a page calls a step by: "judgment:12" or "skip:3"."""
    return f"{type(step).__name__.lower()}:{step.pk}" if step else ""


def named_step(project: Project, annotator: User, name: str) -> Judgment | Skip | None:
    """Return the person's own step of today by its name, live or taken back; None where there is none."""
    kind, _, number = name.partition(":")
    if not number.isdecimal():
        return None
    wanted = {"project": project, "annotator": annotator, "created_at__gte": day_start(), "pk": int(number[:18])}
    if kind == "judgment":
        return Judgment.objects.select_related("label").filter(**wanted).first()
    return Skip.objects.filter(**wanted).first() if kind == "skip" else None


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
