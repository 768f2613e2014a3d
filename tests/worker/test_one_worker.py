"""A training that is sent twice, or taken up by a second worker, is one worker's alone. Real connections, real runs."""

import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from labeling.actions.jobs import TASKS, recover_jobs
from labeling.models import Job, TrainingStep
from labeling.queries.training_set import LabeledPair
from tests.making import make_project
from worker import gpu, training

pytestmark = [pytest.mark.worker, pytest.mark.usefixtures("committed")]

HEAD = """
    import json, os, pathlib, sys, time
    folder = pathlib.Path(sys.argv[1])
    (folder / f"run-{os.getpid()}").touch()
    starts = len(list(folder.glob("run-*")))
    def say(event, **more):
        print(json.dumps({"event": event, **more}), flush=True)
"""


@pytest.fixture
def trainings(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Job, Path]]:
    """Make a job that waits to be trained, whose runs do what a script says; returns it and its folder."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(gpu, "LEAST_LABELS", 0)
    monkeypatch.setattr(training, "PULSE", 0.3)
    # A worker of other tests must not take it.
    monkeypatch.setitem(TASKS, Job.Kind.TRAIN, ("worker.gpu.train_adapter", "test-one-worker"))

    def make(script: str) -> tuple[Job, Path]:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(HEAD) + textwrap.dedent(script))
        monkeypatch.setattr(training, "launch_command", lambda folder, *_: [sys.executable, str(path), str(folder)])
        job = Job.objects.create(project=make_project(loop_enabled=False), kind=Job.Kind.TRAIN, sent_at=timezone.now())
        return job, tmp_path / "runs" / str(job.pk)

    return make


def train(job: Job, beside: threading.Barrier | None = None) -> None:
    """What a worker does with the task, over a connection of its own."""
    try:
        if beside:
            beside.wait(20)
        gpu.train_adapter(job_id=job.pk)
    finally:
        connection.close()


def runs(folder: Path) -> list[int]:
    """The processes that were started in a folder."""
    return [int(path.name.removeprefix("run-")) for path in folder.glob("run-*")]


def test_training_that_is_sent_twice_runs_once(trainings: Callable[[str], tuple[Job, Path]]) -> None:
    job, folder = trainings("time.sleep(0.5)\nsay('failed', message='That was all.')\nsys.exit(1)")
    together = threading.Barrier(3)
    with ThreadPoolExecutor(3) as workers:
        ended = [workers.submit(train, job, together) for _ in range(3)]
        for one in ended:
            one.result(60)
    train(job)  # and a message that comes after the end
    job.refresh_from_db()
    assert (job.state, job.message, job.starts) == ("failed", "That was all.", 1)
    assert len(runs(folder)) == 1


def test_training_that_is_taken_up_is_let_go_by_the_worker_that_was_silent(
    trainings: Callable[[str], tuple[Job, Path]],
) -> None:
    job, folder = trainings(
        """
        say('progress', phase='train', done=starts, total=9, loss=0.5)
        time.sleep(60 if starts == 1 else 2)
        say('failed', message='The second one is done.')
        sys.exit(1)
        """
    )
    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(train, job)
        wait_for(job, lambda: job.done == 1, first)
        (pid,) = runs(folder)
        with transaction.atomic():  # as if the first worker had said nothing for so long
            Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=6))
            recover_jobs()
        second = workers.submit(train, job)
        first.result(60)
        assert not Path(f"/proc/{pid}").exists()
        wait_for(job, lambda: job.done == 2, second)
        assert (job.state, job.starts) == ("running", 2)  # the first one has ended, and the job has not
        second.result(60)
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "The second one is done.")
    assert len(runs(folder)) == 2
    assert sorted(TrainingStep.objects.filter(job=job).values_list("step", flat=True)) == [1, 2]


def test_worker_that_was_silent_while_it_read_labels_leaves_the_run_of_the_next(
    trainings: Callable[[str], tuple[Job, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, folder = trainings(
        """
        say('progress', phase='train', done=1, total=9, loss=0.5)
        time.sleep(2)
        say('failed', message='The second one is done.')
        sys.exit(1)
        """
    )
    reading, go_on = threading.Event(), threading.Event()
    collected = gpu._collected

    def slowly(job: Job) -> list[LabeledPair]:
        if job.starts == 1:
            reading.set()
            assert go_on.wait(60)
        return collected(job)

    monkeypatch.setattr(gpu, "_collected", slowly)
    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(train, job)
        assert reading.wait(20)
        Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=6))
        recover_jobs()
        second = workers.submit(train, job)
        wait_for(job, lambda: job.done == 1, second)
        begun = (folder / "run.json").stat()
        go_on.set()
        first.result(60)
        job.refresh_from_db()
        assert job.state == "running"
        assert (folder / "run.json").stat() == begun
        second.result(60)
    assert len(runs(folder)) == 1
    job.refresh_from_db()
    assert (job.state, job.message, job.starts) == ("failed", "The second one is done.", 2)


def wait_for(job: Job, there: Callable[[], bool], worker: "Future[None]") -> None:
    """Wait until a job is so; fail when its worker ends before."""
    deadline = time.monotonic() + 30
    job.refresh_from_db()
    while not there():
        assert time.monotonic() < deadline, f"{job.state}: {job.message}"
        if worker.done():
            worker.result()
            pytest.fail(f"the worker ended: {job.state}, {job.message}")
        time.sleep(0.05)
        job.refresh_from_db()
