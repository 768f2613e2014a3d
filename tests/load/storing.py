"""Times the storing of predictions beside the COPY of the same rows into a bare table; prints what it found as JSON.

`python -m tests.load.storing PREDICTIONS ROUNDS` works on the empty database of the environment;
benchmarks/store_predictions.py gives it one.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

if __name__ == "__main__":  # before anything that needs the models
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from django.db import connection

from labeling.actions.predictions import make_partition
from labeling.actions.scoring import Said, finish_shard, settle_now_and_then, settle_scoring
from labeling.exchange.copy_stream import HEADER, TRAILER
from labeling.exchange.prediction_stream import prediction_rows
from labeling.models import Adapter, Job, Prediction, Project, ScoringShard
from labeling.queries.projects import labels_of
from tests.labeling.acting import make_adapter
from tests.making import make_project

BARE = """
CREATE TABLE bare (adapter_id bigint NOT NULL, pair_id bigint NOT NULL, revision_id bigint NOT NULL,
    label_id bigint NOT NULL, probabilities real[] NOT NULL, confidence real NOT NULL, margin real NOT NULL)
"""
NOTHING = np.empty(0, dtype=np.int64)


@dataclass
class Found:
    """Seconds of each round, the number of shards, and bytes on the disk: predictions with their index, bare table."""

    stored: list[float] = field(default_factory=list)
    copied: list[float] = field(default_factory=list)
    shards: int = 0
    bytes: int = 0
    peer_bytes: int = 0


@dataclass(frozen=True)
class Rows:
    """Predictions as arrays."""

    pairs: NDArray[np.int64]
    revisions: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]


def rounds_of(predictions: int, rounds: int) -> Found:
    """Let both take turns; each starts when nothing is left to be written of the other."""
    project = make_project()
    labels = np.array([label.pk for label in labels_of(project)], dtype=np.int64)
    said = np.random.default_rng(1).dirichlet(np.ones(len(labels)), predictions).astype(np.float32)
    rows = Rows(np.arange(1, predictions + 1), np.arange(predictions) + 7, labels, said)
    found = Found()
    for _ in range(rounds):
        adapter = make_adapter(project)
        _copy(adapter, rows, found)
        _store(project, adapter, rows, found)
    return found


def _copy(adapter: Adapter, rows: Rows, found: Found) -> None:
    blocks = prediction_rows(adapter.pk, rows.pairs, rows.revisions, rows.labels, rows.probabilities)
    stream = HEADER + b"".join(blocks) + TRAILER
    _execute(BARE)
    with (
        _timed(found.copied),
        connection.cursor() as cursor,
        cursor.copy("COPY bare FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(stream)
    found.peer_bytes = _execute("SELECT pg_total_relation_size('bare')")
    _execute("DROP TABLE bare")


def _store(project: Project, adapter: Adapter, rows: Rows, found: Found) -> None:
    job, shards = _planned(project, adapter, len(rows.pairs))
    with _timed(found.stored):
        make_partition(adapter)
        for shard in shards:
            part = slice(shard.first_pair, shard.last_pair)
            said = Said(adapter, rows.pairs[part], rows.revisions[part], rows.probabilities[part], replaced=NOTHING)
            finish_shard(shard, [said], rows.labels, shard.pairs, 1.0)
            settle_now_and_then(job)
        settle_scoring(job.pk)
    job.refresh_from_db()
    stored = Prediction.objects.filter(adapter=adapter, pair_id__in=rows.pairs[::1000].tolist()).count()
    assert (job.state, job.done, stored) == ("done", len(rows.pairs), len(rows.pairs[::1000]))
    found.shards = len(shards)
    found.bytes = _execute(f"SELECT pg_total_relation_size('labeling_prediction_{adapter.pk}')")
    _execute(f"DROP TABLE labeling_prediction_{adapter.pk}")


def _planned(project: Project, adapter: Adapter, predictions: int) -> tuple[Job, list[ScoringShard]]:
    """Make a running job with shards of the project's size. Their ends are places in the arrays here."""
    job = Job.objects.create(project=project, kind=Job.Kind.SCORE, state="running", params={"adapters": [adapter.pk]})
    size = project.shard_size
    ends = [(start, min(start + size, predictions)) for start in range(0, predictions, size)]
    shards = [
        ScoringShard(
            job=job, number=number, pairs=end - start, first_query=0, last_query=0, first_pair=start, last_pair=end
        )
        for number, (start, end) in enumerate(ends, 1)
    ]
    return job, ScoringShard.objects.bulk_create(shards)


@contextmanager
def _timed(seconds: list[float]) -> Iterator[None]:
    _execute("CHECKPOINT")
    started = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - started)


def _execute(statement: str) -> int:
    """Run a statement; return the number that it gives, if it gives one."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0]) if cursor.description else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("predictions", type=int)
    parser.add_argument("rounds", type=int)
    options = parser.parse_args()
    print(json.dumps(asdict(rounds_of(options.predictions, options.rounds))))  # noqa: T201


if __name__ == "__main__":
    main()
