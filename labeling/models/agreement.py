"""What was measured of people's agreement, kept so that a page need not compute it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.project import Project


class AgreementReport(models.Model):
    """The newest report of a project: `data` as modeling writes it, of the judgments up to `through_id`."""

    project = models.OneToOneField(Project, models.PROTECT, primary_key=True, related_name="agreement_report")
    computed_at = models.DateTimeField()
    through_id = models.BigIntegerField(default=0, help_text="The newest judgment that it knows.")
    judgments = models.PositiveBigIntegerField(default=0, help_text="How many live judgments it rests on.")
    data = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"Agreement of {self.judgments} judgments"


class ErrorModel(models.Model):
    """How each annotator errs, as the last Dawid-Skene fit found it.

    `labels` are label ids in order, `prior` (labels,), and `people` maps an annotator's id to their confusion
    (labels, labels): the chance of each given label for each true one. `report` is what is shown of it besides: errors
    by question, and how the ways to make one label of several do where the right one is known.
    """

    project = models.OneToOneField(Project, models.PROTECT, primary_key=True, related_name="error_model")
    computed_at = models.DateTimeField()
    judgments = models.PositiveBigIntegerField(default=0)
    labels = models.JSONField(default=list)
    prior = models.JSONField(default=list)
    people = models.JSONField(default=dict)
    report = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"Errors of {len(self.people)} people"


class Alarm(models.Model):
    """Something about agreement that the lead should look at: open until it is noted, or over by itself.

    `subject` tells alarms of one kind apart: a question's id, an annotator's id, or nothing. `details` are its
    numbers and where the pairs are that show it.
    """

    class Kind(models.TextChoices):
        GOAL = "goal", "Agreement is below the goal"
        QUESTION = "question", "A question got worse with a new version"
        PERSON = "person", "A person drifts"

    class State(models.TextChoices):
        OPEN = "open"
        NOTED = "noted"
        OVER = "over"

    project = models.ForeignKey(Project, models.PROTECT, related_name="alarms", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind)
    subject = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=5, choices=State, default=State.OPEN)
    details = models.JSONField(default=dict)
    raised_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(help_text="When it was last measured to be so.")
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    noted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "kind", "subject"), condition=~Q(state="over"), name="alarm_once_at_a_time"
            ),
            models.CheckConstraint(condition=Q(kind__in=("goal", "question", "person")), name="alarm_known_kind"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject}"
