"""What all tests share: committed rows for tests with several connections, and a whole running Winnow."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases
from django.utils import translation
from pytest_django.plugin import DjangoDbBlocker

ROOT = Path(__file__).resolve().parent.parent
# Away from a Winnow that runs in the same checkout, from other test runs, and from the other processes of this run: of
# those there are at most four, numbered gw0 to gw3. Valkey has 16 databases; the first 8 are not for tests.
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
RUN = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
BROKER_DATABASE = 8 + (4 * RUN + int(PROCESS.removeprefix("gw"))) % 8
DATABASE = f"test_winnow_{os.getpid()}"


@dataclass(frozen=True)
class Site:
    """A running Winnow on the test database: its address, data folder and processes by name."""

    url: str
    data: Path
    environment: dict[str, str]
    processes: dict[str, "subprocess.Popen[bytes]"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make a test database of this run's own, whichever tests are in it."""
    connection.settings_dict["TEST"]["NAME"] = DATABASE
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:  # of processes that were killed while the server was still at their work
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [DATABASE],
            )
        teardown_databases(made, verbosity=0)


@pytest.fixture(autouse=True, scope="session")
def own_broker() -> None:
    """Send tasks to a database of Valkey that only these tests use, and cache there."""
    settings.REDIS_URL = test_redis_url()
    settings.CACHES["default"]["LOCATION"] = settings.REDIS_URL
    path = urlsplit(settings.REDIS_URL)
    settings.CELERY_BROKER_URL = (
        f"redis+socket://{path.path}?virtual_host={BROKER_DATABASE}" if path.scheme == "unix" else settings.REDIS_URL
    )
    with closing(redis.Redis.from_url(settings.REDIS_URL)) as broker:
        broker.flushdb()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Start each test in English: a request leaves its language with the thread, and the next request sets its own."""
    with translation.override("en"):
        yield


def test_redis_url() -> str:
    """Return the broker's URL with the tests' own database."""
    parts = urlsplit(settings.REDIS_URL)
    if parts.scheme == "unix":
        return f"unix://{parts.path}?db={BROKER_DATABASE}"
    return parts._replace(path=f"/{BROKER_DATABASE}").geturl()


test_redis_url.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let a test commit, for threads and processes of its own. It makes its own project and leaves it there.

    The loops of what is left are switched off, so that the workers of later tests are not busy with them.
    """
    with django_db_blocker.unblock():
        yield
        apps.get_model("labeling", "Project")._default_manager.filter(loop_enabled=True).update(loop_enabled=False)
        connections.close_all()


@pytest.fixture(scope="session")
def site(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Run the web server, both workers and beat as processes on the test database."""
    folder = tmp_path_factory.mktemp("site")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with django_db_blocker.unblock():
        database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = os.environ | {
        "DATABASE_URL": database,
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": "for-tests-only-and-nowhere-else-0123456789",
        "DEBUG": "1",
        "WINNOW_DATA_DIR": str(folder / "data"),
        "LOG_LEVEL": "INFO",
        "IMAGE_HOSTS": "https://pictures.example",
        "PYTHONWARNINGS": "default",
    }
    settings.DATA_DIR = folder / "data"
    celery = [sys.executable, "-m", "celery", "-A", "worker.app"]
    commands = {
        "web": [sys.executable, "-m", "gunicorn", "config.wsgi", "-b", f"127.0.0.1:{port}", "--threads", "4"],
        "worker": [
            *celery,
            "worker",
            "-I",
            "worker.default",
            "-Q",
            "default",
            "-c",
            "1",
            "-n",
            "default@test",
            "-l",
            "INFO",
        ],
        "gpu": [*celery, "worker", "-I", "worker.gpu", "-Q", "gpu", "-c", "1", "-n", "gpu@test", "-l", "INFO"],
        "beat": [*celery, "beat", "--scheduler", "celery.beat:Scheduler", "--pidfile", str(folder / "beat.pid")],
    }
    processes = {
        name: start_process(command, environment, folder / f"{name}.log") for name, command in commands.items()
    }
    found = Site(f"http://127.0.0.1:{port}", folder / "data", environment, processes)
    try:
        _wait_until_up(found, folder)
        yield found
    finally:
        for process in processes.values():
            os.killpg(process.pid, signal.SIGTERM)
        for process in processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


def start_process(command: list[str], environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a process of the site in a group of its own; what it says goes to `log`."""
    """Start a process that writes its log to a file, with a process group of its own."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )


def _wait_until_up(site: Site, folder: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        for name, process in site.processes.items():
            if process.poll() is not None:
                pytest.fail(f"{name} ended: {(folder / f'{name}.log').read_text()[-3000:]}")
        ready = [b" ready." in (folder / f"{name}.log").read_bytes() for name in ("worker", "gpu")]
        if all(ready) and _answers(site.url):
            return
        time.sleep(0.2)
    pytest.fail("The site did not come up: " + (folder / "gpu.log").read_text()[-3000:])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False
