"""One training run in a process of its own: `python -m modeling.judge.run FOLDER`.

FOLDER/run.json says what to do:

    {"spec": {...}, "labels": ["exact", ...], "examples": "examples.parquet", "artifact": "artifact",
     "champion": "folder of the champion's artifact" or null, "guideline": "text for a prompt that has it",
     "provenance": {...}, "checkpoint_seconds": 15, "half": null, "drawn": "drawn.npy" or null}

Paths are absolute or seen from FOLDER. FOLDER/checkpoint holds where the run stands: started again, it goes on there.
"checkpoint_seconds" is the least time between two, "half" whether to multiply in bfloat16, null by the processor.
"drawn" holds a row (pair id, 1 or 0) for each pair that people labeled, 1 if it was drawn at random: then both arms
are compared (arms.py).
Several processes share a run under `accelerate launch --config_file modeling/judge/launch/ddp.yaml`.

Standard output holds one JSON object a line and nothing else: progress ({"event", and the fields of watch.Progress}),
then a result ({"event", "manifest", "champion_problem"}) or, with exit status 1, {"event": "failed", "message"}.
"""

import fcntl
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modeling.judge.artifact import CorruptArtifact, IncompatibleArtifact
from modeling.judge.base_model import BaseModelError
from modeling.judge.dataset import DatasetError, Example, read_examples
from modeling.judge.device import is_first_process, processes
from modeling.judge.holdout import HOLDOUT_FILE, Floats, held_out, write_holdout
from modeling.judge.memory import free_memory
from modeling.judge.scoring import Judge
from modeling.judge.spec import JudgeSpec, SpecError
from modeling.judge.threads import leave_a_core
from modeling.judge.training import train
from modeling.judge.watch import Progress, TrainingError

logger = logging.getLogger(__name__)

# Steps come faster than anyone reads them.
_SECONDS_BETWEEN_LOOKS = 2.0
_SECONDS_BETWEEN_REPORTS = 0.5

_SECONDS_FOR_ANOTHER = 120.0

Emit = Callable[[Mapping[str, Any]], None]


class RunError(ValueError):
    """A run.json that cannot be followed: names the field and what was expected."""


@dataclass(frozen=True)
class Run:
    """What run.json asks for, its paths resolved."""

    spec: JudgeSpec
    labels: tuple[str, ...]
    examples: Path
    artifact: Path
    champion: Path | None
    provenance: Mapping[str, Any]
    holdout: Path
    guideline: str
    checkpoints: Path
    checkpoint_seconds: float
    half: bool | None
    drawn: Path | None = None


def read_run(folder: Path) -> Run:
    """Read FOLDER/run.json. RunError or SpecError names what is wrong with it."""
    path = folder / "run.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    labels = _field(settings, path, "labels", list)
    if len(labels) < 2 or len(set(labels)) != len(labels) or not all(isinstance(key, str) for key in labels):
        raise RunError(f"{path}: labels: expected two or more different keys, got {labels!r}")
    champion = settings.get("champion")
    return Run(
        spec=JudgeSpec.from_dict(_field(settings, path, "spec", dict)),
        labels=tuple(labels),
        examples=folder / _field(settings, path, "examples", str),
        artifact=folder / _field(settings, path, "artifact", str),
        champion=folder / champion if champion else None,
        provenance=settings.get("provenance") or {},
        holdout=folder / HOLDOUT_FILE,
        guideline=settings.get("guideline") or "",
        checkpoints=folder / "checkpoint",
        checkpoint_seconds=float(settings.get("checkpoint_seconds", 15.0)),
        half=settings.get("half"),
        drawn=folder / settings["drawn"] if settings.get("drawn") else None,
    )


def carry_out(run: Run, emit: Emit) -> None:
    """Train, measure the champion on the same holdout, write what both said of it, and emit the result.

    Of several processes the first one does all but train, and speaks.
    """
    examples = read_examples(run.examples)
    manifest = train(
        run.spec,
        examples,
        run.labels,
        run.artifact,
        reporter(emit) if is_first_process() else lambda _progress: None,
        guideline=run.guideline,
        provenance=run.provenance,
        checkpoints=run.checkpoints,
        checkpoint_seconds=run.checkpoint_seconds,
        half=run.half,
        drawn=_drawn(run),
    )
    if not is_first_process():
        return
    ours = _said_of_holdout(Judge.load(run.artifact), examples)
    free_memory()
    champion = _champion(run, examples)
    write_holdout(run.holdout, examples, ours, champion.said)
    emit(
        {
            "event": "result",
            "manifest": manifest,
            "champion_problem": champion.problem,
            "champion_lost": champion.lost,
        }
    )


def _drawn(run: Run) -> dict[int, bool]:
    if run.drawn is None:
        return {}
    try:
        rows = np.load(run.drawn, allow_pickle=False).reshape(-1, 2).tolist()
    except (OSError, ValueError) as error:
        raise RunError(f"{run.drawn} cannot be read: {error}") from error
    return {pair: bool(at_random) for pair, at_random in rows}


def reporter(emit: Emit) -> Callable[[Progress], None]:
    """Progress as events: the first and last of each phase, and some between."""
    latest = 0.0

    def report(progress: Progress) -> None:
        nonlocal latest
        now = time.monotonic()
        between = 0 < progress.done < progress.total and progress.note is None
        if between and now - latest < _SECONDS_BETWEEN_REPORTS:
            return
        latest = now
        emit({"event": "progress", **asdict(progress)})

    return report


def main(arguments: list[str]) -> int:
    """Carry out one run; returns the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m modeling.judge.run FOLDER\n")
        return 2
    if processes() == 1:
        # One process, one GPU: the Trainer would spread over all that it sees.
        os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    leave_a_core()
    emit = _claim_standard_output()
    folder = Path(arguments[0])
    try:
        run = read_run(folder)
        with _alone(folder) if is_first_process() else nullcontext():
            carry_out(run, emit)
    except BrokenPipeError:
        # Whoever wanted the result is gone.
        return 1
    except Exception as error:
        logger.exception("The run failed")
        emit({"event": "failed", "message": plain_words(error)})
        return 1
    return 0


def plain_words(error: Exception) -> str:
    """What went wrong, for the person who started the run."""
    if isinstance(error, RunError | SpecError | DatasetError | BaseModelError | TrainingError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError):
        return f"The GPU ran out of memory: lower batch_tokens or max_length. {error}"
    return f"Training stopped with an unexpected error, {type(error).__name__}: {error}"


def _field(settings: Mapping[str, Any], path: Path, name: str, kind: type) -> Any:
    value = settings.get(name) if isinstance(settings, dict) else None
    if not isinstance(value, kind):
        raise RunError(f"{path}: {name}: expected a {kind.__name__}, got {value!r}")
    return value


def _said_of_holdout(judge: Judge, examples: list[Example]) -> Floats:
    rows = held_out(examples)
    return judge.probabilities([row.query for row in rows], [row.product for row in rows])


@dataclass(frozen=True)
class _Champion:
    """What the champion said of the holdout, or the `problem` why that is not known.

    `lost`: it cannot be used for anything any more, now or later.
    """

    said: Floats | None = None
    problem: str | None = None
    lost: bool = False


def _champion(run: Run, examples: list[Example]) -> _Champion:
    """Measure the champion; whatever is wrong with it costs no training."""
    if run.champion is None:
        return _Champion()
    try:
        champion = Judge.load(run.champion)
        if champion.labels != run.labels:
            return _Champion(problem=f"It gives the labels {champion.labels}, this run {run.labels}.", lost=True)
        return _Champion(_said_of_holdout(champion, examples))
    except (CorruptArtifact, IncompatibleArtifact) as error:
        return _Champion(problem=str(error), lost=True)
    except Exception as error:
        logger.exception("The champion could not be measured")
        return _Champion(problem=plain_words(error))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with the process. One that lost its worker ends at its next report."""
    deadline = time.monotonic() + _SECONDS_FOR_ANOTHER
    with (folder / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunError(f"{folder}: another process is at work in this folder; end it first") from None
                time.sleep(0.2)
        yield


def _claim_standard_output() -> Emit:
    """Keep standard output for events: what libraries print goes to standard error from here on."""
    sys.stdout.flush()
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def emit(event: Mapping[str, Any]) -> None:
        events.write(json.dumps(event, allow_nan=False) + "\n")
        events.flush()

    return emit


def _end_without(parent: int) -> None:
    """End this process soon after the one that started it, whatever it is at."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what is half written is removed on the way out
    threading.Thread(target=_end_without, args=[os.getppid()], daemon=True).start()
    sys.exit(main(sys.argv[1:]))
