"""Get a pair and submit it, as 8 users at once do in their browsers; the peer is Label Studio.

Both are served by gunicorn as a production site is, and hold 2,000 and 100,000 pairs in turn. A path of four questions
is walked in the page, so a browser makes one request a pair, whose reply is the next pair, and a heartbeat from time to
time, with what was answered so far. Nobody may be given what another has.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.database import ROOT, Server, manage, own_server, say
from benchmarks.load import Client, Limits, Log, Reply, Unexpected, drive
from benchmarks.peers import label_studio
from benchmarks.result import result_line
from simulation.processes import free_port, read_procfile, start, stop

SIZES = (2_000, 100_000)
PATH = "need:yes,type:yes,conflict:no,silent:no"
HEARTBEAT = 15.0  # seconds; static/deliver.js sends none sooner
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


@dataclass
class Annotator:
    """One person in their browser."""

    address: str
    slug: str
    username: str
    password: str

    def sign_in(self) -> None:
        self.client = Client(self.address)
        fields = dict(FIELD.findall(self._ask("GET", "/accounts/login/").text))
        fields |= {"username": self.username, "password": self.password}
        self._ask("POST", "/accounts/login/", fields, 302)
        self.fields: dict[str, str] = {}
        self.beat = time.monotonic()

    def cycle(self, log: Log) -> None:
        page = f"/p/{self.slug}/judge/"
        if not self.fields:
            with log.timed("page"):
                reply = self._ask("GET", page)
            self._take(reply, log)
        if time.monotonic() > self.beat + HEARTBEAT:
            half = {**self.fields, "path": PATH.rpartition(",")[0]}
            with log.timed("heartbeat"):
                self._ask("POST", f"{page}keep/", half)
            self.beat = time.monotonic()
        with log.timed("submit"):
            reply = self._ask("POST", page, {**self.fields, "path": PATH, "seconds": "4.2"})
        self._take(reply, log)

    def _take(self, reply: Reply, log: Log) -> None:
        """Read the first form of the desk, as it will be sent."""
        self.fields = {}
        form = reply.text.partition('id="walk"')[2].partition("</form>")[0]
        found = dict(FIELD.findall(form))
        if "pair" not in found:
            raise Unexpected(f"no pair on the desk: {reply.text[:100]!r}")
        self.fields = found
        log.given.append(found["pair"])

    def _ask(self, method: str, path: str, fields: dict[str, str] | None = None, expected: int = 200) -> Reply:
        htmx = {"HX-Request": "true"} if fields and "pair" in fields else {}
        reply = self.client.request(method, path, urlencode(fields) if fields else None, FORM | htmx)
        if reply.status != expected:
            raise Unexpected(f"{method} {path}: status {reply.status}: {reply.text[:100]!r}")
        return reply


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=label_cycle", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--warm-up", type=float, default=4.0)
    parser.add_argument("--no-peer", action="store_true", help="leave Label Studio out; then there is no ratio")
    options = parser.parse_args()
    server, ours, theirs = own_server(), {}, {}
    for size in options.sizes:
        # Of the smaller pool nobody is to find the end.
        limits = Limits(options.warm_up, options.seconds, cycles=size * 9 // 10 // options.users)
        if not options.no_peer:
            say(f"Label Studio with {size:,} tasks.")
            theirs[size] = label_studio.measure(size, options.users, limits, free_port(0))
        say(f"Winnow with {size:,} pairs.")
        ours[size] = _measure(server, size, options.users, limits)
    largest = max(options.sizes)
    details = {"users": options.users, "winnow": ours, "label_studio": theirs}
    value = ours[largest]["cycles_per_s"]
    if options.no_peer:
        print(json.dumps({"name": "label_cycle", "value": value, "unit": "cycles/s", **details}))
        return
    peer = theirs[largest]["cycles_per_s"]
    print(result_line("label_cycle", value, "cycles/s", peer=label_studio.NAME, peer_value=peer, **details))


def _measure(server: Server, pairs: int, users: int, limits: Limits) -> dict[str, Any]:
    """Make a shop of so many pairs in a database of its own, serve it, and let its annotators judge."""
    with server.database(f"cycle_{pairs}") as environment:
        manage(environment, "migrate", "--no-input", "--verbosity", "0")
        manage(environment, "collectstatic", "--no-input", "--verbosity", "0")
        command = [sys.executable, "-m", "tests.load.shop", str(pairs), "--people", str(users)]
        queue = ["--queue", str(min(pairs, 20_000))]
        done = subprocess.run([*command, *queue], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
        shop = json.loads(done.stdout.splitlines()[-1])
        with _site(environment) as address:
            people = [Annotator(address, shop["slug"], name, shop["password"]) for name in shop["users"]]
            return drive(people, limits)


@contextmanager
def _site(environment: dict[str, str]) -> Iterator[str]:
    """Run the web process of the Procfile; yield its address."""
    port = free_port(0)
    environment = {
        **environment,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",
        "WEB_CONCURRENCY": environment.get("WEB_CONCURRENCY", "2"),
        "DEBUG": "false",
    }
    command = read_procfile(ROOT / "Procfile")["web"]
    web = start("web", command, environment, ROOT, ROOT / "var" / "bench")
    try:
        _wait_until_up(f"http://127.0.0.1:{port}", web.log.read_text)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop([web])


def _wait_until_up(address: str, log: Any) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"{address}/healthz", timeout=2) as answer:  # noqa: S310
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise Unexpected(f"Winnow did not start:\n{log()[-2000:]}")


if __name__ == "__main__":
    main()
