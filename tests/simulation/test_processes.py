import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulation.processes import Process, ended, free_port, read_procfile, start, stop

ROOT = Path(__file__).resolve().parents[2]
# A parent with a child; both say their process ids and sleep.
FAMILY = "import os, sys, time; os.fork(); print(os.getpid(), flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Process]]:
    processes: list[Process] = []
    yield processes
    stop(processes, grace=0)


def run(started: list[Process], code: str, folder: Path, lines: int = 0) -> Process:
    """Start Python code and wait until it has written so many lines."""
    process = start("code", [sys.executable, "-c", code], dict(os.environ), folder, folder / "logs")
    started.append(process)
    deadline = time.monotonic() + 20
    while process.log.read_text().count("\n") < lines:
        assert time.monotonic() < deadline, process.log.read_text()
        time.sleep(0.02)
    return process


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_procfile_of_the_project_is_read() -> None:
    commands = read_procfile(ROOT / "Procfile")
    assert {"web", "worker", "gpu", "beat"} <= set(commands)
    assert commands["web"] == ["gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]


def test_procfile_skips_comments_and_refuses_other_lines(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("# a comment\n\nweb: serve --name 'two words'\n")
    assert read_procfile(path) == {"web": ["serve", "--name", "two words"]}
    path.write_text("web: serve\nnonsense\n")
    with pytest.raises(ValueError, match="line 2: expected NAME: COMMAND, found 'nonsense'"):
        read_procfile(path)


def test_process_is_the_leader_of_its_own_group(tmp_path: Path, started: list[Process]) -> None:
    process = run(started, FAMILY, tmp_path, lines=2)
    pids = [int(line) for line in process.log.read_text().split()]
    assert process.popen.pid in pids
    assert {os.getpgid(pid) for pid in pids} == {process.popen.pid}
    assert os.getpgid(0) != process.popen.pid


def test_stop_ends_children_too(tmp_path: Path, started: list[Process]) -> None:
    process = run(started, FAMILY, tmp_path, lines=2)
    pids = [int(line) for line in process.log.read_text().split()]
    assert all(map(alive, pids))
    stop([process])
    assert not any(map(alive, pids))


def test_stop_kills_what_will_not_end(tmp_path: Path, started: list[Process]) -> None:
    process = run(started, STUBBORN, tmp_path, lines=1)
    began = time.monotonic()
    stop([process], grace=0.3)
    assert 0.3 <= time.monotonic() - began < 5
    assert process.popen.returncode == -9


def test_stop_twice_does_no_harm(tmp_path: Path, started: list[Process]) -> None:
    process = run(started, "pass", tmp_path)
    stop([process])
    stop([process])
    assert process.popen.returncode in (0, -15)


def test_ended_process_is_reported_with_the_end_of_its_log(tmp_path: Path, started: list[Process]) -> None:
    process = run(started, "print('line 1'); print('out of luck'); raise SystemExit(3)", tmp_path)
    assert process.popen.wait(20) == 3
    words = ended([process])
    assert words is not None
    assert words.startswith(f"code ended with status 3. The end of {process.log}:")
    assert words.endswith("line 1\nout of luck")


def test_running_processes_are_not_reported(tmp_path: Path, started: list[Process]) -> None:
    assert ended([run(started, "import time; time.sleep(60)", tmp_path)]) is None


def test_free_port_is_the_wanted_one_unless_it_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = free_port(port)
        assert other != port
    assert free_port(other) == other
