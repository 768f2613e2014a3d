"""Running a training in a process of its own, and following it.

Repeated training in one process leaks memory until it fails, so each run is a fresh `python -m
modeling.judge.run FOLDER`: it reads run.json there and writes its progress and result as JSON lines.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

PULSE = 5.0  # seconds between two looks at whether the job is still to run


class TrainingError(RuntimeError):
    """The run ended without an adapter; the message is in plain words."""


class StoppedError(RuntimeError):
    """The run was stopped because its job is no longer to run."""


def follow_run(folder: Path, report: Callable[[dict[str, Any] | None], bool]) -> dict[str, Any]:
    """Run the training in `folder` and return its result event.

    `report` is called with each progress event, and with None at least every PULSE seconds; when it returns
    False the run is ended and StoppedError raised. TrainingError carries the reason of a run that failed.
    """
    with (folder / "log.txt").open("w") as log, _start(folder, log) as process:
        assert process.stdout is not None  # noqa: S101
        result: dict[str, Any] | None = None
        failure = ""
        try:
            for event in _events(process.stdout):
                if event and event["event"] == "result":
                    result = event
                elif event and event["event"] == "failed":
                    failure = event["message"]
                elif not report(event):
                    raise StoppedError(str(folder))
        finally:
            if process.poll() is None and result is None:
                process.terminate()
            code = process.wait()
    if result is None or code:
        raise TrainingError(failure or _last_words(folder / "log.txt", code))
    return result


def _start(folder: Path, log: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "modeling.judge.run", str(folder)],
        # Threads that wait must not spin: on a machine with other work that costs both many times over.
        env={"OMP_WAIT_POLICY": "passive", **os.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def _events(stream: IO[str]) -> Iterator[dict[str, Any] | None]:
    """Yield each JSON line as it comes, and None whenever none has come for PULSE seconds."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=PULSE)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield json.loads(line)


def _last_words(log: Path, code: int) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-5:]
    return f"The training process ended with status {code}. " + " / ".join(lines)
