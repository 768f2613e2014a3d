"""Annotators who work at the same moment and whose requests, connections and leases break."""

import datetime as dt
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from labeling.actions.judgments import Answer, Outcome, correct_judgment, skip_pair, submit_answer, undo_step
from labeling.actions.queue import claim_slot, keep_lease, leave_pair
from labeling.models import Judgment, Membership, Skip, Slot
from labeling.queries.judgments import judgments_of, last_step, named_step, step_name
from labeling.queries.projects import published_guideline
from tests.load.counts import Submitted
from tests.making import PATHS

Result = TypeVar("Result")

SKIPS = ("unclear_query", "needs_evidence")
FAULT_RATE = 0.08
# What somebody does with the pair on their desk, and how often.
HABITS = {
    "answer": 60,
    "answer_twice_at_once": 10,
    "answer_again": 5,
    "skip": 4,
    "let_it_expire": 6,
    "leave": 3,
    "keep_open": 4,
    "open_tabs": 4,
    "undo": 8,
    "correct": 4,
}


class Aborted(Exception):
    """The request broke in the middle of its transaction."""


@dataclass
class Record:
    """What the annotators were told, and what happened to them; shared by all threads."""

    submitted: dict[uuid.UUID, Submitted] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    two_tabs_apart: int = 0
    over_overlap: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, event: str) -> None:
        with self.lock:
            self.events[event] += 1


@contextmanager
def fault(rng: random.Random) -> Iterator[None]:
    """Break one of the next statements: by an exception or by losing the connection."""
    left, lose = rng.randint(1, 12), rng.random() < 0.3

    def execute(run: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            if not lose:
                raise Aborted
            connection.connection.close()
        return run(*arguments)

    with connection.execute_wrapper(execute):
        yield


class Annotator:
    """One person at work. `others` runs what they do in a second tab."""

    def __init__(self, member: Membership, record: Record, others: ThreadPoolExecutor, seed: int) -> None:
        self.member, self.project, self.user = member, member.project, member.user
        self.record, self.others, self.rng = record, others, random.Random(seed)
        self.guideline = published_guideline(self.project)
        self.late: list[Answer] = []

    def work(self) -> None:
        """Do as people do until nothing is waiting, three times in a row."""
        idle = 0
        try:
            while idle < 3:
                if self.late and self.rng.random() < 0.3:
                    self.send(self.late.pop(0))
                slot = self.attempt(lambda: claim_slot(self.project, self.user))
                if slot is None:
                    idle += 1
                    time.sleep(0.05)
                    continue
                idle = 0
                habit = self.rng.choices(list(HABITS), list(HABITS.values()))[0]
                self.record.note(habit)
                getattr(self, habit)(slot)
            for answer in self.late:
                self.send(answer)
        finally:
            connection.close()

    def finish(self) -> int:
        """Judge all that is waiting, without mishaps; return how much that was."""
        count = 0
        try:
            while (slot := claim_slot(self.project, self.user)) is not None:
                self.send(self.answer_for(slot), mishaps=False)
                count += 1
        finally:
            connection.close()
        return count

    def attempt(self, call: Callable[[], Result], mishaps: bool = True) -> Result:
        """Make a request as a browser does: again, until it is answered."""
        while True:
            try:
                if not mishaps or self.rng.random() > FAULT_RATE:
                    return call()
                with fault(self.rng):
                    return call()
            except Aborted:
                self.record.note("aborted")
            except (OperationalError, InterfaceError) as error:
                self.record.note("deadlocks" if "deadlock" in str(error) else "connections lost")
                connection.close()

    def answer_for(self, slot: Slot) -> Answer:
        """Most answers to a pair are alike; the others part people."""
        number = slot.pair_id if self.rng.random() < 0.85 else self.rng.randrange(len(PATHS))
        path = list(PATHS.values())[number % len(PATHS)]
        return Answer(slot.pair_id, slot.key, self.guideline, path, seconds=self.rng.random() * 20)

    def send(self, answer: Answer, reason: str = "", mishaps: bool = True) -> Outcome:
        """Submit an answer, or a skip with its reason, and record what the server said."""

        def call() -> Outcome:
            if reason:
                return skip_pair(self.project, self.user, answer, reason)
            return submit_answer(self.project, self.user, answer)

        outcome = self.attempt(call, mishaps)
        self._keep(answer, reason, outcome)
        return outcome

    def _keep(self, answer: Answer, reason: str, outcome: Outcome) -> None:
        with self.record.lock:
            self.record.submitted.setdefault(
                answer.key, Submitted(self.user.pk, answer.pair_id, answer.path, reason, outcome)
            )
        self.record.note(f"{'skip' if reason else 'judgment'} {outcome.value}")

    def in_second_tab(self, call: Callable[[], Result]) -> "Future[Result]":
        """Make a request at the same moment as the next one, on a connection of its own."""

        def run() -> Result:
            try:
                return self.attempt(call, mishaps=False)
            finally:
                connection.close()

        return self.others.submit(run)

    def answer(self, slot: Slot) -> None:
        self.send(self.answer_for(slot))

    def answer_twice_at_once(self, slot: Slot) -> None:
        answer = self.answer_for(slot)
        other = self.in_second_tab(lambda: submit_answer(self.project, self.user, answer))
        self.send(answer)
        self._keep(answer, "", other.result())

    def answer_again(self, slot: Slot) -> None:
        """The server's reply to the first was lost."""
        answer = self.answer_for(slot)
        self.send(answer)
        assert self.attempt(lambda: submit_answer(self.project, self.user, answer)) == Outcome.REPEATED

    def skip(self, slot: Slot) -> None:
        answer = Answer(slot.pair_id, slot.key, self.guideline, "")
        self.send(answer, self.rng.choice(SKIPS))

    def let_it_expire(self, slot: Slot) -> None:
        self._expire(slot)
        self.late.append(self.answer_for(slot))
        time.sleep(self.rng.random() * 0.1)

    def leave(self, slot: Slot) -> None:
        draft = "need:yes"
        self.attempt(lambda: leave_pair(self.project, self.user, slot.pair_id, slot.key, draft))
        self._expire(slot)
        time.sleep(self.rng.random() * 0.1)

    def _expire(self, slot: Slot) -> None:
        past = timezone.now() - dt.timedelta(seconds=1)
        Slot.objects.filter(pk=slot.pk, key=slot.key, annotator=self.user, judged=False).update(leased_until=past)

    def keep_open(self, slot: Slot) -> None:
        self.attempt(lambda: keep_lease(self.project, self.user, slot.pair_id, slot.key, "need:yes"))
        self.answer(slot)

    def open_tabs(self, slot: Slot) -> None:
        self.answer(slot)
        other = self.in_second_tab(lambda: claim_slot(self.project, self.user))
        mine, theirs = self.attempt(lambda: claim_slot(self.project, self.user)), other.result()
        if mine and theirs and mine.pk != theirs.pk:
            with self.record.lock:
                self.record.two_tabs_apart += 1

    def undo(self, slot: Slot) -> None:
        self.answer(slot)
        step = last_step(self.project, self.user)
        self._taken_back(step)
        name, both = step_name(step), self.rng.random() < 0.3
        other = self.in_second_tab(lambda: self._undo_step(name)) if both else None
        self.attempt(lambda: self._undo_step(name))
        if other:
            other.result()

    def _undo_step(self, name: str) -> Slot | None:
        return undo_step(self.project, self.user, named_step(self.project, self.user, name))

    def correct(self, slot: Slot) -> None:
        old = self.rng.choice(list(judgments_of(self.project, self.user)[:5]) or [None])
        if old is not None:
            self._taken_back(old)
            path = self.rng.choice(list(PATHS.values()))
            answer = Answer(old.pair_id, uuid.uuid4(), self.guideline, path)
            outcome = self.attempt(lambda: correct_judgment(self.project, self.user, old.pk, answer))
            self._keep(answer, "", outcome)
        self.answer(slot)

    def _taken_back(self, step: Judgment | Skip | None) -> None:
        with self.record.lock:
            if step and step.key in self.record.submitted:
                self.record.submitted[step.key].taken_back = True
