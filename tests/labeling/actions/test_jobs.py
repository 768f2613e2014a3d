"""Jobs: one of a kind at a time, each with an end, and messages that leave with the commit."""

import base64
import datetime as dt
import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
from django.conf import settings
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from labeling.actions.jobs import (
    MOST_RESENDS,
    TASKS,
    add_progress,
    cancel_job,
    enqueue_job,
    fail_job,
    finish_job,
    hold_job,
    recover_jobs,
    report_progress,
    send,
    start_job,
)
from labeling.models import AuditLogEntry, Job, Project
from tests.making import make_project, make_user

pytestmark = pytest.mark.django_db


class Mailbox:
    """A queue of the broker that no worker listens to."""

    def __init__(self, broker: redis.Redis) -> None:
        self.queue = f"test-{uuid.uuid4().hex}"
        self.broker = broker

    def read(self) -> list[tuple[str, dict[str, Any]]]:
        """Take all messages out, the oldest first, as (task, its arguments by keyword)."""
        found = []
        while (message := self.broker.rpop(self.queue)) is not None:
            assert isinstance(message, bytes)
            parsed = json.loads(message)
            _, kwargs, _ = json.loads(base64.b64decode(parsed["body"]))
            found.append((parsed["headers"]["task"], kwargs))
        return found


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """Send every task to a queue of this test's own, through the broker."""
    with closing(redis.Redis.from_url(settings.REDIS_URL)) as broker:
        box = Mailbox(broker)
        for kind, (task, _) in list(TASKS.items()):
            monkeypatch.setitem(TASKS, kind, (task, box.queue))
        yield box
        broker.delete(box.queue)


def running(project: Project, kind: Job.Kind = Job.Kind.TRAIN, then: tuple[Job.Kind, ...] = ()) -> Job:
    job = enqueue_job(project, kind, then=then)
    assert job is not None
    started = start_job(job.pk)
    assert started is not None
    return started


def silent(job: Job, minutes: int) -> None:
    """Let a job's worker have said nothing for some minutes."""
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - dt.timedelta(minutes=minutes))


def test_job_is_sent_by_name_when_the_transaction_commits(
    mailbox: Mailbox, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    project, lead = make_project(), make_user("lead")
    with django_capture_on_commit_callbacks() as callbacks:
        job = enqueue_job(project, Job.Kind.SCORE, lead)
    assert job is not None
    assert mailbox.read() == []
    for callback in callbacks:
        callback()
    assert mailbox.read() == [("worker.default.plan_scoring", {"job_id": job.pk})]
    assert (job.state, job.requested_by, job.params) == ("queued", lead, {"then": []})
    entry = AuditLogEntry.objects.filter(project=project, verb="job.start").get()
    assert (entry.actor, entry.target) == (lead, f"score {job.pk}")


@pytest.mark.parametrize(
    ("kind", "task", "queue"),
    [
        (Job.Kind.TRAIN, "worker.gpu.train_adapter", "gpu"),
        (Job.Kind.SCORE, "worker.default.plan_scoring", "default"),
        (Job.Kind.SELECT, "worker.default.select_round", "default"),
    ],
)
def test_job_kinds_go_to_the_workers_that_have_their_task(kind: Job.Kind, task: str, queue: str) -> None:
    assert TASKS[kind] == (task, queue)


def test_job_of_a_kind_that_is_active_is_not_queued_twice(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    project = make_project()
    first = enqueue_job(project, Job.Kind.TRAIN)
    assert first is not None
    with django_capture_on_commit_callbacks() as callbacks:
        assert enqueue_job(project, Job.Kind.TRAIN) is None
        started = start_job(first.pk)
        assert started is not None
        assert enqueue_job(project, Job.Kind.TRAIN) is None
    assert callbacks == []
    assert enqueue_job(project, Job.Kind.SCORE) is not None
    assert enqueue_job(make_project(), Job.Kind.TRAIN) is not None
    fail_job(started, "No.")
    assert enqueue_job(project, Job.Kind.TRAIN) is not None
    assert AuditLogEntry.objects.filter(project=project, verb="job.start").count() == 3


def test_job_starts_once() -> None:
    job = enqueue_job(make_project(), Job.Kind.TRAIN)
    assert job is not None
    started = start_job(job.pk)
    assert started is not None
    assert (started.state, started.started_at) == ("running", started.heartbeat_at)
    assert start_job(job.pk) is None
    assert start_job(0) is None


def test_job_that_another_worker_has_taken_up_is_no_longer_the_first_ones(mailbox: Mailbox) -> None:
    first = running(make_project())
    silent(first, 6)
    recover_jobs()
    assert not report_progress(first, 1, 2, "Back again")
    assert not fail_job(first, "Failed.")
    second = start_job(first.pk)
    assert second is not None
    assert (first.starts, second.starts) == (1, 2)
    assert not report_progress(first, 1, 2, "Back again")
    assert not hold_job(first)
    assert not finish_job(first, "Done.")
    assert not fail_job(first, "Failed.")
    assert report_progress(second, 1, 2, "Going on")
    assert hold_job(second)
    second.refresh_from_db()
    assert (second.state, second.message) == ("running", "Going on")
    assert cancel_job(first, None)  # a person stops the job, whoever is at it


def test_job_that_was_cancelled_does_not_start() -> None:
    lead = make_user("lead")
    job = enqueue_job(make_project(), Job.Kind.TRAIN)
    assert job is not None
    assert cancel_job(job, lead)
    assert start_job(job.pk) is None
    job.refresh_from_db()
    assert (job.state, job.message, job.active) == ("cancelled", "Cancelled.", False)
    entry = AuditLogEntry.objects.get(project=job.project, verb="job.cancel")
    assert (entry.actor, entry.target) == (lead, f"train {job.pk}")


def test_job_reports_how_far_it_is() -> None:
    job = running(make_project())
    silent(job, 2)
    assert report_progress(job, 3, 12, "Training", "steps")
    job.refresh_from_db()
    assert (job.done, job.total, job.message, job.unit, job.percent) == (3, 12, "Training", "steps", 25)
    assert job.heartbeat_at is not None
    assert timezone.now() - job.heartbeat_at < dt.timedelta(minutes=1)
    assert add_progress(job.pk, 4)
    assert report_progress(job, 8, 12)
    job.refresh_from_db()
    assert (job.done, job.message, job.unit) == (8, "Training", "steps")


def test_job_that_is_cancelled_stops_at_its_next_report() -> None:
    job = running(make_project())
    assert cancel_job(job, None)
    assert not report_progress(job, 1, 2, "Still here")
    assert not add_progress(job.pk, 1)
    assert not finish_job(job, "Done.")
    assert not fail_job(job, "Failed.")
    assert not cancel_job(job, None)
    job.refresh_from_db()
    assert (job.state, job.done, job.message) == ("cancelled", 0, "Cancelled.")


def test_job_that_is_done_queues_what_comes_next(
    mailbox: Mailbox, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    project = make_project()
    job = running(project, then=(Job.Kind.SCORE, Job.Kind.SELECT))
    with django_capture_on_commit_callbacks(execute=True):
        assert finish_job(job, "A-1 is the new champion.", adapter=1)
    job.refresh_from_db()
    assert (job.state, job.message, job.result) == ("done", "A-1 is the new champion.", {"adapter": 1})
    assert job.finished_at is not None
    scoring = Job.objects.get(project=project, kind="score")
    assert (scoring.state, scoring.params) == ("queued", {"then": ["select"]})
    assert mailbox.read() == [("worker.default.plan_scoring", {"job_id": scoring.pk})]
    assert not finish_job(job, "Again.")
    assert mailbox.read() == []


def test_job_that_came_to_nothing_new_starts_nothing_after_it() -> None:
    project = make_project()
    job = running(project, then=(Job.Kind.SCORE, Job.Kind.SELECT))
    assert finish_job(job, "A-2 stays a challenger.", go_on=False, promoted=False)
    assert list(project.jobs.values_list("kind", "state")) == [("train", "done")]


def test_job_that_fails_says_why_and_starts_nothing() -> None:
    project = make_project()
    job = running(project, then=(Job.Kind.SCORE,))
    assert fail_job(job, "Not enough labels to train on yet: 3 of 50.")
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "Not enough labels to train on yet: 3 of 50.")
    assert Job.objects.filter(project=project).count() == 1


def test_task_takes_ids_by_keyword(
    mailbox: Mailbox, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        send(("worker.gpu.score_next", mailbox.queue), job_id=7)
    assert mailbox.read() == [("worker.gpu.score_next", {"job_id": 7})]


def test_recover_lets_a_silent_training_go_on_a_few_times(
    mailbox: Mailbox, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    job = running(make_project(), then=(Job.Kind.SCORE,))
    began = job.started_at
    silent(job, 4)
    recover_jobs()
    job.refresh_from_db()
    assert job.state == "running"
    for times in range(1, MOST_RESENDS + 1):
        silent(job, 6)
        mailbox.read()
        with django_capture_on_commit_callbacks(execute=True):
            recover_jobs()
        assert ("worker.gpu.train_adapter", {"job_id": job.pk}) in mailbox.read()
        job.refresh_from_db()
        assert (job.state, job.params) == ("queued", {"then": ["score"], "resent": times})
        again = start_job(job.pk)
        assert again is not None
        assert again.started_at == began
    silent(job, 6)
    recover_jobs()
    job.refresh_from_db()
    assert job.state == "failed"
    assert "worker stopped before it was done" in job.message
    assert Job.objects.filter(project=job.project).count() == 1


def test_recover_sends_again_what_has_waited_long(
    mailbox: Mailbox, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    lost, fresh = enqueue_job(make_project(), Job.Kind.SELECT), enqueue_job(make_project(), Job.Kind.SELECT)
    assert lost is not None
    assert fresh is not None
    Job.objects.filter(pk=lost.pk).update(sent_at=timezone.now() - dt.timedelta(minutes=11))
    for expected in ([lost.pk], []):
        with django_capture_on_commit_callbacks(execute=True):
            recover_jobs()
        sent = [ids["job_id"] for _, ids in mailbox.read() if ids.get("job_id") in (lost.pk, fresh.pk)]
        assert sent == expected
