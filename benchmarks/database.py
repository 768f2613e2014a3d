"""Databases of a benchmark's own, in the server of DATABASE_URL or the embedded one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from config.embedded import ensure_services

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server, by an environment that points at one of its databases, and a prefix for new ones."""

    environment: dict[str, str]
    prefix: str

    @contextmanager
    def database(self, name: str, template: str = "") -> Iterator[dict[str, str]]:
        """Make a database, as a copy of the one named, and yield the environment that points at it; drop it after."""
        created = sql.Identifier(f"{self.prefix}_{name}")
        copied = sql.Identifier(f"{self.prefix}_{template}" if template else "template0")
        url = self.environment["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(created, copied))
        try:
            own = urlsplit(url)._replace(path=f"/{self.prefix}_{name}").geturl()
            yield self.environment | {"DATABASE_URL": own}
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(created))


def own_server() -> Server:
    """Return the server of the environment, or the embedded one."""
    environment = dict(os.environ)
    if not environment.get("DATABASE_URL"):
        services = ensure_services(ROOT)
        environment |= {"DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url}
    environment.setdefault("SECRET_KEY", "only for this benchmark's own databases")
    return Server(environment, f"winnow_bench_{os.getpid()}")


def manage(environment: dict[str, str], *arguments: str) -> None:
    """Run a command of manage.py; what it says goes to standard error."""
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)


def say(text: str) -> None:
    """Tell whoever waits what is going on, away from the line of the result."""
    print(text, file=sys.stderr, flush=True)
