"""The curves of a training: a point a step, not too many, the newest word counts."""

from typing import Any

import pytest

from labeling.actions.jobs import enqueue_job
from labeling.actions.training_steps import MOST, record_step
from labeling.models import Job, TrainingStep
from tests.making import make_project

pytestmark = pytest.mark.django_db


def training() -> Job:
    job = enqueue_job(make_project(), Job.Kind.TRAIN)
    assert job is not None
    return job


def event(step: int, total: int = 90, **more: Any) -> dict[str, Any]:
    return {"event": "progress", "phase": "train", "done": step, "total": total, "loss": 0.5, **more}


def test_step_keeps_what_was_reported() -> None:
    job = training()
    assert record_step(job, event(3, learning_rate=1e-3, pairs_per_second=80.5, memory_mb=812.0, seconds_left=9.0))
    step = TrainingStep.objects.get(job=job)
    assert (step.step, step.loss, step.learning_rate) == (3, 0.5, 1e-3)
    assert (step.pairs_per_second, step.memory_mb) == (80.5, 812.0)


def test_step_that_comes_again_after_a_stop_is_told_anew() -> None:
    job = training()
    record_step(job, event(3))
    first = TrainingStep.objects.get(job=job).at
    record_step(job, event(3) | {"loss": 0.25})
    step = TrainingStep.objects.get(job=job)
    assert step.loss == 0.25
    assert step.at > first


def test_reports_of_other_phases_make_no_step() -> None:
    job = training()
    assert not record_step(job, {"phase": "load", "done": 1, "total": 1, "loss": None})
    assert not record_step(job, event(3) | {"loss": None})
    assert not TrainingStep.objects.filter(job=job).exists()


def test_steps_of_a_long_training_are_thinned_evenly_whichever_are_reported() -> None:
    job = training()
    total = 4 * MOST
    reported = [1, 2, 3, 6, 7, 9, 14, 19, 23, 26, 30, 31, 33]
    for step in reported:
        assert record_step(job, event(step, total))
    assert kept(job) == [1, 3, 7, 9, 14, 19, 23, 26, 31, 33]  # the newest of each four, and the first
    for step in (14, 15, 18):  # it goes on from a checkpoint, and comes through some again
        record_step(job, event(step, total))
    assert kept(job) == [1, 3, 7, 9, 15, 18, 23, 26, 31, 33]
    record_step(job, event(total, total))
    assert kept(job)[-1] == total


def kept(job: Job) -> list[int]:
    return list(job.training_steps.order_by("step").values_list("step", flat=True))
