import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulation.browser import Browser, RefusedError
from simulation.play import SLOW, Crew, Watch, main
from simulation.processes import SIGNALS, Process, start, stop
from simulation.site import DemoError, new_demo
from tests.simulation.test_progress import job, summary

LATER = 1e9


class Lead(Browser):
    """A lead who reads summaries that were written beforehand, the last one again and again."""

    def __init__(self, *summaries: dict[str, Any]) -> None:
        super().__init__("http://127.0.0.1:9", "shop")
        self.summaries = list(summaries)

    def summary(self) -> dict[str, Any]:
        return self.summaries.pop(0) if len(self.summaries) > 1 else self.summaries[0]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Give the test process its own handlers back after the command has set its."""
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[list[Process]]:
    """A process that has ended by itself."""
    process = start("web", ["sh", "-c", "echo port is taken; exit 1"], {}, tmp_path, tmp_path)
    process.popen.wait()
    yield [process]
    stop([process])


def test_watch_waits_until_the_summary_is_as_wanted(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.play.LOOK", 0.0)
    lead = Lead(summary(judgments=1), summary(judgments=2), summary(judgments=3))
    with lead:
        found = Watch(lead, [], LATER, said.append).wait(lambda now: now["judgments"] == 3)
    assert found["judgments"] == 3
    assert [line.split(", ")[2] for line in said] == ["1 judgments"]  # one line in some seconds is enough


def test_watch_gives_up_on_a_failed_job(said: list[str]) -> None:
    with Lead(summary(jobs=[job(2, "train", "failed", "no room on the disk")])) as lead:
        watch = Watch(lead, [], LATER, said.append)
        with pytest.raises(DemoError, match="the train job 2 failed: no room on the disk"):
            watch.look()


def test_watch_gives_up_when_it_takes_too_long_and_says_what_training_came_to(said: list[str]) -> None:
    with Lead(summary(jobs=[job(2, "train", "done", "No better than the commonest label.")])) as lead:
        watch = Watch(lead, [], time.monotonic() - 1, said.append)
        with pytest.raises(DemoError, match=r"it takes too long\. round 2, .*; No better than the commonest label\."):
            watch.look()


def test_watch_gives_up_when_a_process_has_ended(said: list[str], broken: list[Process]) -> None:
    with Lead(summary()) as lead:
        watch = Watch(lead, broken, LATER, said.append)
        with pytest.raises(DemoError, match=r"web ended with status 1(.|\n)*port is taken"):
            watch.look()


def test_watch_gives_up_when_an_annotator_cannot_go_on(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulation.browser.RETRY_PAUSES", ())
    demo = new_demo(tmp_path)
    crew = Crew(demo, {}, SLOW)
    with crew.at_work():
        deadline = time.monotonic() + 20
        while not crew.errors and time.monotonic() < deadline:
            time.sleep(0.02)
    with Lead(summary()) as lead:
        watch = Watch(lead, [], LATER, said.append)
        with pytest.raises(DemoError, match=r"\w+-\w+ cannot go on: .*the server cannot be reached"):
            watch.look(crew)


def test_patient_annotators_look_again_where_others_give_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def refused(*_: object) -> None:
        looks.append(time.monotonic())
        raise RefusedError("paused")

    monkeypatch.setattr("simulation.play.label_until", refused)
    monkeypatch.setattr("simulation.play.AGAIN", 0.01)
    crew = Crew(new_demo(tmp_path), {}, SLOW, patient=True)
    with crew.at_work():
        deadline = time.monotonic() + 20
        while len(looks) < 50 and time.monotonic() < deadline:
            time.sleep(0.02)
    assert len(looks) >= 50
    assert crew.errors == []


def test_play_refuses_a_folder_without_data_in_plain_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], own_signals: None
) -> None:
    assert main(["--data", str(tmp_path), "--once"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "The demo failed: " in printed.err
    assert "examples.parquet is missing; DATA is a folder with the two official ESCI files" in printed.err
