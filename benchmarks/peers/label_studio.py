"""Label Studio at the work of an annotator: get the next task, submit one choice.

The pinned release in a virtual environment of its own under var/, run by gunicorn with two workers on SQLite, which
is the fastest of the set-ups that were tried (its own server and PostgreSQL were slower). Tasks come over its API,
and users, each with an account, label at once.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.database import ROOT, say
from benchmarks.load import Client, Limits, Log, Unexpected, drive

VERSION = "1.23.2"
NAME = f"Label Studio {VERSION}"
HOME = ROOT / "var" / "peers" / "label_studio"
BATCH = 5_000
START_LIMIT = 180.0
CONFIG = (
    '<View><Text name="q" value="$query"/><Text name="t" value="$title"/>'
    '<Choices name="label" toName="t" choice="single"><Choice value="E"/><Choice value="S"/>'
    '<Choice value="C"/><Choice value="I"/></Choices></View>'
)
CHOICE = {"from_name": "label", "to_name": "t", "type": "choices", "value": {"choices": ["E"]}}
ANSWER = json.dumps({"result": [CHOICE], "lead_time": 2.0})
ACCOUNTS = """
from organizations.models import Organization
from rest_framework.authtoken.models import Token
from users.models import User
organization = Organization.objects.first()
for number, key in enumerate({tokens!r}):
    user, new = User.objects.get_or_create(email="u%d@b.co" % number, defaults=dict(username="u%d" % number))
    if organization is None:
        organization = Organization.create_organization(created_by=user, title="o")
    elif new:
        organization.add_user(user)
    user.active_organization = organization
    user.save()
    Token.objects.filter(user=user).delete()
    Token.objects.create(user=user, key=key)
organization.jwt.api_tokens_enabled = organization.jwt.legacy_api_tokens_enabled = True
organization.jwt.save()
"""


@dataclass
class Labeler:
    """One user of Label Studio, known by their token."""

    address: str
    project: int
    token: str

    def sign_in(self) -> None:
        self.client = Client(self.address)
        self.headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}

    def cycle(self, log: Log) -> None:
        with log.timed("next"):
            task = self._ask("GET", f"/api/projects/{self.project}/next", None, 200)["id"]
        log.given.append(str(task))
        with log.timed("submit"):
            self._ask("POST", f"/api/tasks/{task}/annotations/", ANSWER, 201)

    def _ask(self, method: str, path: str, body: str | None, expected: int) -> Any:
        reply = self.client.request(method, path, body, self.headers)
        if reply.status != expected:
            raise Unexpected(f"{method} {path}: status {reply.status}: {reply.text[:100]}")
        return json.loads(reply.text)


def measure(tasks: int, users: int, limits: Limits, port: int) -> dict[str, Any]:
    """Fill a fresh Label Studio with tasks, and let the users label them."""
    tokens = [f"{number:040x}" for number in range(1, users + 1)]
    address = f"http://127.0.0.1:{port}"
    with _server(tokens, port):
        _wait_until_up(address)
        project = _fill(address, tokens[0], tasks)
        return drive([Labeler(address, project, token) for token in tokens], limits)


@contextlib.contextmanager
def _server(tokens: list[str], port: int) -> Iterator[None]:
    programs: Path = _install()
    code = next((HOME / "venv" / "lib").glob("python3*/site-packages/label_studio"))
    with tempfile.TemporaryDirectory(prefix="label-studio-") as data, (HOME / "log").open("w") as log:
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        environment |= {
            "DJANGO_SETTINGS_MODULE": "core.settings.label_studio",
            "DJANGO_DB": "sqlite",
            "DEBUG": "False",
            "LABEL_STUDIO_BASE_DATA_DIR": data,
            "COLLECT_ANALYTICS": "False",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "LATEST_VERSION_CHECK": "False",
            "PYTHONPATH": str(code),
        }
        options: dict[str, Any] = {"env": environment, "cwd": code, "stdout": log, "stderr": log}
        for arguments in (("migrate", "-v0"), ("shell", "-c", ACCOUNTS.format(tokens=tokens))):
            subprocess.run([programs / "python", "manage.py", *arguments], check=True, **options)
        gunicorn = [str(programs / "gunicorn"), "core.wsgi:application", "--workers", "2", "--timeout", "300"]
        server = subprocess.Popen([*gunicorn, "--bind", f"127.0.0.1:{port}"], **options)
        try:
            yield
        finally:
            server.terminate()
            server.wait(60)


def _install() -> Path:
    """Return the folder of its programs; the first time, install them."""
    environment, done = HOME / "venv", HOME / f"installed-{VERSION}"
    if not done.exists():
        say(f"Installing {NAME} into {environment}; this takes some minutes.")
        shutil.rmtree(environment, ignore_errors=True)
        venv.create(environment, with_pip=True)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"label-studio=={VERSION}", "gunicorn"], check=True, stdout=subprocess.DEVNULL)
        done.touch()
    return environment / "bin"


def _wait_until_up(address: str) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=2) as answer:  # noqa: S310
            if answer.status == 200:
                return
        time.sleep(0.5)
    raise Unexpected(f"{NAME} did not start. See {HOME / 'log'}.")


def _fill(address: str, token: str, tasks: int) -> int:
    """Make a project with so many tasks; return its id."""
    made = {"title": f"p{tasks}", "label_config": CONFIG, "maximum_annotations": 1}
    project = int(_call(address, token, "/api/projects", made)["id"])
    for first in range(0, tasks, BATCH):
        batch = [
            {
                "data": {
                    "query": f"query {number // 20}",
                    "title": f"Product number {number} with brand and attributes, blue, 12 inch",
                    "description": "a long description " * 40,
                }
            }
            for number in range(first, min(tasks, first + BATCH))
        ]
        _call(address, token, f"/api/projects/{project}/import", batch)
    return project


def _call(address: str, token: str, path: str, body: object) -> Any:
    request = urllib.request.Request(  # noqa: S310
        address + path,
        json.dumps(body).encode(),
        {"Authorization": f"Token {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310
        return json.loads(answer.read())
