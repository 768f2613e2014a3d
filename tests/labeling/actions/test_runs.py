"""What trainings that have ended leave in their folders, and what of it is swept."""

import datetime as dt
import json
from pathlib import Path

import fsspec
import pytest
from django.utils import timezone
from pytest_django import Settings

from labeling.actions.jobs import cancel_job
from labeling.actions.runs import run_folder, sweep_run, sweep_runs
from labeling.models import Job
from tests.labeling.acting import make_adapter
from tests.making import make_project

pytestmark = pytest.mark.django_db

KEPT = ["lock", "log.txt", "run.json"]


@pytest.fixture(autouse=True)
def data(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def training(state: str = "cancelled", minutes: int = 11, place: str = "") -> Job:
    """Make a training that ended so long ago, with all that a run can leave, its artifact made at the very end."""
    now = timezone.now()
    ended = None if state in ("queued", "running") else now - dt.timedelta(minutes=minutes)
    job = Job.objects.create(project=make_project(), kind=Job.Kind.TRAIN, state=state, finished_at=ended)
    leave(job, place)
    return job


def leave(job: Job, place: str = "") -> Path:
    folder = run_folder(job)
    (folder / "checkpoint" / "step-000000009").mkdir(parents=True)
    for name in ("examples-1.parquet", "holdout.parquet", "log.txt", "lock", "run.new", "checkpoint/step-000000009/x"):
        (folder / name).write_text("left")
    artifact = folder / "artifact" if place else folder.parent.parent / "adapters" / "shop" / f"job-{job.pk}"
    for made in (artifact, artifact.with_name(f".{artifact.name}.half")):
        made.mkdir(parents=True)
        (made / "manifest.json").write_text("{}")
    run = {"artifact": str(artifact), "place": place or f"adapters/shop/job-{job.pk}"}
    (folder / "run.json").write_text(json.dumps(run))
    return artifact


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def test_cancelled_training_leaves_its_log_alone(data: Path) -> None:
    job = training()
    assert sweep_runs() == [job]
    assert names(run_folder(job)) == ["lock", "log.txt"]
    assert list((data / "adapters" / "shop").iterdir()) == []
    assert sweep_runs() == []


def test_training_that_is_cancelled_while_it_waits_is_swept_later(data: Path) -> None:
    job = training("queued")
    assert sweep_runs() == []
    assert cancel_job(job, None)
    assert sweep_runs() == []  # just now: a worker may still be about to notice
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - dt.timedelta(minutes=11))
    assert sweep_runs() == [job]
    assert names(run_folder(job)) == ["lock", "log.txt"]


@pytest.mark.parametrize("state", ["queued", "running"])
def test_nothing_of_a_live_training_is_swept(state: str) -> None:
    job = training(state)
    before = sorted(run_folder(job).rglob("*"))
    assert sweep_runs() == []
    sweep_run(job)
    assert sorted(run_folder(job).rglob("*")) == before
    assert (run_folder(job).parent.parent / "adapters" / "shop" / f"job-{job.pk}" / "manifest.json").is_file()


def test_adapter_keeps_its_artifact_and_failed_training_what_it_made(data: Path) -> None:
    adapter = make_adapter(make_project())
    Job.objects.filter(pk=adapter.job_id).update(finished_at=timezone.now() - dt.timedelta(hours=1))
    made, failed = leave(adapter.job), training("failed")
    assert {job.pk for job in sweep_runs()} == {adapter.job_id, failed.pk}
    for job in (adapter.job, failed):
        assert names(run_folder(job)) == KEPT
    assert (made / "manifest.json").is_file()
    assert (made.with_name(f"job-{failed.pk}") / "manifest.json").is_file()
    assert sorted(path.name for path in made.parent.iterdir()) == [made.name, f"job-{failed.pk}"]
    assert sweep_runs() == []


def test_what_a_cancelled_training_put_behind_a_url_goes_too_and_waits_for_its_store(data: Path) -> None:
    reached = training(place="memory://bucket/shop/job-1")
    unreached = training(place="nowhere://bucket/shop/job-2")
    files = fsspec.filesystem("memory")
    files.pipe("/bucket/shop/job-1/manifest.json", b"{}")
    files.pipe("/bucket/shop/job-9/manifest.json", b"{}")
    assert set(sweep_runs()) == {reached, unreached}
    assert files.find("/bucket") == ["/bucket/shop/job-9/manifest.json"]
    assert names(run_folder(unreached)) == ["artifact", *KEPT]
    assert sweep_runs() == [unreached]
    files.store.clear()


def test_folder_of_no_job_is_left_alone(data: Path) -> None:
    for name in ("999999999", "mine"):
        (data / "runs" / name / "checkpoint").mkdir(parents=True)
    assert sweep_runs() == []
    assert names(data / "runs") == ["999999999", "mine"]
