"""Scoring the pool in shards."""

from django.db import connection, transaction
from django.utils import timezone

from labeling.actions.jobs import SCORE_SHARD, add_progress, finish_job, report_progress, send
from labeling.actions.predictions import make_partition
from labeling.models import Adapter, Job, ScoringShard
from labeling.queries.pairs import unscored_pairs


@transaction.atomic
def plan_shards(job: Job, adapter: Adapter) -> int:
    """Cut what the adapter has not scored of the unlabeled pool into shards, and send a task for each.

    A shard has at most the project's shard_size pairs. Returns how many pairs there are to score. One task a
    shard, on any number of workers; a shard that is scored twice is written once.
    """
    shards = ScoringShard.objects.bulk_create(
        ScoringShard(job=job, number=number, pairs=count, first_pair=first, last_pair=last)
        for number, count, first, last in _spans(job, adapter)
    )
    make_partition(adapter)
    total = sum(shard.pairs for shard in shards)
    job.params["adapter"] = adapter.pk
    job.save(update_fields=("params",))
    report_progress(job, 0, total, f"Scoring with {adapter.name}.", "pairs")
    for shard in shards:
        send(SCORE_SHARD, shard_id=shard.pk)
    return total


@transaction.atomic
def finish_shard(shard: ScoringShard, scored: int) -> None:
    """Count a scored shard, once, and end the job when it was the last one."""
    job = Job.objects.select_for_update(of=("self",)).select_related("project").get(pk=shard.job_id)
    if not ScoringShard.objects.filter(pk=shard.pk, finished_at__isnull=True).update(finished_at=timezone.now()):
        return
    add_progress(job.pk, scored)
    if not job.shards.filter(finished_at__isnull=True).exists():
        job.refresh_from_db(fields=("done",))
        finish_job(job, f"{job.done:,} pairs scored.", scored=job.done)


def _spans(job: Job, adapter: Adapter) -> list[tuple[int, int, int, int]]:
    """Return (number, pairs, first pair, last pair) of each shard: one pass over the pool, in the database."""
    pool, values = unscored_pairs(job.project, adapter).values("id").query.sql_with_params()
    numbered = f"SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s + 1 AS number FROM ({pool}) pool"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT number, count(*), min(id), max(id) FROM ({numbered}) numbered GROUP BY number ORDER BY number",  # noqa: S608
            [job.project.shard_size, *values],
        )
        rows: list[tuple[int, int, int, int]] = cursor.fetchall()
    return rows
