"""Tasks of the queue "default": everything that needs no judge. Loads no torch."""

import logging
from typing import Any

from celery import shared_task

from labeling.actions.agreement import measure_agreement as measure
from labeling.actions.error_models import fit_errors
from labeling.actions.jobs import fail_job, finish_job, recover_jobs, report_progress, start_job
from labeling.actions.loop import advance_loop, measure_when_due
from labeling.actions.pool import measure_pool
from labeling.actions.relabeling import StoppedError, bring_under
from labeling.actions.runs import sweep_runs
from labeling.actions.scoring import plan_shards, recover_scoring
from labeling.models import Project
from labeling.queries.predictions import champion_of
from labeling.queries.scoring import adapters_of_job
from worker.selection import draw_round

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
    recover_scoring()
    sweep_runs()


@shared_task
def plan_scoring(job_id: int) -> None:
    """Cut what the job's adapters, or the champion, have not scored of the pool into shards."""
    job = start_job(job_id)
    if job is None:
        return
    champion = champion_of(job.project)
    adapters = adapters_of_job(job) or ([champion] if champion else [])
    try:
        if not adapters:
            finish_job(job, "There is no champion yet, so nothing was scored.", scored=0)
        elif plan_shards(job, adapters) == 0:
            have = "has" if len(adapters) == 1 else "have"
            finish_job(job, f"{' and '.join(map(str, adapters))} {have} scored the whole pool already.", scored=0)
    except Exception as error:
        log.exception("Job %s", job_id)
        fail_job(job, f"{type(error).__name__}: {error}")


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
