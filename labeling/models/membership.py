"""Who takes part in a project, and as what."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from labeling.models.project import Project


class Role(models.TextChoices):
    ANNOTATOR = "annotator", _("Annotator")
    AUDITOR = "auditor", _("Auditor")
    LEAD = "lead", _("Lead")


class Membership(models.Model):
    """One person's role in one project. Annotators judge, auditors audit, leads do both and run the loop.

    `languages` are the locales of the queries they are given; empty means all. Who is paused gets no pairs;
    `paused_because` is what they are told. Gold pairs judged before `gold_since` no longer count for them.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)
    languages = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    qualified_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.TextField(blank=True)
    gold_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(paused_at__isnull=True, paused_because="")
                | (models.Q(paused_at__isnull=False) & ~models.Q(paused_because="")),
                name="membership_paused_has_reason",
            ),
            models.UniqueConstraint(fields=("project", "user"), name="membership_once_per_project"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_known_role"),
        )

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.project}"
