"""The curves of a training job, as far as it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from labeling.models import Job, TrainingStep

AROUND = 20  # reports that the speed of now rests on


@dataclass(frozen=True)
class Pace:
    """How a training goes: the newest loss, pairs a second, memory in megabytes, and the seconds it still takes.

    Each is None where it is not known.
    """

    step: int
    loss: float
    pairs_per_second: float | None
    memory_mb: float | None
    seconds_left: float | None


def steps_of(job: Job) -> list[TrainingStep]:
    """Return all that a training reported, the first step first: a few thousand at most."""
    return list(job.training_steps.order_by("step"))


def pace_of(job: Job) -> Pace | None:
    """Return how a training goes; None before its first report.

    The speed is the mean of the newest reports, and the time that is left goes by when they came. A training that
    went on after a stop is judged by what it did since: reports more than a minute apart are not of one stretch.
    """
    newest = list(job.training_steps.order_by("-at", "-step")[:AROUND])
    if not newest:
        return None
    last = newest[0]
    speeds = [step.pairs_per_second for step in newest if step.pairs_per_second is not None]
    return Pace(
        step=last.step,
        loss=last.loss,
        pairs_per_second=sum(speeds) / len(speeds) if speeds else None,
        memory_mb=max((step.memory_mb for step in newest if step.memory_mb is not None), default=None),
        seconds_left=_seconds_left(job, newest),
    )


def _seconds_left(job: Job, newest: Sequence[TrainingStep]) -> float | None:
    """Return what the steps to come take at the pace of the newest ones, which come first."""
    if not job.active or job.total <= newest[0].step:
        return None
    steps, seconds = 0, 0.0
    for later, earlier in pairwise(newest):
        between = (later.at - earlier.at).total_seconds()
        if between > 60 * (later.step - earlier.step):
            break
        steps, seconds = steps + later.step - earlier.step, seconds + between
    return (job.total - newest[0].step) * seconds / steps if steps and seconds > 0 else None
