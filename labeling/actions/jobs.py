"""Long work: the Job row first, then, once it is committed, the task by name. The only file that knows Celery."""

import datetime as dt
import logging
from collections.abc import Mapping
from functools import cache

from celery import Celery
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.models import Job, Project, User

log = logging.getLogger(__name__)

# The task that starts each kind of job, and the queue of the workers that have it.
TASKS = {
    Job.Kind.TRAIN: ("worker.gpu.train_adapter", "gpu"),
    Job.Kind.SCORE: ("worker.default.plan_scoring", "default"),
    Job.Kind.SELECT: ("worker.default.select_round", "default"),
    Job.Kind.MEASURE: ("worker.default.measure_agreement", "default"),
    Job.Kind.RELABEL: ("worker.default.take_over_guideline", "default"),
}
SCORE_NEXT = ("worker.gpu.score_next", "gpu")
MOST_RESENDS = 3
# Kinds whose task, when it is sent again, goes on where it stopped: a training from the checkpoint in its run folder.
GOES_ON = (Job.Kind.TRAIN, Job.Kind.RELABEL)
RESEND_AFTER = dt.timedelta(minutes=10)
SILENT_AFTER = {
    Job.Kind.TRAIN: dt.timedelta(minutes=5),
    Job.Kind.SELECT: dt.timedelta(minutes=15),
    Job.Kind.IMPORT: dt.timedelta(hours=2),
    Job.Kind.MEASURE: dt.timedelta(minutes=15),
    Job.Kind.RELABEL: dt.timedelta(minutes=15),
}


@cache
def _client() -> Celery:
    client = Celery("winnow-client", set_as_current=False)
    client.config_from_object("django.conf:settings", namespace="CELERY")
    return client


def send(task: tuple[str, str], **ids: int) -> None:
    """Send a task by name to its queue when the transaction commits. It takes ids by keyword."""
    name, queue = task
    transaction.on_commit(lambda: _client().send_task(name, kwargs=ids, queue=queue))


def enqueue_job(
    project: Project,
    kind: Job.Kind,
    actor: User | None = None,
    then: tuple[Job.Kind, ...] = (),
    choices: Mapping[str, object] | None = None,
) -> Job | None:
    """Queue a job, and the kinds in `then` after it has been done; None where one of its kind is still active.

    `choices` are what its task wants to know, as plain JSON.
    """
    try:
        with transaction.atomic():
            job = Job.objects.create(
                project=project,
                kind=kind,
                requested_by=actor,
                params={**(choices or {}), "then": [str(next_kind) for next_kind in then]},
                sent_at=timezone.now(),
            )
            record(project, actor, "job.start", f"{kind} {job.pk}")
            send(TASKS[kind], job_id=job.pk)
            return job
    except IntegrityError as error:
        if "job_one_active_per_kind" in str(error):
            return None
        raise


def start_job(job_id: int) -> Job | None:
    """Take a queued job to running; None where it is missing, was cancelled, or is another worker's already.

    What is returned is this start's: once another worker has taken the job up, it can no longer report on it or end it.
    """
    now = timezone.now()
    # Work that is taken up again began when it first did: what the loop counts since then is not in it.
    taken = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING, started_at=Coalesce("started_at", now), heartbeat_at=now, starts=F("starts") + 1
    )
    if not taken:
        log.warning("Job %s is not waiting to be started; nothing was done.", job_id)
        return None
    return Job.objects.select_related("project").get(pk=job_id)


def _running(job: Job) -> QuerySet[Job]:
    """Return the job's row while it runs in this very start of it, else nothing."""
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, starts=job.starts)


def hold_job(job: Job) -> bool:
    """Lock a running job until the transaction ends; False when it no longer is to run, or is another worker's now."""
    return _running(job).select_for_update(no_key=True).exists()


def report_progress(job: Job, done: int, total: int, message: str = "", unit: str = "") -> bool:
    """Write how far a running job is, which also says that its worker lives; False when it no longer is to run."""
    fields: dict[str, object] = {"done": done, "total": total, "heartbeat_at": timezone.now()}
    if message:
        fields["message"] = message
    if unit:
        fields["unit"] = unit
    return bool(_running(job).update(**fields))


def add_progress(job_id: int, done: int) -> bool:
    """Add to what a running job has done; False when it no longer is to run."""
    return bool(
        Job.objects.filter(pk=job_id, state=Job.State.RUNNING).update(
            done=F("done") + done, heartbeat_at=timezone.now()
        )
    )


@transaction.atomic
def finish_job(job: Job, message: str, *, go_on: bool = True, **result: object) -> bool:
    """End a running job as done and queue what comes after it, if it is to; False when it no longer was running."""
    if not _end(_running(job), Job.State.DONE, message, result):
        return False
    then = tuple(Job.Kind(kind) for kind in job.params.get("then", ()))
    if then and go_on:
        enqueue_job(job.project, then[0], job.requested_by, then[1:])
    return True


@transaction.atomic
def fail_job(job: Job, message: str) -> bool:
    """End a running job as failed, with the reason in plain words; what was to come after it does not start.

    False when it no longer was running, or another worker has taken it up since.
    """
    return _end(_running(job), Job.State.FAILED, message, {})


@transaction.atomic
def cancel_job(job: Job, actor: User | None) -> bool:
    """End an active job as cancelled; its worker stops at its next report. False when it had ended before."""
    active = Job.objects.filter(pk=job.pk, state__in=(Job.State.QUEUED, Job.State.RUNNING))
    if not _end(active, Job.State.CANCELLED, "Cancelled.", {}):
        return False
    record(job.project, actor, "job.cancel", f"{job.kind} {job.pk}")
    return True


def _end(found: QuerySet[Job], state: Job.State, message: str, result: dict[str, object]) -> bool:
    return bool(found.update(state=state, message=message, result=result, finished_at=timezone.now()))


def recover_jobs() -> None:
    """Send again what was queued long ago, and deal with work whose worker has fallen silent.

    A training and bringing judgments under a new version go on where they stopped; everything else is failed with the
    reason. Scoring has workers and messages of its own: see recover_scoring.
    """
    now = timezone.now()
    for job in Job.objects.filter(state=Job.State.QUEUED, sent_at__lt=now - RESEND_AFTER).exclude(kind=Job.Kind.IMPORT):
        with transaction.atomic():
            if Job.objects.filter(pk=job.pk, state=Job.State.QUEUED, sent_at=job.sent_at).update(sent_at=now):
                send(TASKS[Job.Kind(job.kind)], job_id=job.pk)
    running = Job.objects.filter(state=Job.State.RUNNING).exclude(kind=Job.Kind.SCORE)
    for job in running.select_related("project"):
        if job.heartbeat_at and now - job.heartbeat_at > SILENT_AFTER[Job.Kind(job.kind)]:
            _recover(job, now)


@transaction.atomic
def _recover(job: Job, now: dt.datetime) -> None:
    silent = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, heartbeat_at=job.heartbeat_at)
    if not silent.update(heartbeat_at=now):
        return
    if job.kind in GOES_ON and job.params.get("resent", 0) < MOST_RESENDS:
        again = {"params": job.params | {"resent": job.params.get("resent", 0) + 1}, "sent_at": now}
        Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED, **again)
        send(TASKS[Job.Kind(job.kind)], job_id=job.pk)
        return
    fail_job(job, "The worker stopped before it was done. Nothing is lost: start it again.")
