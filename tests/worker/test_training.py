"""Following a training's process: how it ends, and that it goes on after it was killed."""

import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from worker import training
from worker.training import MOST_STARTS, StoppedError, TrainingError, follow_run, launch_command


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose script runs in the place of a training; it counts its starts."""
    head = """
        import json, os, pathlib, signal, sys, time
        folder = pathlib.Path(sys.argv[1])
        starts = int((folder / "starts").read_text()) + 1 if (folder / "starts").exists() else 1
        (folder / "starts").write_text(str(starts))
        def say(event, **more):
            print(json.dumps({"event": event, **more}), flush=True)
        def killed():
            os.kill(os.getpid(), signal.SIGKILL)
    """
    monkeypatch.setattr(
        training, "launch_command", lambda folder, *_: [sys.executable, str(folder / "script.py"), str(folder)]
    )
    (tmp_path / "script.py").write_text(textwrap.dedent(head))
    return tmp_path


def script(folder: Path, text: str) -> None:
    path = folder / "script.py"
    path.write_text(path.read_text() + textwrap.dedent(text))


def starts(folder: Path) -> int:
    return int((folder / "starts").read_text())


def test_run_that_was_killed_goes_on(run: Path) -> None:
    script(run, "say('progress', done=starts)\nkilled() if starts < 3 else say('result', manifest={})")
    seen: list[Any] = []

    def report(event: dict[str, Any] | None) -> bool:
        seen.append(event)
        return True

    result = follow_run(run, report)
    assert result == {"event": "result", "manifest": {}}
    assert [event["done"] for event in seen if event] == [1, 2, 3]


def test_run_that_is_killed_each_time_is_given_up(run: Path) -> None:
    script(run, "killed()")
    with pytest.raises(TrainingError, match=r"was killed \(status -9\)\. It was started 4 times\. .* too much memory"):
        follow_run(run, lambda _event: True)
    assert starts(run) == MOST_STARTS


def test_run_that_fails_is_not_started_again(run: Path) -> None:
    script(run, "say('failed', message='The loss became nan.')\nsys.exit(1)")
    with pytest.raises(TrainingError, match=r"^The loss became nan\.$"):
        follow_run(run, lambda _event: True)
    assert starts(run) == 1


def test_run_that_breaks_before_it_can_say_why_leaves_its_last_words(run: Path) -> None:
    script(run, "print('a launcher greets', flush=True)\nsys.exit('no such module')")
    with pytest.raises(TrainingError, match=r"ended with status 1\. no such module"):
        follow_run(run, lambda _event: True)


@pytest.mark.parametrize("ending", ["time.sleep(60)", "os.kill(os.getpid(), 9)"])
def test_run_that_does_not_end_well_after_its_result_has_its_result(
    run: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(training, "TO_END", 0.5)
    script(run, f"say('result', manifest=7)\n{ending}")
    assert follow_run(run, lambda _event: True)["manifest"] == 7
    assert starts(run) == 1


def test_run_whose_job_is_cancelled_ends_with_its_processes(run: Path) -> None:
    script(
        run,
        """
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        (folder / "child").write_text(str(child.pid))
        say('progress', done=1)
        time.sleep(60)
        """,
    )
    began = time.monotonic()
    with pytest.raises(StoppedError):
        follow_run(run, lambda _event: False)
    assert time.monotonic() - began < 20
    child = Path(f"/proc/{(run / 'child').read_text()}/stat")
    while time.monotonic() - began < 20 and runs(child):
        time.sleep(0.05)
    assert not runs(child)


def runs(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_run_on_several_gpus_is_started_by_accelerate(tmp_path: Path) -> None:
    assert launch_command(tmp_path, 1, "ddp")[1:] == ["-m", "modeling.judge.run", str(tmp_path)]
    command = launch_command(tmp_path, 4, "fsdp")
    assert command[command.index("--num_processes") + 1] == "4"
    assert Path(command[command.index("--config_file") + 1]).is_file()
    assert command[-3:] == ["-m", "modeling.judge.run", str(tmp_path)]
