"""Trained versions of a project's judge, and what each was trained on."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from labeling.models.job import Job
from labeling.models.pair import Pair
from labeling.models.project import Project
from labeling.models.query import Split
from labeling.models.scheme import Label


class Adapter(models.Model):
    """One trained LoRA adapter. Its artifact, a folder under the data folder, says everything of its making.

    challenger: trained, not in use; champion: in use, at most one a project; retired: was champion once.
    `verdict` says in plain words why it was or was not promoted, `comparison` the numbers of that decision
    (modeling.evaluation.comparison). `measures` is what was measured of it in the database after training:
    people's own agreement on the same holdout pairs, and the evaluation by slice. A pruned adapter has lost its
    artifact and its predictions; its row and what was measured of it stay.
    """

    class State(models.TextChoices):
        CHALLENGER = "challenger"
        CHAMPION = "champion"
        RETIRED = "retired"

    project = models.ForeignKey(Project, models.PROTECT, related_name="adapters")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.CHALLENGER)
    job = models.OneToOneField(Job, models.PROTECT, related_name="adapter")
    artifact = models.CharField(max_length=300, help_text="Folder, relative to the data folder.")
    manifest = models.JSONField()
    labels_seen = models.PositiveIntegerField(help_text="How many labels it was trained and calibrated on.")
    verdict = models.TextField(blank=True)
    comparison = models.JSONField(default=dict)
    measures = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True)
    pruned_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("project", "-number")
        constraints = (
            models.UniqueConstraint(fields=("project", "number"), name="adapter_number_once"),
            models.UniqueConstraint(
                fields=("project",), condition=Q(state="champion"), name="adapter_one_champion_per_project"
            ),
            models.CheckConstraint(
                condition=Q(pruned_at__isnull=True) | ~Q(state="champion"), name="adapter_champion_never_pruned"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What people call it, such as A-12."""
        return f"A-{self.number}"


class TrainingItem(models.Model):
    """One pair that a training job's adapter was trained or calibrated on.

    A trigger refuses pairs of holdout queries, by the constraint name training_item_never_holdout.
    """

    job = models.ForeignKey(Job, models.PROTECT, related_name="training_items", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="+", db_index=False)
    label = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=10, choices=[("people", "people"), ("imported", "imported")])
    split = models.CharField(max_length=11, choices=[(Split.TRAIN, "train"), (Split.CALIBRATION, "calibration")])

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("job", "pair"), name="training_item_once_per_job"),
            models.CheckConstraint(condition=Q(split__in=["train", "calibration"]), name="training_item_known_split"),
        )

    def __str__(self) -> str:
        return f"{self.pair} in {self.job}"


class HoldoutPrediction(models.Model):
    """What an adapter said of one holdout pair when it was measured, beside what people said of it then.

    `judged` and `probabilities` are the adapter's, in the scheme's order of labels; `label` is the people's. An
    adapter that is measured again, as the champion beside a challenger, keeps the newest row of each pair.
    """

    adapter = models.ForeignKey(Adapter, models.PROTECT, related_name="holdout_predictions", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="+", db_index=False)
    label = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    judged = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    probabilities: "ArrayField[list[float], list[float]]" = ArrayField(models.FloatField())
    confidence = models.FloatField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("adapter", "pair"), name="holdout_prediction_once"),)

    def __str__(self) -> str:
        return f"{self.judged} for {self.label} by {self.adapter}"
