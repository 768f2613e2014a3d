"""Pairs that somebody could not judge, and why."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.guideline import GuidelineVersion
from labeling.models.pair import Pair
from labeling.models.project import Project
from labeling.models.round import Round


class Skip(models.Model):
    """One annotator's "cannot judge" with a reason of the guideline. It uses up no slot."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="skips")
    round = models.ForeignKey(Round, models.PROTECT, related_name="skips", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="skips", db_index=False)
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="skips", db_index=False)
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, related_name="skips")
    path = models.TextField(blank=True, help_text="How far the walk had come.")
    reason = models.CharField(max_length=60)
    note = models.TextField(blank=True)
    key = models.UUIDField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("pair", "annotator", "round"),
                condition=Q(retired_at__isnull=True),
                name="skip_once_per_annotator_and_round",
            ),
        )
        indexes = (models.Index(fields=("annotator", "project", "-created_at"), name="skip_of_annotator"),)

    def __str__(self) -> str:
        return f"{self.reason} by {self.annotator}"
