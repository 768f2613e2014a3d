"""What annotators ask the lead about a pair."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.guideline import GuidelineVersion
from labeling.models.pair import Pair
from labeling.models.product import ProductRevision
from labeling.models.project import Project


class Inquiry(models.Model):
    """A question of an annotator about a pair, at a question of the tree, with the lead's answer.

    `path` is the walk up to `question`. `answer_key` is the answer of the tree that the lead says is right there;
    `example_in` is the draft of the guideline that took it in as a worked example.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="inquiries", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="inquiries")
    revision = models.ForeignKey(ProductRevision, models.PROTECT, related_name="+", db_index=False)
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, related_name="+", db_index=False)
    path = models.TextField(blank=True)
    question = models.CharField(max_length=40)
    text = models.TextField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="inquiries", db_index=False)
    asked_at = models.DateTimeField(auto_now_add=True)
    key = models.UUIDField(unique=True)
    answer = models.TextField(blank=True)
    answer_key = models.CharField(max_length=40, blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    example_in = models.ForeignKey(GuidelineVersion, models.SET_NULL, null=True, related_name="+", db_index=False)

    class Meta:
        verbose_name_plural = "inquiries"
        constraints = (
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answered_by__isnull=True, answer="")
                | Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer=""),
                name="inquiry_answer_is_whole",
            ),
        )
        indexes = (
            models.Index(fields=("project", "-id"), name="inquiry_of_project"),
            models.Index(fields=("asked_by", "project", "-id"), name="inquiry_of_asker"),
            models.Index(fields=("project",), condition=Q(answered_at__isnull=True), name="inquiry_waiting"),
        )

    def __str__(self) -> str:
        return self.text[:80]
