"""Links that let people into a project."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from labeling.models.membership import Role
from labeling.models.project import Project


class Invitation(models.Model):
    """A link that gives whoever opens it a role in a project, until it expires, is used up or is revoked.

    Only the SHA-256 of the link's token is kept, so that nobody can read a working link from the database.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=10, choices=Role)
    languages = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    places = models.PositiveSmallIntegerField(default=1, help_text="How many people it lets in.")
    taken = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("project", "-id")
        constraints = (
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_known_role"),
            models.CheckConstraint(condition=Q(taken__lte=F("places")), name="invitation_never_overfull"),
        )

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.project}"
