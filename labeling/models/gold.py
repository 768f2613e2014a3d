"""Pairs whose answer is known, and what people answered while they learned."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeling.models.guideline import GuidelineVersion
from labeling.models.membership import Membership
from labeling.models.pair import Pair
from labeling.models.project import Project
from labeling.models.scheme import Label


class GoldPair(models.Model):
    """A pair with its known label: for training, or mixed into the work unseen.

    `path` is the right walk where it is known, and `why` what a learner is told. A retired one is served no more.
    """

    class Use(models.TextChoices):
        TRAINING = "training", _("Training, with feedback")
        CHECK = "check", _("Mixed into the work")

    project = models.ForeignKey(Project, models.PROTECT, related_name="gold")
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="gold", db_index=False)
    label = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    path = models.TextField(blank=True)
    why = models.TextField(blank=True)
    use = models.CharField(max_length=8, choices=Use)
    origin = models.CharField(max_length=200, help_text="Where the answer is from.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("pair",), condition=Q(retired_at__isnull=True), name="gold_once_per_pair"),
            models.CheckConstraint(condition=Q(use__in=("training", "check")), name="gold_known_use"),
        )

    def __str__(self) -> str:
        return f"{self.label}: {self.pair}"


class TrainingAnswer(models.Model):
    """What a member answered to a training pair in one attempt. Counts for nothing but their own training."""

    member = models.ForeignKey(Membership, models.PROTECT, related_name="training_answers", db_index=False)
    gold = models.ForeignKey(GoldPair, models.PROTECT, related_name="answers")
    attempt = models.PositiveSmallIntegerField()
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, related_name="+", db_index=False)
    path = models.TextField()
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    right = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("member", "attempt", "gold"), name="training_answer_once_per_attempt"),
        )

    def __str__(self) -> str:
        return f"{self.label or '-'} by {self.member}"
