"""Tasks of the queue "gpu": train and score. The only workers that load torch."""

import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from celery import Task, shared_task
from django.conf import settings
from django.db import transaction

from labeling.actions.adapters import record_adapter, record_training_items
from labeling.actions.holdout import measure_holdout, record_holdout
from labeling.actions.jobs import MOST_RESENDS, fail_job, finish_job, hold_job, report_progress, start_job
from labeling.actions.promotion import decide_promotion
from labeling.actions.pruning import prune_adapters
from labeling.actions.runs import run_folder, sweep_run
from labeling.actions.training_steps import record_step
from labeling.guidelines.outline import outline
from labeling.guidelines.parse import parse_guideline
from labeling.models import Adapter, Job, Split
from labeling.queries.adapters import artifact_place
from labeling.queries.predictions import champion_of
from labeling.queries.projects import labels_of, published_guideline
from labeling.queries.training_set import LabeledPair, drawn_at_random, labeled_pairs
from modeling.judge.artifact import CorruptArtifact, IncompatibleArtifact
from modeling.judge.dataset import Example, write_examples
from modeling.judge.holdout import HOLDOUT_FILE, read_holdout
from modeling.judge.prompts import product_text, query_text
from modeling.judge.spec import JudgeSpec
from modeling.judge.store import StoreError, is_url, local_folder, publish
from worker.drawn import drawn_rows, weighted, weights_by_label
from worker.judges import artifact_cache, forget_judges
from worker.scoring import score_next_shard
from worker.training import StoppedError, TrainingError, follow_run

log = logging.getLogger(__name__)

LEAST_LABELS = 50
COLLECTED_AT_ONCE = 50_000


@shared_task
def train_adapter(job_id: int) -> None:
    """Train an adapter on everything that is labeled, evaluate it, and promote it if it is better."""
    job = start_job(job_id)
    if job is None:
        return
    try:
        _train(job, run_folder(job))
    except StoppedError:
        log.info("Job %s was stopped.", job_id)
    except StoreError as error:
        _try_again_later(job, error)
    except (TrainingError, ValueError) as error:
        fail_job(job, str(error))
    except Exception as error:
        log.exception("Job %s", job_id)
        fail_job(job, f"{type(error).__name__}: {error}")
    finally:
        job.refresh_from_db()
        sweep_run(job)  # one that is still active goes on from here when it is sent again


def _try_again_later(job: Job, error: StoreError) -> None:
    """Leave a job to be sent again when it has been silent for a while: it goes on from its checkpoint then."""
    log.warning("Job %s: %s", job.pk, error)
    if job.params.get("resent", 0) >= MOST_RESENDS:
        fail_job(job, str(error))
    else:
        report_progress(job, job.done, job.total, f"{error} It is tried again in some minutes.")


def _train(job: Job, folder: Path) -> None:
    """Write the run's inputs, run it in its own processes, record the adapter and decide on it.

    A job that was begun before goes on in its folder, with the pairs that it began with.
    """
    forget_judges()  # the run needs the memory
    folder.mkdir(parents=True, exist_ok=True)
    champion = champion_of(job.project)
    if not (folder / "run.json").is_file():
        report_progress(job, 0, 0, "Collecting labels")
        _write_run(job, folder)
    _write_champion(job, folder, champion)
    notes: list[str] = []

    def report(event: dict[str, Any] | None) -> bool:
        if event is not None:
            job.done, job.total = event["done"], event["total"]
            loss = f", loss {event['loss']:.3f}" if event.get("loss") is not None else ""
            notes.extend([event["note"]] if event.get("note") else [])
            job.message = " ".join([f"{event['phase'].capitalize()}{loss}.", *notes[-1:]])
        ours = report_progress(job, job.done, job.total, job.message, "steps")
        if ours and event is not None:
            record_step(job, event)
        return ours

    result = follow_run(folder, report, settings.TRAINING_PROCESSES, settings.TRAINING_LAUNCH)
    if not report(None):
        raise StoppedError(str(job))
    _record(job, folder, _keep_artifact(folder), result, champion)
    prune_adapters(job.project)


@contextmanager
def _held(job: Job) -> Iterator[None]:
    """Write while the job is surely still this worker's. StoppedError where it is not."""
    with transaction.atomic():
        if not hold_job(job):
            raise StoppedError(str(job))
        yield


def _record(job: Job, folder: Path, artifact: str, result: dict[str, Any], champion: Adapter | None) -> None:
    """Record, decide and finish together, or, for a job that is no longer to run, not at all."""
    found = read_holdout(folder / HOLDOUT_FILE)
    measures = measure_holdout(job.project, found, seed=job.pk)
    with _held(job):
        adapter = record_adapter(job, artifact, result["manifest"])
        record_holdout(adapter, champion, found, measures)
        promoted = decide_promotion(adapter, champion, result["champion_problem"], lost=result["champion_lost"])
        role = "is the new champion" if promoted else "stays a challenger"
        message = f"{adapter.name} {role}. {adapter.verdict}"
        # What is no champion scores nothing, and a round that people are at is not ended for it.
        finish_job(job, message, go_on=promoted, adapter=adapter.pk, promoted=promoted)


def _keep_artifact(folder: Path) -> str:
    """Bring what the run made to its place, and return that place as the adapter's row names it."""
    run = json.loads((folder / "run.json").read_text())
    if is_url(run["place"]):
        try:
            publish(Path(run["artifact"]), run["place"])
        except StoreError as error:
            raise StoreError(f"{error}. The adapter is in {run['artifact']}.") from error
        shutil.rmtree(run["artifact"])
    return str(run["place"])


def _write_run(job: Job, folder: Path) -> None:
    """Write the examples, then run.json. ValueError where there are too few labels to learn from.

    Another worker may take the job up meanwhile: so each start has a file of examples of its own, and run.json is
    written only by the one whose job it is.
    """
    project = job.project
    pairs = _collected(job)
    learned = [pair for pair in pairs if pair.split != Split.HOLDOUT]
    if len(learned) < LEAST_LABELS:
        raise ValueError(f"Not enough labels to train on yet: {len(learned)} of {LEAST_LABELS}.")
    with _held(job):
        record_training_items(job, learned)
    labels = labels_of(project)
    position = {label.pk: index for index, label in enumerate(labels)}
    examples = folder / f"examples-{job.starts}.parquet"
    by_people = {pair.pair_id for pair in pairs if pair.origin == "people"}
    at_random = drawn_at_random(project)
    rows = weighted([_example(pair, position) for pair in pairs], by_people, at_random, len(labels))
    write_examples(examples, rows)
    drawn = folder / f"drawn-{job.starts}.npy"
    np.save(drawn, drawn_rows(by_people, at_random))
    guideline = published_guideline(project)
    spec, keys = JudgeSpec.from_dict(project.judge_spec), [label.key for label in labels]
    place = f"{settings.ADAPTERS_URL or 'adapters'}/{project.slug}/job-{job.pk}"
    reads_guideline = spec.prompt.startswith("guideline")
    run = {
        "spec": spec.to_dict(),
        "labels": keys,
        "examples": str(examples),
        "artifact": str(folder / "artifact" if is_url(place) else Path(settings.DATA_DIR) / place),
        "place": place,
        "drawn": str(drawn),
        "guideline": outline(parse_guideline(guideline.source, keys)) if reads_guideline else "",
        "provenance": {
            "project": project.slug,
            "job": job.pk,
            "guideline": guideline.number,
            "least_confidence": project.least_confidence,
            "weights": weights_by_label(rows, by_people, keys),
            "labels_by": dict(Counter(pair.method or pair.origin for pair in pairs)),
        },
    }
    with _held(job):
        _write_whole(folder / "run.json", run)


def _collected(job: Job) -> list[LabeledPair]:
    """Read all labels, and say now and then that this is still being done. StoppedError where it is not to be."""
    pairs = []
    for pair in labeled_pairs(job.project):
        pairs.append(pair)
        if len(pairs) % COLLECTED_AT_ONCE == 0:
            message = f"Collecting labels: {len(pairs):,} so far"
            if not report_progress(job, 0, 0, message):
                raise StoppedError(str(job))
    return pairs


def _write_champion(job: Job, folder: Path, champion: Adapter | None) -> None:
    """Say in run.json which adapter is to be measured on the same holdout. StoreError where it cannot be had now."""
    beside = _champion_folder(champion) if champion else None
    with _held(job):
        run = json.loads((folder / "run.json").read_text())
        _write_whole(folder / "run.json", run | {"champion": beside})


def _champion_folder(champion: Adapter) -> str:
    try:
        return str(local_folder(artifact_place(champion), artifact_cache()))
    except (CorruptArtifact, IncompatibleArtifact) as error:
        log.warning("%s: %s", champion, error)
        return artifact_place(champion)  # where the run will find nothing to load, and say so


def _write_whole(path: Path, content: dict[str, Any]) -> None:
    """Write JSON so that whoever looks sees all of it or nothing new."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(content, indent=1))
    unfinished.replace(path)


def _example(pair: LabeledPair, position: dict[int, int]) -> Example:
    return Example(
        pair_id=pair.pair_id,
        query_id=pair.query_id,
        query=query_text(pair.query),
        product=product_text(pair.title, pair.brand, pair.colour, pair.bullets, pair.description),
        label=position[pair.label_id],
        split=pair.split,
    )


@shared_task(bind=True)
def score_next(self: Task, job_id: int) -> None:
    """Score the next shard of a scoring job. A second run takes another shard, or finds nothing left to do."""
    score_next_shard(job_id, f"{self.request.hostname}/{os.getpid()}")
