"""Who did what, for good."""

from django.conf import settings
from django.db import models

from labeling.models.project import Project


class AuditLogEntry(models.Model):
    """One write that matters. The table takes inserts only: a trigger refuses everything else.

    `actor` is empty where Winnow acted by itself.
    """

    project = models.ForeignKey(Project, models.PROTECT, null=True, related_name="audit_log")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    verb = models.CharField(max_length=60)
    target = models.CharField(max_length=100, blank=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "audit log"
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("project", "-id"), name="audit_log_of_project"),
            models.Index(fields=("project", "target"), name="audit_log_of_target"),
        )

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"
