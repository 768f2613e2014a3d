"""Pairs that people could not judge, waiting for the lead."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.pair import Pair
from labeling.models.project import Project


class SetAside(models.Model):
    """A pair that several people skipped for one reason: nobody gets it until the lead has decided.

    waiting -> returned (back to the queue) | excluded (out of the pool for good).
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        RETURNED = "returned"
        EXCLUDED = "excluded"

    project = models.ForeignKey(Project, models.PROTECT, related_name="set_aside", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="set_aside", db_index=False)
    reason = models.CharField(max_length=60)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("pair",), condition=~Q(state="returned"), name="set_aside_once_per_pair"),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at__isnull=True)
                | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="set_aside_decided_has_time",
            ),
        )
        indexes = (models.Index(fields=("project", "state"), name="set_aside_of_project"),)

    def __str__(self) -> str:
        return f"{self.pair}: {self.reason}"
