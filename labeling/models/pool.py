"""What was measured of the whole pool, kept so that a page need not compute it."""

from django.db import models

from labeling.models.project import Project


class PoolReport(models.Model):
    """The newest report of a project's pool: `data` as labeling.queries.pool writes it.

    `through_id` is the newest judgment that it knows, `judgments` how many live ones there were.
    """

    project = models.OneToOneField(Project, models.PROTECT, primary_key=True, related_name="pool_report")
    computed_at = models.DateTimeField()
    through_id = models.BigIntegerField(default=0)
    judgments = models.PositiveBigIntegerField(default=0)
    data = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"Pool by {self.judgments} judgments"
