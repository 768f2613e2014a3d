"""Long work that a person can watch."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.project import Project


class Job(models.Model):
    """One piece of long work.

    queued -> running -> done | failed, and queued or running -> cancelled. `heartbeat_at` is renewed while a
    worker is at it, so that work whose worker died is seen and failed. `done` of `total` is in `unit`s.
    `params["then"]` lists the kinds of job to start after it. `starts` counts how often it was taken to running: a
    worker that was thought dead knows by it that the job is another's now.
    """

    class Kind(models.TextChoices):
        IMPORT = "import", "Import"
        TRAIN = "train", "Train"
        SCORE = "score", "Score"
        SELECT = "select", "Select"
        MEASURE = "measure", "Measure agreement"
        RELABEL = "relabel", "Take over the guideline"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    project = models.ForeignKey(Project, models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    unit = models.CharField(max_length=20, blank=True)
    message = models.TextField(blank=True)
    params = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    starts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("project", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("project", "kind"),
                condition=Q(state__in=["queued", "running"]),
                name="job_one_active_per_kind",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at__isnull=True)
                | Q(state__in=["done", "failed", "cancelled"], finished_at__isnull=False),
                name="job_finished_has_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def active(self) -> bool:
        """Whether it is still to end."""
        return self.state in (Job.State.QUEUED, Job.State.RUNNING)

    @property
    def percent(self) -> int:
        """How far it is, 0 to 100."""
        return min(100, 100 * self.done // self.total) if self.total else 0


class ScoringShard(models.Model):
    """A part of a scoring job that one worker takes at a time: a run of pairs in the order of (query, pair).

    It reaches from (first_query, first_pair) to (last_query, last_pair), both included; whole queries begin at pair 0
    and end at LAST_PAIR. `pairs` of them were to be scored when it was planned. Who begins it is written down, and how
    often it was begun; who finishes it says how many pairs were `scored`, how many predictions that made (each
    adapter's count) and how many seconds it took.
    """

    LAST_PAIR = 2**63 - 1

    job = models.ForeignKey(Job, models.PROTECT, related_name="shards", db_index=False)
    number = models.PositiveIntegerField()
    pairs = models.PositiveIntegerField()
    first_query = models.BigIntegerField()
    first_pair = models.BigIntegerField()
    last_query = models.BigIntegerField()
    last_pair = models.BigIntegerField()
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    scored = models.PositiveIntegerField(default=0)
    predictions = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("job", "number"), name="shard_number_once_per_job"),)

    def __str__(self) -> str:
        return f"shard {self.number} of {self.job}"


class TrainingStep(models.Model):
    """A point of a training job's curves: what the run reported at one step. At most a few thousand a job."""

    job = models.ForeignKey(Job, models.PROTECT, related_name="training_steps", db_index=False)
    step = models.PositiveIntegerField()
    loss = models.FloatField()
    learning_rate = models.FloatField(null=True)
    pairs_per_second = models.FloatField(null=True)
    memory_mb = models.FloatField(null=True, help_text="Of the device that trains, in megabytes.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("job", "step"), name="training_step_once_per_job"),)

    def __str__(self) -> str:
        return f"step {self.step} of {self.job}"
