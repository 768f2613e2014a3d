"""What experts rule where judgments disagree."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.guideline import GuidelineVersion
from labeling.models.pair import Pair
from labeling.models.product import ProductRevision
from labeling.models.project import Project
from labeling.models.scheme import Label


class Ruling(models.Model):
    """An adjudication: an expert's walk for a pair on which people part, and why. It is the pair's consensus.

    A foreign key holds the label to what the tree gives for the path. One that is taken back is retired.
    `example_in` is the draft of the guideline that took it in as a worked example.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="rulings", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="rulings", db_index=False)
    revision = models.ForeignKey(ProductRevision, models.PROTECT, related_name="+", db_index=False)
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, related_name="+", db_index=False)
    path = models.TextField()
    label = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    why = models.TextField()
    key = models.UUIDField(unique=True)
    ruled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="rulings", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)
    retired_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    example_in = models.ForeignKey(GuidelineVersion, models.SET_NULL, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("pair",), condition=Q(retired_at__isnull=True), name="ruling_once_per_pair"
            ),
            models.CheckConstraint(condition=~Q(why=""), name="ruling_says_why"),
        )
        indexes = (models.Index(fields=("project", "-id"), name="ruling_of_project"),)

    def __str__(self) -> str:
        return f"{self.label}: {self.pair}"
