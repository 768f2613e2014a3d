"""What shoppers typed."""

import hashlib
import uuid

from django.db import models

from labeling.models.project import Project


class Split(models.TextChoices):
    TRAIN = "train"
    CALIBRATION = "calibration"
    HOLDOUT = "holdout"


class Query(models.Model):
    """A query of a project in one locale. Its split never changes: a trigger holds it."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="queries", db_index=False)
    external_id = models.CharField(max_length=100, blank=True)
    text = models.TextField()
    locale = models.CharField(max_length=20)
    digest = models.UUIDField(editable=False, help_text="See query_digest.")
    split = models.CharField(max_length=11, choices=Split, editable=False)

    class Meta:
        verbose_name_plural = "queries"
        constraints = (
            models.UniqueConstraint(fields=("project", "digest"), name="query_once_per_project"),
            models.CheckConstraint(condition=models.Q(split__in=Split.values), name="query_known_split"),
        )

    def __str__(self) -> str:
        return self.text


def query_digest(locale: str, text: str) -> uuid.UUID:
    """Return what tells queries apart: the MD5 of locale, unit separator and text.

    The same in SQL: `md5(locale || chr(31) || text)::uuid`.
    """
    return uuid.UUID(hashlib.md5(f"{locale}\x1f{text}".encode(), usedforsecurity=False).hexdigest())


def split_of(digest: uuid.UUID, holdout_percent: int, calibration_percent: int) -> Split:
    """Return the split of a query by its digest: the first 32 bits modulo 100 against the percentages.

    The first bucket numbers are the holdout's, the next ones the calibration's. The same in SQL, as the bucket:
    `('x' || left(digest::text, 8))::bit(32)::bigint % 100`.
    """
    bucket = int(digest.hex[:8], 16) % 100
    if bucket < holdout_percent:
        return Split.HOLDOUT
    if bucket < holdout_percent + calibration_percent:
        return Split.CALIBRATION
    return Split.TRAIN
