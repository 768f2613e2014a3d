"""Recording the curves of a training as it goes on."""

from collections.abc import Mapping
from typing import Any

from labeling.models import Job, TrainingStep

MOST = 2000  # points of a curve: more are not told apart
_MEASURED = ("loss", "learning_rate", "pairs_per_second", "memory_mb")


def record_step(job: Job, event: Mapping[str, Any]) -> bool:
    """Keep what a run reported at a step; False for a report that no curve needs.

    A run that went on from a checkpoint comes through some steps again: the newest report of a step stays.
    """
    if event.get("phase") != "train" or event.get("loss") is None:
        return False
    step, total = int(event["done"]), int(event["total"])
    each = -(-total // MOST) or 1
    if step % each and step not in (1, total):
        return False
    measured = {name: event.get(name) for name in _MEASURED}
    TrainingStep.objects.bulk_create(
        [TrainingStep(job=job, step=step, **measured)],
        update_conflicts=True,
        unique_fields=("job", "step"),
        update_fields=(*_MEASURED, "at"),
    )
    return True
