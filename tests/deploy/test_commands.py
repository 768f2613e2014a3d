"""Every command of the containers runs outside one, against servers that are given by URL, and shows its health."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from config.embedded import Services, ensure_services, stop_services

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


@pytest.fixture(scope="module")
def servers() -> Iterator[Services]:
    folder = Path(tempfile.mkdtemp(prefix="winnow-test-"))
    folder.chmod(0o755)
    yield ensure_services(folder)
    stop_services(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def environment(servers: Services, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a container sets, with the migrations done by its own command."""
    given = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "SECRET_KEY": "only-for-this-test",
        "WINNOW_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "PORT": str(free_port()),
        "WEB_CONCURRENCY": "2",
        "PYTHONUNBUFFERED": "1",
    }
    migrate = SERVICES["migrate"]["command"].split()
    done = subprocess.run(migrate, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return given


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def health_check(name: str, environment: dict[str, str]) -> int:
    """Run the service's health check as Docker would; its exit status."""
    test = SERVICES[name]["healthcheck"]["test"]
    command = ["sh", "-c", test] if isinstance(test, str) else test[1:]
    words = [word.replace("$$", "$").replace(":8000/", f":{environment['PORT']}/") for word in command]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, check=False).returncode


@contextmanager
def running(name: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            SERVICES[name]["command"].split(), cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.worker
@pytest.mark.parametrize("name", ["web", "worker", "gpu", "beat"])
def test_command_gets_healthy_and_ends_on_sigterm(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert health_check(name, environment) != 0
    with running(name, environment, log) as process:
        deadline = time.monotonic() + 90
        while health_check(name, environment) != 0:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
