"""Judgments that are to be walked again because the guideline has changed."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.guideline import GuidelineVersion
from labeling.models.judgment import Judgment
from labeling.models.pair import Pair
from labeling.models.project import Project


class Relabel(models.Model):
    """One live judgment whose annotator is asked one question of it again, under a newer version.

    `path` is the beginning of the walk that still holds, `question` the one to be asked after it. The judgment stays
    live until the new walk supersedes it. waiting -> done | withdrawn.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        WITHDRAWN = "withdrawn"

    project = models.ForeignKey(Project, models.PROTECT, related_name="relabels", db_index=False)
    judgment = models.ForeignKey(Judgment, models.PROTECT, related_name="relabels", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="+", db_index=False)
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="relabels", db_index=False)
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, related_name="relabels")
    question = models.CharField(max_length=40)
    path = models.TextField(blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("judgment",), condition=Q(state="waiting"), name="relabel_waits_once_per_judgment"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", settled_at__isnull=True)
                | (~Q(state="waiting") & Q(settled_at__isnull=False)),
                name="relabel_settled_has_time",
            ),
        )
        indexes = (
            models.Index(fields=("project", "annotator", "id"), condition=Q(state="waiting"), name="relabel_waiting"),
            models.Index(fields=("project", "guideline", "annotator", "state"), name="relabel_progress"),
        )

    def __str__(self) -> str:
        return f"{self.question} of judgment {self.judgment_id}"
