"""What `make demo` runs: a whole Winnow on this machine, and simulated people who turn its loop once.

    python -m simulation.play [--data FOLDER] [--once]

The people label through the same pages as a browser does. Celery beat trains, promotes, scores and selects by
itself. Progress goes to standard error; with --once the last line on standard output is a summary in JSON.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from labeling.guidelines.parse import default_source, parse_guideline
from simulation import progress
from simulation.annotators import Annotator, Habits, audit, careful_to_hasty, label_until
from simulation.answer_key import AnswerKey
from simulation.browser import Browser, RefusedError
from simulation.desk import PageError
from simulation.processes import SIGNALS, Process, ignore_signals
from simulation.site import (
    ROOT,
    SEED,
    START_LIMIT,
    Demo,
    DemoError,
    check_alive,
    is_up,
    new_demo,
    pause,
    prepare_data,
    running_site,
    set_up,
)

GUIDELINE = parse_guideline(default_source(), "ESCI")
LOOK = 1.0  # seconds between two looks at how the loop is doing
TELL = 5.0  # seconds between two lines about it
SLOW = 6.0  # seconds a pair, for annotators who go on while somebody watches
AGAIN = 15.0  # seconds until they look again whether they can go on
VERDICTS = 8
SERVICES_LIMIT = 20.0


class Crew:
    """The simulated annotators, a thread and a browser each; patient ones wait while a lead tries things out."""

    def __init__(self, demo: Demo, key: AnswerKey, seconds: float, patient: bool = False) -> None:
        self.errors: list[str] = []
        self.patient = patient
        self._stop = threading.Event()
        accounts = demo.of_role("annotator")
        people = [
            Annotator(account.username, account.password, habits, SEED + number)
            for number, (account, habits) in enumerate(
                zip(accounts, careful_to_hasty(len(accounts), seconds), strict=True)
            )
        ]
        self._threads = [
            threading.Thread(target=self._label, args=(demo, person, key), daemon=True) for person in people
        ]

    def _label(self, demo: Demo, person: Annotator, key: AnswerKey) -> None:
        try:
            while not self._stop.is_set():
                with Browser(demo.address, demo.slug) as browser, self._patience():
                    label_until(browser, person, GUIDELINE, key, self._stop, lambda: None)
        except Exception as error:
            self.errors.append(f"{person.username} cannot go on: {error}")

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        """Wait a little where a lead has changed what the desk shows, or paused somebody, and then look again."""
        try:
            yield
        except (PageError, RefusedError):
            if not self.patient:
                raise
            self._stop.wait(AGAIN)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let them label; each finishes the pair at hand before this ends."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(timeout=10)


class Watch:
    """Looks after a run: is everything alive, how far is the loop, has it taken too long?"""

    def __init__(self, lead: Browser, processes: list[Process], deadline: float, say: Callable[[str], None]) -> None:
        self.lead = lead
        self.processes = processes
        self.deadline = deadline
        self.say = say
        self._told = 0.0

    def look(self, crew: Crew | None = None) -> progress.Summary:
        """Return the project's summary. Raises DemoError when something has gone wrong or takes too long."""
        check_alive(self.processes)
        if crew and crew.errors:
            raise DemoError(crew.errors[0])
        summary = self.lead.summary()
        failed = progress.failure(summary)
        if failed:
            raise DemoError(failed)
        if time.monotonic() - self._told >= TELL:
            self._told = time.monotonic()
            self.say(progress.describe(summary))
        if time.monotonic() > self.deadline:
            raise DemoError(f"it takes too long. {progress.describe(summary)}; {progress.last_training(summary)}")
        return summary

    def wait(self, until: Callable[[progress.Summary], bool], crew: Crew | None = None) -> progress.Summary:
        """Look again and again until the summary is as wanted; return it."""
        while True:
            summary = self.look(crew)
            if until(summary):
                return summary
            time.sleep(LOOK)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m simulation.play", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, help="a folder with the two official ESCI files; else a made-up catalog")
    parser.add_argument("--once", action="store_true", help="stop after the first full turn of the loop")
    parser.add_argument("--limit", type=float, default=900, help="seconds that the first turn may take")
    options = parser.parse_args(arguments)
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {text}", file=sys.stderr, flush=True)

    for number in SIGNALS:
        signal.signal(number, _interrupt)
    services_ran = _keeper_lives()
    try:
        summary = play(options.data, options.once, started, options.limit, say)
    except DemoError as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130 if options.once else 0
    finally:
        if not services_ran:
            _await_keeper_end()
    print(json.dumps(summary), flush=True)
    return 0


def play(given: Path | None, once: bool, started: float, limit: float, say: Callable[[str], None]) -> progress.Summary:
    """Set up, run the site, turn the loop once and return its report; without `once`, stay up until interrupted."""
    demo = new_demo()
    say("reading the data" if given else "making a catalog")
    data = prepare_data(given, demo.folder)
    say(f"the pool: {data.about}")
    with _paused_at_the_end(demo):
        set_up(demo, data, say)
        say("starting the site and its workers")
        with running_site(demo) as processes, Browser(demo.address, demo.slug) as lead:
            _wait_until_up(demo, processes)
            say(f"the site is up at {demo.address}; {len(demo.of_role('annotator'))} annotators start to label")
            if not once:
                _tell_accounts(demo)
            [account] = demo.of_role("lead")
            lead.sign_in(account.username, account.password)
            watch = Watch(lead, processes, started + limit, say)
            report = turn(demo, data.key, watch, started)
            if not once:
                print(json.dumps(report), flush=True)
                stay_up(demo, data.key, watch)
            say("stopping the site and its workers")
    return report


def turn(demo: Demo, key: AnswerKey, watch: Watch, started: float) -> progress.Summary:
    """Let people label until an adapter is promoted and the queue drawn again; return the report.

    Raises DemoError where the turn does not show what it should.
    """
    crew = Crew(demo, key, seconds=0)
    with crew.at_work():
        summary = watch.wait(lambda now: now["adapter"] is not None, crew)
    watch.say(f"{summary['adapter']['name']} is in use: {progress.last_training(summary)}")
    watch.wait(progress.has_turned)
    [auditor] = demo.of_role("auditor")
    with Browser(demo.address, demo.slug) as browser:
        person = Annotator(auditor.username, auditor.password, Habits(error_rates={}), SEED)
        verdicts = audit(browser, person, GUIDELINE, key, VERDICTS)
    summary = watch.look()
    watch.say(f"the pool is scored and the queue drawn again; the auditor gave {verdicts} verdicts")
    problems = progress.shortcomings(summary)
    if problems:
        raise DemoError("; ".join(problems))
    return progress.report(summary, time.monotonic() - started, project=demo.slug, verdicts=verdicts)


def stay_up(demo: Demo, key: AnswerKey, watch: Watch) -> NoReturn:
    """Tell once more how to sign in, and let people go on labeling slowly until interrupted."""
    _tell_accounts(demo)
    print("The annotators go on labeling, slowly.", flush=True)
    watch.deadline = float("inf")
    crew = Crew(demo, key, seconds=SLOW, patient=True)
    with crew.at_work():
        while True:
            check_alive(watch.processes)
            time.sleep(LOOK)


def _tell_accounts(demo: Demo) -> None:
    width = max(len(account.username) for account in demo.accounts)
    print(f"\nWinnow is up at {demo.address}/ until you press Ctrl-C. Sign in as:")
    for account in demo.accounts:
        own = "" if account.plays else ", for you alone"
        print(f"  {account.username:{width}}  {account.password}  {account.role}{own}")
    print(flush=True)


def _wait_until_up(demo: Demo, processes: list[Process]) -> None:
    deadline = time.monotonic() + START_LIMIT
    while not is_up(demo.address):
        check_alive(processes)
        if time.monotonic() > deadline:
            raise DemoError(f"the site does not answer at {demo.address}; see {demo.folder / 'logs'}")
        time.sleep(0.2)


@contextlib.contextmanager
def _paused_at_the_end(demo: Demo) -> Iterator[None]:
    try:
        yield
    finally:
        pause(demo.folder)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """End in order: what comes after the first signal would only leave something running."""
    ignore_signals()
    print("stopping; this takes some seconds", file=sys.stderr, flush=True)
    raise KeyboardInterrupt


def _keeper_lives() -> bool:
    """Tell whether embedded PostgreSQL and Valkey run: their keeper's process id is in its lock file."""
    try:
        keeper = int((ROOT / "var" / "embedded" / "keeper.lock").read_text())
        os.kill(keeper, 0)
    except (OSError, ValueError):
        return False
    return True


def _await_keeper_end() -> None:
    """Wait for the embedded servers, which stop some seconds after their last user."""
    deadline = time.monotonic() + SERVICES_LIMIT
    while _keeper_lives() and time.monotonic() < deadline:
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
