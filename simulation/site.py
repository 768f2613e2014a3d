"""Setting up a demo: its data, its accounts, its project, its processes."""

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from simulation.answer_key import AnswerKey, read_generated_key, read_labeled_key
from simulation.catalog import CATEGORY, write_catalog
from simulation.processes import Process, ended, free_port, ignore_signals, read_procfile, start, stop
from simulation.real_pool import build_real_pool

ROOT = Path(__file__).resolve().parent.parent
PORT = 8000
QUERIES = 220
SEED = 7
ANNOTATORS = ("ada", "ben", "chi", "dev", "eli", "fay")
START_LIMIT = 120.0

# A first round of this size gives the adapter enough to learn from and to be measured on, within minutes.
BATCH = 1_000
SETTINGS: Mapping[str, object] = {
    "overlap": 2,
    "max_overlap": 3,
    "batch_size": BATCH,
    "train_after": BATCH * 85 // 100,
    "check_seconds": 5,
    "shard_size": 1_000,
    # Gold pairs show how people do. The mark is so low that no simulated annotator is paused in the middle of a turn.
    "gold_share": 0.03,
    "pass_mark": 0.5,
}
GOLD = 40

Say = Callable[[str], None]


class DemoError(RuntimeError):
    """The demo cannot go on; the message is in plain words."""


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in; the password was drawn for this run. `plays`: the simulation acts for them."""

    username: str
    role: str
    password: str = field(repr=False)
    plays: bool = True


@dataclass(frozen=True)
class Data:
    """The two official files of the demo's pool, the answers to them, and which further columns are attributes.

    `about` says in words what the pool is made of.
    """

    examples: Path
    products: Path
    key: AnswerKey
    about: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Demo:
    """One run: its project and folder, its accounts, and where the site answers."""

    slug: str
    folder: Path
    accounts: tuple[Account, ...]
    address: str

    def of_role(self, role: str) -> list[Account]:
        """Return the accounts of a role that the simulation acts for."""
        return [account for account in self.accounts if account.role == role and account.plays]


def new_demo(root: Path = ROOT) -> Demo:
    """Name a new run. Names are drawn, so that runs on one database do not meet."""
    run = secrets.token_hex(2)
    names = [("lead", "lead"), ("auditor", "auditor"), *((name, "annotator") for name in ANNOTATORS)]
    played = [Account(f"{name}-{run}", role, secrets.token_urlsafe(12)) for name, role in names]
    accounts = (Account(f"you-{run}", "annotator", secrets.token_urlsafe(12), plays=False), *played)
    port = free_port(int(os.environ.get("PORT", PORT)))
    return Demo(f"demo-{run}", root / "var" / "demo" / f"demo-{run}", accounts, f"http://127.0.0.1:{port}")


def prepare_data(given: Path | None, folder: Path) -> Data:
    """Make the pool of the ESCI files in the folder given, or of a made-up catalog.

    Raises DemoError where the files are missing, or not what they should be.
    """
    if given is None:
        catalog = write_catalog(folder, QUERIES, SEED)
        about = f"{catalog.query_count:,} made-up queries, {sum(catalog.labels.values()):,} pairs"
        return Data(catalog.examples, catalog.products, read_generated_key(catalog.answer_key), about, (CATEGORY,))
    try:
        pool = build_real_pool(given, folder, SEED)
    except (OSError, ValueError) as error:
        raise DemoError(str(error)) from error
    about = (
        f"{pool.queries:,} queries with {pool.labeled:,} labeled pairs, "
        f"and {pool.unlabeled:,} pairs put together at random"
    )
    return Data(pool.examples, pool.products, read_labeled_key(pool.examples), about)


def set_up(demo: Demo, data: Data, say: Say) -> None:
    """Make the database's tables, the project and its members, and import the pool."""
    say("setting up the database")
    manage("migrate", "--no-input", "--verbosity", "0")
    manage("collectstatic", "--no-input", "--verbosity", "0")
    _pause_unfinished(demo.folder.parent)
    (demo.folder / "unfinished").touch()
    manage("create_project", demo.slug, "--name", "Demo shop")
    manage("configure_project", demo.slug, *(f"{name}={value}" for name, value in SETTINGS.items()))
    for account in demo.accounts:
        manage(
            *("add_member", demo.slug, account.username, "--role", account.role),
            *("--password-env", "WINNOW_DEMO_PASSWORD"),
            WINNOW_DEMO_PASSWORD=account.password,
        )
    say("importing queries and products")
    further = [f"--attribute={name}" for name in data.attributes]
    manage("import_esci", str(data.examples), str(data.products), "--project", demo.slug, *further)
    manage("make_gold", demo.slug, "--from", "imported", "--count", str(GOLD), "--use", "check", "--seed", str(SEED))


def pause(folder: Path) -> None:
    """Stop the loop of the run in `folder`, so that it takes no worker's time when nobody plays."""
    with contextlib.suppress(DemoError):
        manage("configure_project", folder.name, "loop_enabled=false")
    (folder / "unfinished").unlink(missing_ok=True)


def _pause_unfinished(runs: Path) -> None:
    for marker in runs.glob("*/unfinished"):
        pause(marker.parent)


def manage(*arguments: str, **variables: str) -> None:
    """Run a command of manage.py with further environment variables. Raises DemoError with what it said."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        words = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise DemoError(f"`manage.py {arguments[0]}` ended with status {done.returncode}: {words}")


@contextlib.contextmanager
def running_site(demo: Demo) -> Iterator[list[Process]]:
    """Run the Procfile's processes, and end them all, whatever happens."""
    port = demo.address.rpartition(":")[2]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        # On this machine only: the demo's data and passwords are nobody else's.
        "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port} {os.environ.get('GUNICORN_CMD_ARGS', '')}".strip(),
        "WEB_CONCURRENCY": os.environ.get("WEB_CONCURRENCY", "2"),
    }
    processes: list[Process] = []
    try:
        for name, command in read_procfile(ROOT / "Procfile").items():
            processes.append(start(name, command, environment, ROOT, demo.folder / "logs"))
        yield processes
    finally:
        ignore_signals()
        stop(processes)


def is_up(address: str) -> bool:
    """Tell whether the site answers that it is well."""
    try:
        return httpx.get(f"{address}/healthz", timeout=2).is_success
    except httpx.TransportError:
        return False


def check_alive(processes: list[Process]) -> None:
    """Raise DemoError when one of the processes has ended."""
    words = ended(processes)
    if words:
        raise DemoError(words)
