"""Versions of a project's decision tree."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.project import Project
from labeling.models.scheme import Label


class GuidelineVersion(models.Model):
    """A decision tree as YAML: a draft, of which a project has one at most, until it is published.

    Once published it never changes: a trigger holds it. `asked_again` are the ids of the questions whose meaning is
    not what it was in the version before, so that answers to them do not carry over.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="guidelines")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    source = models.TextField()
    change_note = models.TextField(blank=True, help_text="What has changed, and why.")
    asked_again = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True)
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("project", "-number")
        constraints = (
            models.UniqueConstraint(fields=("project", "number"), name="guideline_number_once"),
            models.UniqueConstraint(
                fields=("project",), condition=Q(published_at__isnull=True), name="guideline_one_draft"
            ),
        )

    def __str__(self) -> str:
        return f"{self.title}, version {self.number}"


class GuidelinePath(models.Model):
    """One whole walk through one version, from the first question to a leaf.

    Judgments point at (guideline, path, label) here by a foreign key, so that the database itself refuses a
    label that the tree does not give.
    """

    guideline = models.ForeignKey(GuidelineVersion, models.CASCADE, related_name="paths", db_index=False)
    path = models.TextField()
    label = models.ForeignKey(Label, models.PROTECT, null=True, related_name="+", db_index=False)
    skip_reason = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("guideline", "path"), name="guideline_path_once"),
            models.UniqueConstraint(fields=("guideline", "path", "label"), name="guideline_path_gives_label"),
            models.CheckConstraint(
                condition=Q(label__isnull=False, skip_reason="") | (Q(label__isnull=True) & ~Q(skip_reason="")),
                name="guideline_path_label_or_skip",
            ),
        )

    def __str__(self) -> str:
        return self.path
