"""Scoring a shard: texts out of the database, through the judges, predictions into it."""

import logging
import time
from collections.abc import Sequence

import numpy as np
from django.db import InterfaceError, OperationalError
from numpy.typing import NDArray

from labeling.actions.jobs import fail_job
from labeling.actions.scoring import Said, finish_shard, pass_on, settle_now_and_then, settle_scoring, taken_shard
from labeling.models import Adapter, ScoringShard
from labeling.queries.projects import labels_of
from labeling.queries.scoring import adapters_of_job, revisions_said, shard_texts
from modeling.judge.prompts import product_text, query_text
from modeling.judge.scoring import score_together
from modeling.judge.store import StoreError
from worker.judges import judges_of

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Places = NDArray[np.intp]


def score_next_shard(job_id: int, worker: str) -> None:
    """Take a job's next shard, ask for one more worker, and score it. Where none is left, see that the job ends.

    What one cannot score now because the database or the store is away is left to the next one who asks.
    """
    with taken_shard(job_id, worker) as shard:
        if shard is None:
            settle_scoring(job_id)
            return
        pass_on(job_id)
        try:
            _score(shard)
        except (OperationalError, InterfaceError, StoreError) as error:
            log.warning("%s is left to another: %s", shard, error)
        except Exception as error:
            log.exception("%s", shard)
            fail_job(shard.job, f"{type(error).__name__}: {error}")
        else:
            settle_now_and_then(shard.job)


def _score(shard: ScoringShard) -> None:
    started = time.perf_counter()
    adapters = adapters_of_job(shard.job)
    rows = shard_texts(shard, adapters)
    pairs = np.array([row.pair_id for row in rows], dtype=np.int64)
    revisions = np.array([row.revision_id for row in rows], dtype=np.int64)
    before = [revisions_said(adapter, pairs) for adapter in adapters]
    wanted = [np.flatnonzero(said != revisions) for said in before]
    answers = _ask(
        adapters,
        wanted,
        [query_text(row.query) for row in rows],
        [product_text(row.title, row.brand, row.colour, row.bullets, row.description) for row in rows],
    )
    said = [
        Said(adapter, pairs[at], revisions[at], answer, replaced=pairs[at][earlier[at] != 0])
        for adapter, at, answer, earlier in zip(adapters, wanted, answers, before, strict=True)
    ]
    labels = np.array([label.pk for label in labels_of(shard.job.project)], dtype=np.int64)
    finish_shard(shard, said, labels, len(rows), time.perf_counter() - started)


def _ask(
    adapters: Sequence[Adapter], wanted: Sequence[Places], queries: Sequence[str], products: Sequence[str]
) -> list[Floats]:
    """What each adapter says of the pairs that are wanted of it: (wanted pairs, labels).

    Adapters of which the same pairs are wanted read them together.
    """
    answers: dict[int, Floats] = {place: np.empty((0, 0), dtype=np.float32) for place in range(len(adapters))}
    if not queries:
        return list(answers.values())
    judges = judges_of(adapters)
    alike: dict[bytes, list[int]] = {}
    for place, at in enumerate(wanted):
        alike.setdefault(at.tobytes(), []).append(place)
    for group in alike.values():
        at = wanted[group[0]]
        if not len(at):
            continue
        texts = [queries[index] for index in at], [products[index] for index in at]
        answers.update(zip(group, score_together([judges[place] for place in group], *texts), strict=True))
    return [answers[place] for place in range(len(adapters))]
