"""Recording what a run made: what takes long is computed before anything is locked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from pytest_django import Settings

from labeling.actions.holdout import measure_holdout
from labeling.actions.runs import run_folder
from labeling.models import Adapter, HoldoutPrediction, Job, Split
from modeling.judge.dataset import Example
from modeling.judge.holdout import HOLDOUT_FILE, write_holdout
from tests.making import make_pair_of, make_project
from worker import gpu
from worker.training import StoppedError


@pytest.fixture
def run(committed: None, settings: Settings, tmp_path: Path) -> Job:
    """A training whose run has just ended, with what it said of a holdout pair."""
    settings.DATA_DIR = tmp_path
    project = make_project(loop_enabled=False)
    job = Job.objects.create(project=project, kind=Job.Kind.TRAIN, state=Job.State.RUNNING)
    pair = make_pair_of(project, Split.HOLDOUT)
    run_folder(job).mkdir(parents=True)
    rows = [Example(pair.pk, pair.query_id, "q", "p", 1, "holdout")]
    write_holdout(run_folder(job) / HOLDOUT_FILE, rows, np.eye(4)[[1]])
    return job


def record(job: Job) -> None:
    result = {"manifest": {"holdout": None}, "champion_problem": None, "champion_lost": False}
    gpu._record(job, run_folder(job), f"adapters/shop/job-{job.pk}", result, None)


def test_intervals_are_computed_before_anything_is_locked(run: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[bool] = []

    def measured(*args: Any, **kwargs: Any) -> dict[str, Any]:
        inside.append(connection.in_atomic_block)
        return measure_holdout(*args, **kwargs)

    monkeypatch.setattr(gpu, "measure_holdout", measured)
    record(run)
    assert inside == [False]
    run.refresh_from_db()
    adapter = Adapter.objects.get(job=run)
    assert run.state == "done"
    assert run.message.startswith("A-1 stays a challenger. Not enough holdout labels yet")
    assert adapter.measures["people_alpha"]["n"] == 0
    assert HoldoutPrediction.objects.get(adapter=adapter).judged.key == "S"


def test_run_of_a_job_that_was_stopped_is_not_recorded(run: Job) -> None:
    Job.objects.filter(pk=run.pk).update(starts=2)
    with pytest.raises(StoppedError):
        record(run)
    assert not Adapter.objects.filter(job=run).exists()
