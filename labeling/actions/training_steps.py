"""Recording the curves of a training as it goes on."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from labeling.models import Job, TrainingStep

MOST = 2000  # points of a curve: more are not told apart
_MEASURED = ("loss", "learning_rate", "pairs_per_second", "memory_mb")


def record_step(job: Job, event: Mapping[str, Any]) -> bool:
    """Keep what a run reported at a step; False for a report that no curve needs.

    A long run is thinned evenly: its steps are dealt into MOST parts of one length, and of each part, whichever of its
    steps are reported, the newest report is kept, besides that of the first step. So a run that went on from a
    checkpoint, and comes through some steps again, leaves no more of them than another.
    """
    if event.get("phase") != "train" or event.get("loss") is None:
        return False
    step, total = int(event["done"]), int(event["total"])
    each = -(-total // MOST) or 1
    part = (step - 1) // each
    with transaction.atomic():
        # Not the first step's, where the curve begins.
        TrainingStep.objects.filter(job=job, step__gt=max(1, part * each), step__lte=(part + 1) * each).delete()
        measured = {name: event.get(name) for name in _MEASURED}
        TrainingStep.objects.bulk_create(
            [TrainingStep(job=job, step=step, **measured)],
            update_conflicts=True,
            unique_fields=("job", "step"),
            update_fields=(*_MEASURED, "at"),
        )
    return True
