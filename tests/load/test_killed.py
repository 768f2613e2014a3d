"""The web server and the database are killed under load: nothing that was acknowledged is lost, and work goes on."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from config.server_home import Site, choose_site
from config.servers import Server, postgres_is_ready, start_postgres
from simulation.browser import Browser
from simulation.processes import free_port
from tests.making import PATHS

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 6
PASSWORD = "quiet-harbour-91"
SHOP = f"""
import django
django.setup()
from labeling.models import User
from tests.making import make_member, make_pairs, make_project, make_round
project = make_project(overlap=2)
make_round(project, make_pairs(project, 2000))
members = [make_member(project) for _ in range({PEOPLE})]
for member in members:
    member.user.set_password({PASSWORD!r})
    member.user.save()
print(project.slug, *(member.user.username for member in members))
"""


class Database:
    """A PostgreSQL server of this test's own that can be killed and started again."""

    def __init__(self, folder: Path, ending: contextlib.ExitStack) -> None:
        control = folder / "embedded"
        control.mkdir(mode=0o755)
        (control / "users.lock").touch()
        self.site: Site = choose_site(control)
        self.ending = ending
        ending.callback(shutil.rmtree, self.site.home, ignore_errors=True)
        self.start()

    def start(self) -> None:
        self.server: Server = start_postgres(self.site, self.ending)
        wait_until(lambda: postgres_is_ready(self.site, self.server.process.pid))

    def kill(self) -> None:
        """Kill the postmaster first, so that it cannot put anything right, then all of its children."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.server.process.pid)], capture_output=True, text=True, check=True
        )
        self.server.process.kill()
        for pid in map(int, found.stdout.split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.process.wait()


class Web:
    """A gunicorn that can be killed and started again on the same port."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment, self.log = environment, log
        self.port = free_port(0)
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        gunicorn = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*gunicorn, "--workers", "2", "--threads", "4"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self.answers)

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Crowd:
    """Annotators who sign in once and judge until told to stop; the keys of what they were told is stored."""

    def __init__(self, url: str, slug: str) -> None:
        self.url, self.slug = url, slug
        self.keys: list[str] = []
        self.here: list[str] = []
        self.stop = threading.Event()

    def work(self, username: str) -> None:
        with Browser(self.url, self.slug) as browser:
            browser.sign_in(username, PASSWORD)
            self.here.append(username)
            desk = browser.judge_page()
            while desk is not None and not self.stop.is_set():
                key = desk.fields["key"]
                desk = browser.submit(desk, PATHS["E"])
                self.keys.append(key)
                time.sleep(0.02)

    def go_on(self, more: int = 2 * PEOPLE) -> None:
        """Wait until so many more judgments are acknowledged."""
        wanted = len(self.keys) + more
        wait_until(lambda: len(self.keys) >= wanted)


def wait_until(condition: Callable[[], bool], limit: float = 60) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def ending() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.skipif(shutil.which("pgrep") is None, reason="needs pgrep")
def test_killed_servers_lose_nothing_and_nobody_signs_in_again(ending: contextlib.ExitStack, tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="winnow-killed-"))  # unlike pytest's, one that other accounts can enter
    folder.chmod(0o755)
    ending.callback(shutil.rmtree, folder)
    database = Database(folder, ending)
    environment = os.environ | {
        "DATABASE_URL": database.site.database_url,
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": "for-tests-only-and-nowhere-else-0123456789",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "1",
    }

    def run(*command: str) -> str:
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        ).stdout

    run("manage.py", "migrate", "--no-input", "--verbosity", "0")
    slug, *usernames = run("-c", SHOP).split()
    web = Web(environment, tmp_path / "web.log")
    ending.callback(lambda: web.kill())
    crowd = Crowd(web.url, slug)
    with ThreadPoolExecutor(PEOPLE) as threads:
        working = [threads.submit(crowd.work, username) for username in usernames]
        try:
            wait_until(lambda: len(crowd.here) == PEOPLE)
            for _ in range(3):
                crowd.go_on()
                web.kill()
                web.start()
            crowd.go_on()
            database.kill()
            time.sleep(0.3)
            database.start()
            crowd.go_on(5 * PEOPLE)
        finally:
            crowd.stop.set()
        for person in working:
            person.result()

    with psycopg.connect(database.site.database_url) as connection:
        stored = connection.execute("SELECT key::text FROM labeling_judgment WHERE retired_at IS NULL").fetchall()
    assert len(set(crowd.keys)) == len(crowd.keys)
    assert set(crowd.keys) <= {key for (key,) in stored}
