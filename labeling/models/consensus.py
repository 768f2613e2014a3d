"""Each judged pair's resolved label."""

from django.db import models
from django.db.models import Q

from labeling.models.pair import Pair
from labeling.models.project import Project
from labeling.models.scheme import Label


class Consensus(models.Model):
    """What people say of a pair together.

    open: more judgments are to come; resolved: `label` stands; disputed: no judgments are left to ask for and
    still no majority, so that an expert must rule. `confidence` is the share of judgments for the label, or, by
    Dawid-Skene, the posterior probability of it; an adjudicated one has 1.
    """

    class State(models.TextChoices):
        OPEN = "open"
        RESOLVED = "resolved"
        DISPUTED = "disputed"

    class Method(models.TextChoices):
        MAJORITY = "majority"
        DAWID_SKENE = "dawid_skene"
        ADJUDICATED = "adjudicated"

    pair = models.OneToOneField(Pair, models.PROTECT, primary_key=True, related_name="consensus")
    project = models.ForeignKey(Project, models.PROTECT, related_name="consensuses", db_index=False)
    state = models.CharField(max_length=8, choices=State)
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    method = models.CharField(max_length=11, choices=Method)
    confidence = models.FloatField()
    judgments = models.PositiveSmallIntegerField()
    stake = models.FloatField(null=True)
    parts_at = models.CharField(max_length=40, blank=True)
    measured = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "consensus"
        constraints = (
            models.CheckConstraint(
                condition=Q(state="resolved", label__isnull=False) | (~Q(state="resolved") & Q(label__isnull=True)),
                name="consensus_resolved_has_label",
            ),
        )
        indexes = (
            models.Index(fields=("project", "state", "updated_at"), name="consensus_of_project"),
            models.Index(fields=("project", "parts_at"), condition=Q(stake__isnull=False), name="consensus_to_rule"),
        )

    def __str__(self) -> str:
        return f"{self.state}: {self.label or '-'}"
