"""Tasks of the queue "default": everything that needs no judge. Loads no torch."""

import logging
import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
from celery import shared_task

from labeling.actions.agreement import measure_agreement as measure
from labeling.actions.error_models import fit_errors
from labeling.actions.jobs import fail_job, finish_job, recover_jobs, report_progress, start_job
from labeling.actions.loop import advance_loop, measure_when_due
from labeling.actions.pool import measure_pool
from labeling.actions.relabeling import StoppedError, bring_under
from labeling.actions.rounds import Drawn, open_round
from labeling.actions.runs import sweep_runs
from labeling.actions.scoring import plan_shards
from labeling.models import Job, Project, Round, Stream
from labeling.queries.predictions import candidates, champion_of
from modeling.evaluation.pool import predicted_means
from modeling.sampling.batch import RANDOM, draw_batch
from modeling.sampling.rules import Rules
from modeling.sampling.shelves import draw_queries

log = logging.getLogger(__name__)


@shared_task
def advance_loops() -> None:
    """Queue the next step of every project whose loop is on and whose period has passed, and what is to be measured."""
    for project in Project.objects.all():
        advance_loop(project)
        measure_when_due(project)


@shared_task
def recover() -> None:
    """Deal with jobs whose message or worker was lost, and with what they left."""
    recover_jobs()
    sweep_runs()


@shared_task
def plan_scoring(job_id: int) -> None:
    """Cut the pool into shards for the champion, one task each."""
    job = start_job(job_id)
    if job is None:
        return
    champion = champion_of(job.project)
    if champion is None:
        finish_job(job, "There is no champion yet, so nothing was scored.", scored=0)
    elif plan_shards(job, champion) == 0:
        finish_job(job, f"{champion.name} has scored the whole pool already.", scored=0)


@shared_task
def measure_agreement(job_id: int) -> None:
    """Measure how far the project's people agree, and how each of them errs."""
    job = start_job(job_id)
    if job is None:
        return
    try:
        report_progress(job, 0, 0, "Reading the judgments, and comparing them.")
        report = measure(job.project)
        report_progress(job, 0, 0, "Finding out how each person errs.")
        job.project.refresh_from_db()  # how labels are to be resolved may have been changed meanwhile
        fit_errors(job.project)
        report_progress(job, 0, 0, "Estimating what the pool holds.")
        measure_pool(job.project)
        known: dict[str, Any] = {
            "judgments": report.judgments,
            "through_id": report.through_id,
            "resolve_by": job.project.resolve_by,
        }
        finish_job(job, f"{report.judgments:,} judgments.", **known)
    except Exception as error:
        log.exception("Job %s", job_id)
        fail_job(job, f"{type(error).__name__}: {error}")


@shared_task
def select_round(job_id: int) -> None:
    """Draw a round's batch from the pool and open it as the queue."""
    job = start_job(job_id)
    if job is None:
        return
    try:
        finish_job(job, draw_round(job))
    except Exception as error:
        log.exception("Job %s", job_id)
        fail_job(job, f"{type(error).__name__}: {error}")


@shared_task
def take_over_guideline(job_id: int) -> None:
    """Bring the judgments that are there under a version of the guideline. Run again, it goes on where it stopped."""
    job = start_job(job_id)
    if job is None:
        return
    try:
        bring_under(job)
    except StoppedError:
        log.info("Job %s was stopped.", job_id)
    except Exception as error:
        log.exception("Job %s", job_id)
        fail_job(job, f"{type(error).__name__}: {error}")


def draw_round(job: Job) -> str:
    """Draw and open a round for the job's project; return what was done in plain words."""
    project = job.project
    champion = champion_of(project)
    pool = candidates(project, champion)
    if not len(pool):
        return "Every pair of the pool has been judged: there is nothing left to select."
    seed = secrets.randbits(48)
    whole = project.desk == Project.Desk.SHELF
    rules = Rules(size=project.batch_size, random_share=project.random_share, max_per_query=project.max_per_query)
    batch = (draw_queries if whole else draw_batch)(pool, rules, seed)
    drawn = [
        Drawn(
            pair_id=int(pool.pair_ids[index]),
            stream=str(batch.stream[row]),
            chance=float(batch.chance[row]) if batch.stream[row] == RANDOM else None,
            score=None if np.isnan(batch.score[row]) else float(batch.score[row]),
            query_id=int(pool.query_ids[index]) if whole else None,
            probabilities=None if pool.probabilities is None else pool.probabilities[index].tolist(),
        )
        for row, index in enumerate(batch.index)
    ]
    opened = open_round(
        project,
        drawn,
        strategy="margin" if champion else "uniform",
        seed=seed,
        pool_size=len(pool),
        adapter=champion,
        actor=job.requested_by,
        predicted=None if pool.probabilities is None else predicted_means(pool.probabilities),
    )
    return _told(opened, drawn, len(pool))


def _told(opened: Round, drawn: Sequence[Drawn], of: int) -> str:
    """Return what a round is made of, in plain words, as its page counts it."""
    pairs = set(opened.entries.values_list("pair", flat=True))
    streams = [one.stream for one in drawn if one.pair_id in pairs]  # but for those that were judged meanwhile
    active, carried = streams.count(Stream.ACTIVE), len(pairs) - len(streams)
    words = f"{opened}: {len(pairs):,} pairs. {len(streams):,} drawn of {of:,}, "
    words += f"{active:,} picked and {len(streams) - active:,} at random"
    return f"{words}; {carried:,} carried over from before." if carried else f"{words}."
