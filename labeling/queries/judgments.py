"""An annotator's work."""

import datetime as dt

from django.db.models import QuerySet
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
