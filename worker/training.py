"""Running a training in processes of its own, and following it.

Repeated training in one process leaks memory until it fails, so each run is a fresh `python -m
modeling.judge.run FOLDER`, or as many as there are GPUs to use: it reads run.json there and writes its progress and
result as JSON lines. A run that was killed goes on from its checkpoint in FOLDER when it is started again.
"""

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

logger = logging.getLogger(__name__)

PULSE = 5.0  # seconds between two looks at whether the job is still to run
MOST_STARTS = 4
TO_END = 10.0  # seconds that processes have to end by themselves
LAUNCH = Path(__file__).resolve().parent.parent / "modeling" / "judge" / "launch"

Report = Callable[[dict[str, Any] | None], bool]


class TrainingError(RuntimeError):
    """The run ended without an adapter; the message is in plain words."""


class StoppedError(RuntimeError):
    """The run was stopped because its job is no longer to run."""


class KilledError(RuntimeError):
    """The run's process was killed from outside; it can go on where it stood."""


def follow_run(folder: Path, report: Report, processes: int = 1, launch: str = "ddp") -> dict[str, Any]:
    """Run the training in `folder` and return its result event.

    `report` is called with each progress event, and with None at least every PULSE seconds; when it returns
    False the run is ended and StoppedError raised. A run that was killed goes on, MOST_STARTS times in all.
    TrainingError carries the reason of a run that failed. `launch` names one of modeling/judge/launch for `processes`
    above 1.
    """
    command = launch_command(folder, processes, launch)
    for start in range(1, MOST_STARTS + 1):
        try:
            return _follow_once(command, folder, report)
        except KilledError as killed:
            if start == MOST_STARTS:
                raise TrainingError(
                    f"{killed} It was started {MOST_STARTS} times. The system kills a process that takes too much "
                    "memory: lower batch_tokens or max_length, or take a smaller base model."
                ) from killed
    raise AssertionError


def launch_command(folder: Path, processes: int, launch: str) -> list[str]:
    """Return the command of a run: one process, or several under `accelerate launch`."""
    run = ["-m", "modeling.judge.run", str(folder)]
    if processes == 1:
        return [sys.executable, *run]
    return [
        *(sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(LAUNCH / f"{launch}.yaml")),
        *("--num_processes", str(processes), "--main_process_port", "0"),
        *run,
    ]


def _follow_once(command: list[str], folder: Path, report: Report) -> dict[str, Any]:
    with (folder / "log.txt").open("a") as log, _start(command, log) as process:
        assert process.stdout is not None  # noqa: S101
        result: dict[str, Any] | None = None
        failure = ""
        try:
            for event in _events(process.stdout):
                if event and event["event"] == "result":
                    result = event
                    break
                if event and event["event"] == "failed":
                    failure = event["message"]
                elif not report(event):
                    raise StoppedError(str(folder))
            if result is not None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(TO_END)
        finally:
            if process.poll() is None:
                _end(process)
            code = process.wait()
    if result is not None:
        if code:
            logger.warning("%s: the run ended with status %s after its result", folder, code)
        return result
    if not failure and (code < 0 or "accelerate.commands.launch" in command):
        raise KilledError(f"The training process was killed (status {code}).")
    raise TrainingError(failure or _last_words(folder / "log.txt", code))


def _start(command: list[str], log: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        # Threads that wait must not spin: on a machine with other work that costs both many times over.
        env={"OMP_WAIT_POLICY": "passive", **os.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[str]) -> None:
    """End a run; what is left of its processes when the first has ended, or does not end, is killed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(TO_END)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


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
        if line.startswith("{"):  # a launcher may say something of its own
            yield json.loads(line)


def _last_words(log: Path, code: int) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-5:]
    return f"The training process ended with status {code}. " + " / ".join(lines)
