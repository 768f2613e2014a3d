"""Who takes part in a project, and as what."""

from django.conf import settings
from django.db import models

from labeling.models.project import Project


class Role(models.TextChoices):
    ANNOTATOR = "annotator"
    AUDITOR = "auditor"
    LEAD = "lead"


class Membership(models.Model):
    """One person's role in one project. Annotators judge, auditors audit, leads do both and run the loop."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("project", "user"), name="membership_once_per_project"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_known_role"),
        )

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.project}"
