"""Users at work against a running server: so many at once, for a bounded time, in processes of their own."""

import http.client
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Protocol
from urllib.parse import urlsplit

PROCESSES = 2
TIMEOUT = 120.0


class Unexpected(Exception):
    """The server's answer is not the one that the work goes on with."""


@dataclass(frozen=True)
class Reply:
    status: int
    text: str


class Client:
    """One browser's connection, kept open, with its cookies."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=TIMEOUT)
        self.cookies: dict[str, str] = {}

    def request(self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] = {}) -> Reply:
        """Ask; once more on a new connection where the server has closed the one that was open."""
        sent = dict(headers)
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            return self._once(method, path, body, sent)
        except (http.client.RemoteDisconnected, ConnectionError):
            self.connection.close()
            return self._once(method, path, body, sent)

    def _once(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Reply:
        self.connection.request(method, path, body.encode() if body is not None else None, headers)
        reply = self.connection.getresponse()
        for name, value in reply.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, held = value.partition(";")[0].partition("=")
                self.cookies[cookie] = held
        return Reply(reply.status, reply.read().decode())


@dataclass
class Log:
    """What one or several users did: cycles, the seconds of each kind of request, what they were given, errors."""

    cycles: int = 0
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    given: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ended: float = 0.0

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name].append(time.perf_counter() - started)

    def add(self, other: "Log") -> None:
        self.cycles += other.cycles
        self.given += other.given
        self.errors += other.errors
        self.ended = max(self.ended, other.ended)
        for name, seconds in other.seconds.items():
            self.seconds[name] += seconds


class User(Protocol):
    """Somebody who labels. A cycle is one thing got and one thing submitted."""

    def sign_in(self) -> None: ...

    def cycle(self, log: Log) -> None: ...


@dataclass(frozen=True)
class Limits:
    """How long users work, and how many cycles each does at most; what they do in the warm-up is not measured."""

    warm_up: float
    seconds: float
    cycles: int


def drive(users: Sequence[User], limits: Limits) -> dict[str, Any]:
    """Let all users work at once; return cycles a second, percentiles in milliseconds, and what went wrong."""
    parts = [users[number::PROCESSES] for number in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as processes:
        # Everybody is signed in before anybody begins.
        begin = get_context("spawn").Manager().Barrier(PROCESSES)
        logs = [running.result() for running in [processes.submit(_work, part, limits, begin) for part in parts]]
    total = Log()
    for _, log in logs:
        total.add(log)
    wall = total.ended - min(begun for begun, _ in logs)
    times = Counter(total.given)
    return {
        "cycles_per_s": round(total.cycles / wall, 2),
        "cycles": total.cycles,
        "seconds": round(wall, 1),
        **{f"{name}_p{p}_ms": _percentile(log, p) for name, log in total.seconds.items() for p in (50, 95)},
        "given_twice": sum(count - 1 for count in times.values()),
        "errors": len(total.errors),
        "first_errors": total.errors[:3],
    }


def _work(users: Sequence[User], limits: Limits, begin: threading.Barrier) -> tuple[float, Log]:
    """Run some of the users in threads; return when the counted time began and what they did."""
    total = Log()
    with ThreadPoolExecutor(len(users)) as threads:
        list(threads.map(lambda user: user.sign_in(), users))
        begin.wait(TIMEOUT)
        begun = time.time() + limits.warm_up
        for log in threads.map(lambda user: _label(user, limits, begun), users):
            total.add(log)
    return begun, total


def _label(user: User, limits: Limits, begun: float) -> Log:
    log, warm_up = Log(), Log()
    while time.time() < begun + limits.seconds and log.cycles + warm_up.cycles < limits.cycles:
        current = log if time.time() >= begun else warm_up
        try:
            user.cycle(current)
            current.cycles += 1
        except (Unexpected, OSError, http.client.HTTPException) as error:
            log.errors.append(f"{type(error).__name__}: {error}"[:200])
            time.sleep(0.1)
    log.ended = time.time()
    log.given += warm_up.given
    log.errors += warm_up.errors
    return log


def _percentile(seconds: Sequence[float], percent: int) -> float:
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000, 1)
