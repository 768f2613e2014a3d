"""The queue of a round: which pairs are served, and each place where a judgment can go."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from labeling.models.pair import Pair
from labeling.models.round import Round


class Stream(models.TextChoices):
    """Why a pair is served."""

    RANDOM = "random"
    ACTIVE = "active"
    GOLD = "gold"
    REPEAT = "repeat"


class QueueEntry(models.Model):
    """A pair in a round's queue, with why it is there.

    `overlap` is how many slots it starts with; where people disagree it gets more. `probabilities` are in the
    scheme's order of labels; they stay when the adapter's predictions are dropped, and what is measured on the random
    stream is compared with what was said before anybody judged. Annotators never see them, nor the reason.
    """

    round = models.ForeignKey(Round, models.PROTECT, related_name="entries", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="entries")
    stream = models.CharField(max_length=6, choices=Stream)
    chance = models.FloatField(null=True, help_text="For the random stream: the probability of having been drawn.")
    score = models.FloatField(null=True, help_text="For the active stream: what the strategy gave it.")
    rank = models.PositiveIntegerField(help_text="Served in this order.")
    overlap = models.PositiveSmallIntegerField()
    reason = models.JSONField(default=dict, help_text="Why it was chosen, for leads: strategy, words and values.")
    probabilities: "ArrayField[list[float] | None, list[float] | None]" = ArrayField(
        models.FloatField(), null=True, help_text="What the round's adapter said of the pair when it was drawn."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("round", "pair"), name="entry_once_per_round"),
            models.CheckConstraint(condition=Q(stream__in=Stream.values), name="entry_known_stream"),
            models.CheckConstraint(
                condition=~Q(stream="random") | Q(chance__isnull=False, chance__gt=0, chance__lte=1),
                name="entry_random_has_chance",
            ),
        )

    def __str__(self) -> str:
        return f"{self.pair} in {self.round}"


class Slot(models.Model):
    """One place for one judgment of an entry: free, leased to an annotator until a time, or judged.

    A lease is the three columns annotator, leased_until and key together; `key` is also the idempotency key of
    the submit that will fill the slot. Since a slot holds one lease or one live judgment and nothing else, an
    entry can never have more of them than it has slots.

    `locale` is the query's. A personal slot is made for one annotator when they claim it (gold and repeat) and
    is served to nobody else. A withdrawn one is of a pair that was set aside. `draft` is the half walk of who
    holds the lease.
    """

    entry = models.ForeignKey(QueueEntry, models.PROTECT, related_name="slots", db_index=False)
    round = models.ForeignKey(Round, models.PROTECT, related_name="slots", db_index=False)
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="slots")
    number = models.PositiveSmallIntegerField()
    rank = models.PositiveIntegerField()
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="slots", db_index=False
    )
    key = models.UUIDField(default=uuid.uuid4)
    leased_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    judged = models.BooleanField(default=False)
    locale = models.CharField(max_length=20, blank=True)
    personal = models.BooleanField(default=False)
    withdrawn = models.BooleanField(default=False)
    draft = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("entry", "number"), condition=Q(personal=False), name="slot_number_once_per_entry"
            ),
            models.UniqueConstraint(fields=("entry", "annotator"), name="slot_one_per_annotator_and_entry"),
            models.CheckConstraint(
                condition=Q(annotator__isnull=True, leased_until__isnull=True, judged=False)
                | Q(annotator__isnull=False, leased_until__isnull=False),
                name="slot_lease_is_whole",
            ),
        )
        indexes = (
            models.Index(
                fields=("round", "rank", "number"),
                condition=Q(judged=False, personal=False, withdrawn=False),
                name="slot_served",
            ),
            models.Index(fields=("annotator", "round"), condition=Q(judged=False), name="slot_held"),
        )

    def __str__(self) -> str:
        return f"slot {self.number} of {self.entry}"
