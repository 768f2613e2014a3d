"""People checking the model's labels, blind."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.adapter import Adapter
from labeling.models.guideline import GuidelineVersion
from labeling.models.pair import Pair
from labeling.models.product import ProductRevision
from labeling.models.project import Project
from labeling.models.scheme import Label


class Audit(models.Model):
    """A uniform sample of one adapter's labels of unlabeled pairs, to be judged without seeing them."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="audits")
    number = models.PositiveIntegerField()
    adapter = models.ForeignKey(Adapter, models.PROTECT, related_name="audits")
    population = models.PositiveBigIntegerField(help_text="How many predictions the sample was drawn from.")
    seed = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("project", "-number")
        constraints = (models.UniqueConstraint(fields=("project", "number"), name="audit_number_once"),)

    def __str__(self) -> str:
        return f"Audit {self.number}"


class AuditItem(models.Model):
    """One sampled prediction and, once an auditor has judged, the verdict on it."""

    audit = models.ForeignKey(Audit, models.PROTECT, related_name="items", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="+", db_index=False)
    position = models.PositiveIntegerField()
    predicted = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    confidence = models.FloatField()

    auditor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="audit_items")
    leased_until = models.DateTimeField(null=True)
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    skip_reason = models.CharField(max_length=60, blank=True)
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, null=True, related_name="+", db_index=False)
    revision = models.ForeignKey(ProductRevision, models.PROTECT, null=True, related_name="+", db_index=False)
    path = models.TextField(blank=True)
    note = models.TextField(blank=True)
    judged_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("audit", "pair"), name="audit_item_once_per_audit"),
            models.UniqueConstraint(fields=("audit", "position"), name="audit_item_position_once"),
            models.CheckConstraint(
                condition=Q(judged_at__isnull=True, label__isnull=True, skip_reason="")
                | Q(judged_at__isnull=False, auditor__isnull=False, label__isnull=False, skip_reason="")
                | (Q(judged_at__isnull=False, auditor__isnull=False, label__isnull=True) & ~Q(skip_reason="")),
                name="audit_item_verdict_is_whole",
            ),
        )

    def __str__(self) -> str:
        return f"item {self.position} of {self.audit}"
