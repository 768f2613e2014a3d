"""The folders that trainings run in, and sweeping what those that have ended left there."""

import datetime as dt
import json
import logging
import shutil
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from labeling.models import Adapter, Job
from modeling.judge.holdout import HOLDOUT_FILE
from modeling.judge.store import StoreError, is_url, remove

log = logging.getLogger(__name__)

# A worker sweeps when its job ends. What is still there so long after has no worker that would.
SWEEP_AFTER = dt.timedelta(minutes=10)


def run_folder(job: Job) -> Path:
    """Return the folder of a training: its log and settings stay in it, all else goes when the job has ended."""
    return Path(settings.DATA_DIR) / "runs" / str(job.pk)


def sweep_runs() -> list[Job]:
    """Sweep after trainings that ended some time ago and whose worker could not; return them.

    That is a job that was cancelled while it waited to be taken up again, or whose worker died at its end.
    """
    runs = Path(settings.DATA_DIR) / "runs"
    there = [int(folder.name) for folder in runs.glob("*") if folder.name.isdecimal()]
    ended = Job.objects.filter(pk__in=there, kind=Job.Kind.TRAIN, finished_at__lt=timezone.now() - SWEEP_AFTER)
    swept = [job for job in ended if _is_left(job)]
    for job in swept:
        sweep_run(job)
    return swept


def sweep_run(job: Job) -> None:
    """Remove what a training that has ended no longer needs, and what it made if it was cancelled.

    The digest of its pairs and what was said of the holdout are kept elsewhere. The artifact of a training that failed
    after it was made stays: its message may say where it is. An adapter's artifact is never touched.
    """
    folder = run_folder(job)
    if job.active or not folder.is_dir():
        return
    for path in _leftovers(folder):
        _remove(path)
    if (folder / "run.json").is_file():
        run = json.loads((folder / "run.json").read_text())
        artifact = Path(run["artifact"])
        for unfinished in artifact.parent.glob(f".{artifact.name}.*"):
            _remove(unfinished)
        if job.state == Job.State.CANCELLED and not Adapter.objects.filter(job=job).exists():
            _forget(folder, run["place"], artifact)


def _forget(folder: Path, place: str, artifact: Path) -> None:
    """Remove what a cancelled run made, wherever it is; run.json last, by which it is found again if that fails."""
    try:
        remove(place if is_url(place) else str(artifact))
    except (OSError, StoreError) as error:
        log.warning("What the cancelled run in %s made stays for now: %s", folder, error)
        return
    shutil.rmtree(artifact, ignore_errors=True)
    (folder / "run.json").unlink()


def _is_left(job: Job) -> bool:
    folder = run_folder(job)
    return bool(_leftovers(folder)) or (job.state == Job.State.CANCELLED and (folder / "run.json").is_file())


def _leftovers(folder: Path) -> list[Path]:
    names = ("examples*.parquet", "drawn*.npy", HOLDOUT_FILE, "checkpoint", "*.new")
    return [path for name in names for path in folder.glob(name)]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
