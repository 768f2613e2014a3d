"""Scoring workers are killed at random moments: no pair is scored twice, none is left out, and the job ends."""

import contextlib
import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db.models import Sum

from labeling.actions import scoring
from labeling.actions.adapters import promote_adapter
from labeling.actions.jobs import enqueue_job
from labeling.actions.scoring import recover_scoring
from labeling.models import Adapter, Job, Prediction, Project, ScoringShard
from labeling.queries.adapters import artifact_place
from labeling.queries.scoring import unscored_pairs
from modeling.judge.training import train
from tests.conftest import Site, start_process
from tests.labeling.acting import make_adapter
from tests.making import make_pairs, make_project
from tests.modeling.judge.shop import SMALL, shop_pairs

pytestmark = [
    pytest.mark.worker,
    pytest.mark.training,
    pytest.mark.skipif(shutil.which("pgrep") is None, reason="needs pgrep"),
    pytest.mark.usefixtures("committed"),
]

PAIRS = 1200
KILLS = 6
COMMAND = [sys.executable, "-m", "celery", "-A", "worker.app", "worker", "-I", "worker.gpu", "-Q", "gpu", "-c", "1"]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge that was really trained, though not for long."""
    folder = tmp_path_factory.mktemp("judge") / "artifact"
    train(replace(SMALL, epochs=1), shop_pairs(per_query=2), ("E", "S", "C", "I"), folder)
    return folder


@pytest.fixture
def workers(site: Site, tmp_path: Path) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """Three gpu workers: the site's, which nobody kills, and two of this test's own."""
    own = {
        name: start_process([*COMMAND, "-n", f"{name}@test", "-l", "INFO"], site.environment, tmp_path / f"{name}.log")
        for name in ("first", "second")
    }
    deadline = time.monotonic() + 120
    while not all(b" ready." in (tmp_path / f"{name}.log").read_bytes() for name in own):
        assert time.monotonic() < deadline, "the workers did not come up"
        time.sleep(0.2)
    yield own
    for process in own.values():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def scored_by(project: Project, artifact: Path, champion: bool = True) -> Adapter:
    """Make an adapter with this artifact."""
    adapter = make_adapter(project, champion=False)
    shutil.copytree(artifact, artifact_place(adapter))
    if champion:
        promote_adapter(adapter, None)
    return adapter


def kill_child(process: "subprocess.Popen[bytes]") -> bool:
    """Kill the process in which a worker does its tasks; the worker starts another. Say whether there was one."""
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    for pid in map(int, found.stdout.split()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def test_killed_workers_score_no_pair_twice_and_leave_none_out(
    workers: dict[str, "subprocess.Popen[bytes]"], artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "SILENT_AFTER", dt.timedelta(seconds=2))
    project = make_project(shard_size=20, loop_enabled=False)
    make_pairs(project, PAIRS)
    adapter = scored_by(project, artifact)
    job = enqueue_job(project, Job.Kind.SCORE)
    assert job is not None
    chance, kills, deadline = random.Random(7), 0, time.monotonic() + 300
    while True:
        job.refresh_from_db()
        if not job.active or time.monotonic() > deadline:
            break
        if kills < KILLS and job.shards.filter(attempts__gt=0).exists():
            if kills == KILLS - 1:
                os.killpg(workers["second"].pid, signal.SIGKILL)  # the whole worker, with the message it holds
                kills += 1
            else:
                kills += kill_child(workers[chance.choice(["first", "second"])])
            if kills == 3:
                with closing(redis.Redis.from_url(settings.REDIS_URL)) as broker:
                    broker.delete("gpu")  # the messages that wait, as when the broker loses them
        recover_scoring()
        time.sleep(chance.uniform(0.05, 0.6))
    assert (job.state, job.done) == ("done", PAIRS), job.message
    assert kills >= 3, "a fast machine may have scored everything before the last kills"
    assert not unscored_pairs(project, adapter).exists()
    said = Prediction.objects.filter(adapter=adapter)
    assert said.count() == said.values("pair").distinct().count() == PAIRS
    shards = ScoringShard.objects.filter(job=job)
    assert shards.aggregate(Sum("predictions"))["predictions__sum"] == PAIRS
    begun = shards.aggregate(Sum("attempts"))["attempts__sum"]
    assert shards.count() <= begun <= shards.count() + KILLS, "a kill loses at most one shard's work"
    assert shards.values("worker").distinct().count() > 1
