"""What annotators decided."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.guideline import GuidelineVersion
from labeling.models.pair import Pair
from labeling.models.product import ProductRevision
from labeling.models.project import Project
from labeling.models.queue import Slot, Stream
from labeling.models.scheme import Label


class Judgment(models.Model):
    """One annotator's walk through one version of the tree for one pair.

    Never edited: an undo or a correction retires it (a trigger allows no other change). `key` makes a submit
    that is sent twice count once. One that came when the pair had all its judgments is kept as surplus: retired
    from the start, so that it counts for nothing.
    """

    class Retired(models.TextChoices):
        UNDONE = "undone"
        SUPERSEDED = "superseded"
        SURPLUS = "surplus"

    project = models.ForeignKey(Project, models.PROTECT, related_name="judgments", db_index=False)
    slot = models.ForeignKey(Slot, models.PROTECT, related_name="judgments", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="judgments", db_index=False)
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="judgments", db_index=False)
    revision = models.ForeignKey(ProductRevision, models.PROTECT, related_name="+", db_index=False)
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, related_name="judgments", db_index=False)
    path = models.TextField()
    label = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    stream = models.CharField(max_length=6, choices=Stream)
    key = models.UUIDField(unique=True)
    seconds = models.FloatField()
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)
    retired_as = models.CharField(max_length=10, choices=Retired, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("pair", "annotator"),
                condition=Q(retired_at__isnull=True) & ~Q(stream="repeat"),
                name="judgment_once_per_annotator",
            ),
            models.UniqueConstraint(
                fields=("slot",), condition=Q(retired_at__isnull=True), name="judgment_one_live_per_slot"
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True, retired_as="") | (Q(retired_at__isnull=False) & ~Q(retired_as="")),
                name="judgment_retired_has_reason",
            ),
        )
        indexes = (
            models.Index(fields=("annotator", "project", "-created_at"), name="judgment_of_annotator"),
            models.Index(fields=("pair",), name="judgment_of_pair"),
            models.Index(fields=("guideline", "pair"), name="judgment_of_version"),
            models.Index(fields=("project", "id"), name="judgment_of_project"),
            models.Index(
                fields=("project", "retired_at"), condition=Q(retired_at__isnull=False), name="judgment_retired"
            ),
        )

    def __str__(self) -> str:
        return f"{self.label} by {self.annotator}"
