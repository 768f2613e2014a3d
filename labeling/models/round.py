"""Turns of the loop."""

from django.db import models
from django.db.models import Q

from labeling.models.project import Project


class Round(models.Model):
    """One turn: pairs selected, judged, learned from. A project has at most one open round, its queue."""

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    project = models.ForeignKey(Project, models.PROTECT, related_name="rounds")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    strategy = models.CharField(max_length=40)
    seed = models.BigIntegerField()
    pool_size = models.PositiveBigIntegerField(help_text="How many unlabeled pairs it was drawn from.")
    adapter = models.ForeignKey(
        "labeling.Adapter",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Whose predictions were used.",
    )
    rules = models.JSONField(default=dict, help_text="How it was drawn: the shares of its parts and the limits.")
    predicted = models.JSONField(
        default=dict,
        help_text="What the adapter said of the pool it was drawn from, in the mean: labeling.queries.predictions.",
    )
    last_pair = models.BigIntegerField(null=True, help_text="The project's newest pair when it was drawn.")
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("project", "-number")
        constraints = (
            models.UniqueConstraint(fields=("project", "number"), name="round_number_once"),
            models.UniqueConstraint(fields=("project",), condition=Q(state="open"), name="round_one_open_per_project"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True) | Q(state="closed", closed_at__isnull=False),
                name="round_closed_has_time",
            ),
        )

    def __str__(self) -> str:
        return f"Round {self.number}"
