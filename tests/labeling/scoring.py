"""What workers do with a scoring job in tests, without a judge."""

from collections.abc import Sequence

import numpy as np

from labeling.actions.jobs import enqueue_job, start_job
from labeling.actions.scoring import Said, finish_shard
from labeling.models import Adapter, Job, Project, ScoringShard
from labeling.queries.projects import labels_of
from labeling.queries.scoring import revisions_said, shard_texts


def scoring_job(project: Project, then: tuple[Job.Kind, ...] = ()) -> Job:
    job = enqueue_job(project, Job.Kind.SCORE, then=then)
    assert job is not None
    started = start_job(job.pk)
    assert started is not None
    return started


def score_shard(shard: ScoringShard, adapters: Sequence[Adapter], seconds: float = 2.0) -> bool:
    """Do with a shard what a worker does, with a judge that finds everything even."""
    rows = shard_texts(shard, adapters)
    pairs = np.array([row.pair_id for row in rows], dtype=np.int64)
    revisions = np.array([row.revision_id for row in rows], dtype=np.int64)
    said = []
    for adapter in adapters:
        before = revisions_said(adapter, pairs)
        wanted = before != revisions
        even = np.full((wanted.sum(), 4), 0.25, dtype=np.float32)
        said.append(Said(adapter, pairs[wanted], revisions[wanted], even, pairs[wanted & (before != 0)]))
    labels = np.array([label.pk for label in labels_of(shard.job.project)], dtype=np.int64)
    return finish_shard(shard, said, labels, len(rows), seconds)
