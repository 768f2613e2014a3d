"""What adapters say of pairs."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from labeling.models.adapter import Adapter
from labeling.models.pair import Pair
from labeling.models.product import ProductRevision
from labeling.models.scheme import Label


class Prediction(models.Model):
    """One adapter's probability for each label of one pair, calibrated.

    The table is partitioned by adapter (the migration makes it, each adapter's partition is made when its
    scores are first written), so that an old adapter's predictions are dropped and not deleted.
    `probabilities` is in the scheme's order of labels; `margin` is the best probability less the second best.
    There are no foreign keys, which cost more than the row: an adapter with a partition cannot be deleted (the trigger
    adapter_with_predictions_stays), and pairs, revisions and labels never are.
    """

    pk = models.CompositePrimaryKey("adapter_id", "pair_id")
    adapter = models.ForeignKey(Adapter, models.PROTECT, related_name="predictions")
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="predictions")
    revision = models.ForeignKey(ProductRevision, models.PROTECT, related_name="+")
    label = models.ForeignKey(Label, models.PROTECT, related_name="+")
    probabilities: "ArrayField[list[float], list[float]]" = ArrayField(models.FloatField())
    confidence = models.FloatField()
    margin = models.FloatField()

    class Meta:
        managed = False
        db_table = "labeling_prediction"

    def __str__(self) -> str:
        return f"{self.label} by {self.adapter} ({self.confidence:.2f})"
