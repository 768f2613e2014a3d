"""Running the Procfile's processes so that they all end with the demo."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE = 12.0  # seconds to end politely before being killed
TAIL = 12  # lines of a log that say why its process ended
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Process:
    """A running program, the leader of its own process group, and its log."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path


def read_procfile(path: Path) -> dict[str, list[str]]:
    """Return the commands of a Procfile by name. Raises ValueError for a line that is none."""
    commands = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        name, colon, command = line.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not colon or not command.strip():
            raise ValueError(f"{path}, line {number}: expected NAME: COMMAND, found {line!r}")
        commands[name.strip()] = shlex.split(command)
    return commands


def start(name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, logs: Path) -> Process:
    """Start a command in `folder` as the leader of a new process group; its output goes to NAME.log.

    The terminal's Ctrl-C does not reach it: whoever started it ends it. Raises FileNotFoundError where there is
    no such program.
    """
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        popen = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Process(name, popen, log)


def ended(processes: Sequence[Process]) -> str | None:
    """Return in plain words which process has ended by itself, with the end of its log; None if none has."""
    for process in processes:
        status = process.popen.poll()
        if status is not None:
            lines = process.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
            return "\n".join([f"{process.name} ended with status {status}. The end of {process.log}:", *lines])
    return None


def stop(processes: Sequence[Process], grace: float = GRACE) -> None:
    """End the processes with all their children: politely, and after `grace` seconds by force."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(map(_lives, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        _signal(process, signal.SIGKILL)
        process.popen.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.popen.pid, number)


def _lives(process: Process) -> bool:
    """Tell whether anything of the process group is left."""
    process.popen.poll()
    try:
        os.killpg(process.popen.pid, 0)
    except ProcessLookupError:
        return False
    return True


def ignore_signals() -> None:
    """Go on whatever the terminal says: for the seconds in which everything is brought to its end."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def free_port(wanted: int) -> int:
    """Return `wanted` if nothing listens there on this machine, else a port that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise OSError("there is no free port on 127.0.0.1")
