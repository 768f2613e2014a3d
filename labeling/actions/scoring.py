"""Scoring the pool in shards, by any number of workers."""

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from numpy.typing import NDArray

from labeling.actions.jobs import MOST_RESENDS, SCORE_NEXT, TASKS, fail_job, finish_job, report_progress, send
from labeling.actions.predictions import gather_statistics, make_partition, write_predictions
from labeling.models import Adapter, Job, ScoringShard
from labeling.queries.scoring import adapters_of_job, runs_of_unscored, tally_of

log = logging.getLogger(__name__)

MESSAGES = 2  # of one job on their way: a spare one, should the broker lose the other
MOST_ATTEMPTS = 10
SETTLED_EVERY = dt.timedelta(seconds=1)
SILENT_AFTER = dt.timedelta(minutes=5)
PLANNED_WITHIN = dt.timedelta(minutes=30)
LOCKS = 0x57494E4E << 32  # the advisory locks of shards are these and the shard's number: "WINN" above its 32 bits


def plan_shards(job: Job, adapters: Sequence[Adapter]) -> int:
    """Cut what the adapters have not scored of the unlabeled pool into shards, and ask the workers for it.

    Returns how many pairs there are to score. ValueError for an adapter that was pruned.
    """
    for adapter in adapters:
        make_partition(adapter)
    runs = runs_of_unscored(job.project, adapters, job.project.shard_size)
    with transaction.atomic():
        job = Job.objects.select_for_update(no_key=True, of=("self",)).get(pk=job.pk)
        if job.state != Job.State.RUNNING or job.shards.exists():
            return job.total  # cancelled meanwhile, or planned by a second worker
        ScoringShard.objects.bulk_create(
            (
                ScoringShard(
                    job=job,
                    number=number,
                    pairs=run.pairs,
                    first_query=run.first[0],
                    first_pair=run.first[1],
                    last_query=run.last[0],
                    last_pair=run.last[1],
                )
                for number, run in enumerate(runs, 1)
            ),
            batch_size=2000,
        )
        total = sum(run.pairs for run in runs)
        job.params["adapters"] = [adapter.pk for adapter in adapters]
        job.save(update_fields=("params",))
        report_progress(job, 0, total, f"Scoring with {' and '.join(map(str, adapters))}.", "pairs")
        for _ in runs[:MESSAGES]:
            pass_on(job.pk)
    return total


def pass_on(job_id: int) -> None:
    """Ask for one more worker. Who is asked takes a shard that nobody has, passes the message on, and scores.

    So a job has as many workers as there are, but only a few messages in the queue, and jobs take turns there.
    """
    send(SCORE_NEXT, job_id=job_id)


@contextmanager
def taken_shard(job_id: int, worker: str) -> Iterator[ScoringShard | None]:
    """Take a shard of a running job that is unfinished and nobody's, and hold it in the block; None without one.

    It is held by an advisory lock of this connection, so that PostgreSQL gives it back when the worker dies. A shard
    that was begun before waits until all others have been: should it be what workers die of, it comes last, and it
    fails the job when it was begun MOST_ATTEMPTS times.
    """
    shard_id = _lock_one(job_id)
    try:
        yield _begin(shard_id, worker) if shard_id else None
    finally:
        if shard_id:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCKS + shard_id])


def _lock_one(job_id: int) -> int | None:
    """Lock the first free shard; its id. OFFSET 0 keeps PostgreSQL from locking more than it comes to."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM (
                SELECT id FROM labeling_scoringshard WHERE job_id = %s AND finished_at IS NULL
                ORDER BY attempts, number OFFSET 0
            ) AS unfinished
            WHERE pg_try_advisory_lock(%s + id) LIMIT 1
            """,
            [job_id, LOCKS],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _begin(shard_id: int, worker: str) -> ScoringShard | None:
    """Write down who begins a locked shard. None where it was finished meanwhile, or its job is not to run."""
    found = ScoringShard.objects.filter(pk=shard_id, finished_at__isnull=True, job__state=Job.State.RUNNING)
    shard = found.select_related("job__project").first()
    if shard is None:
        return None
    if shard.attempts >= MOST_ATTEMPTS:
        begun = f"Shard {shard.number} was begun {shard.attempts} times, last by {shard.worker}, and never finished."
        fail_job(shard.job, f"{begun} The workers' logs say why. What is scored is kept; start it again.")
        return None
    found.update(attempts=F("attempts") + 1, worker=worker)
    return shard


@dataclass(frozen=True)
class Said:
    """What an adapter says of pairs: pair_ids and revision_ids (n,), probabilities (n, labels).

    `replaced` are those of the pairs of which it has said something before.
    """

    adapter: Adapter
    pair_ids: NDArray[np.int64]
    revision_ids: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    replaced: NDArray[np.int64]


# One statement, as every shard waits for its answer. The job's row is locked shared among workers, and against whoever
# cancels: when that is done, nothing more of this job is written, and the next job may take the same pairs.
_FINISH = """
WITH running AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true) FROM labeling_job
    WHERE id = %s AND state = 'running' FOR SHARE
)
UPDATE labeling_scoringshard SET finished_at = now(), scored = %s, predictions = %s, seconds = %s
WHERE id = %s AND finished_at IS NULL AND EXISTS (SELECT FROM running)
"""


@transaction.atomic
def finish_shard(
    shard: ScoringShard, said: Sequence[Said], label_ids: NDArray[np.int64], pairs: int, seconds: float
) -> bool:
    """Store what was said of a shard's pairs, and that it is finished: both or neither, and once.

    False, and nothing is stored, where it was finished by somebody else or its job is no longer running. It is not
    waited until the disk has it: should the database crash, shard and predictions are both gone, and are made again.
    """
    predictions = sum(len(one.pair_ids) for one in said)
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, [shard.job_id, pairs, predictions, seconds, shard.pk])
        if not cursor.rowcount:
            return False
    for one in said:
        write_predictions(one.adapter, one.pair_ids, one.revision_ids, label_ids, one.probabilities, one.replaced)
    return True


def settle_now_and_then(job: Job) -> None:
    """Settle a job of which a shard was finished, unless that was done a moment ago."""
    now = timezone.now()
    if job.heartbeat_at is None or now - job.heartbeat_at > SETTLED_EVERY:
        settle_scoring(job.pk)
        job.heartbeat_at = now


@transaction.atomic
def settle_scoring(job_id: int) -> None:
    """Bring a job's progress up to what its shards say, and end it when none is left. It can be called any time."""
    running = Job.objects.filter(pk=job_id, state=Job.State.RUNNING).select_related("project")
    job = running.select_for_update(of=("self",), no_key=True).first()
    if job is None:
        log.warning("Job %s is not running; nothing was done.", job_id)
        return
    tally = tally_of(job)
    if not tally.shards:
        return
    if tally.pairs > job.done or not tally.left:
        report_progress(job, tally.pairs, job.total)
    if tally.left:
        return
    for adapter in adapters_of_job(job):
        gather_statistics(adapter)
    finish_job(
        job,
        f"{tally.pairs:,} pairs scored.",
        scored=tally.pairs,
        predictions=tally.predictions,
        worker_seconds=round(tally.seconds, 3),
        workers=tally.workers,
        price_per_hour=job.project.price_per_hour,
        currency=job.project.currency,
    )


def recover_scoring() -> None:
    """Go on with scoring whose messages or workers were lost.

    What nobody works on and nobody has finished anything of for a while is asked for again, a few times in a row; while
    gpu workers are busy with something else its message most likely still waits.
    """
    for job in Job.objects.filter(kind=Job.Kind.SCORE, state=Job.State.RUNNING).select_related("project"):
        settle_scoring(job.pk)
        job.refresh_from_db()
        after = SILENT_AFTER if job.shards.exists() else PLANNED_WITHIN
        silent = job.heartbeat_at is None or timezone.now() - job.heartbeat_at > after
        if job.state == Job.State.RUNNING and silent:
            _recover(job)


@transaction.atomic
def _recover(job: Job) -> None:
    """Ask for a silent job again, by planning it where that was not done."""
    job = Job.objects.select_for_update(no_key=True, of=("self",)).get(pk=job.pk)
    planned = job.shards.exists()
    training = Job.objects.filter(kind=Job.Kind.TRAIN, state=Job.State.RUNNING).exists()
    if planned and (training or _is_worked_at()):
        return
    resent = job.params.get("resent", 0) + 1 if job.params.get("resent_at") == job.done else 1
    if resent > MOST_RESENDS:
        left = job.shards.filter(finished_at__isnull=True).count()
        why = f"No gpu worker took up the last {left:,} shards." if planned else "Planning it stopped again and again."
        fail_job(job, f"{why} What is scored is kept; start it again.")
        return
    job.params |= {"resent": resent, "resent_at": job.done}
    job.heartbeat_at = timezone.now()
    if planned:
        pass_on(job.pk)
    else:
        job.state, job.sent_at = Job.State.QUEUED, timezone.now()
        send(TASKS[Job.Kind.SCORE], job_id=job.pk)
    job.save(update_fields=("params", "heartbeat_at", "state", "sent_at"))


def _is_worked_at() -> bool:
    """Say whether any shard of any job is held."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objsubid = 1"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [LOCKS >> 32],
        )
        return bool(cursor.fetchone()[0])
