"""The embedded PostgreSQL and Valkey, for when neither DATABASE_URL nor REDIS_URL is given.

Every process that uses them holds a shared lock on var/embedded/users.lock, which the kernel frees however
the process ends. A keeper, one detached process a checkout, runs both servers as its children and stops them
once nobody has held that lock for some seconds. How the servers themselves run is in config/servers.py;
where they live, and as whom, is in config/server_home.py.

Standard library only, so that a keeper is small and a deployment with URLs needs neither server's package.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from config.server_home import EmbeddedError, Site, choose_site
from config.servers import (
    STOP_LIMIT,
    Server,
    fresh_log,
    postgres_is_ready,
    start_postgres,
    start_valkey,
    tail,
    valkey_is_ready,
)

LINGER = 5.0  # seconds without a user before the servers stop
POLL = 0.25
START_LIMIT = 300.0  # long enough for crash recovery of a large database
CODE = Path(__file__).resolve().parent.parent

_users: dict[Path, int] = {}


@dataclass(frozen=True)
class Services:
    """Where the running servers answer, and the folder of psql, pg_dump and the like that fit them."""

    database_url: str
    redis_url: str
    programs: str


# The users' side.


def ensure_services(root: Path, linger: float = LINGER) -> Services:
    """Start the servers of the checkout at `root`, or join those that run, until this process ends.

    Forked children count as users, too; executed ones do not. `linger` is how many seconds the servers outlive
    their last user, if this call starts them. Raises EmbeddedError with the end of the log.
    """
    control = _control_folder(root)
    if control not in _users:
        # Waits while a keeper shuts down: it holds this lock exclusively until it is gone.
        _users[control] = _lock(control / "users.lock", fcntl.LOCK_SH)
    starter = _lock(control / "start.lock", fcntl.LOCK_EX)
    try:
        return _await_services(control, linger)
    finally:
        os.close(starter)


def stop_services(root: Path) -> bool:
    """Stop the servers of the checkout at `root` now, whoever uses them; False if none were running."""
    lock_file = _control_folder(root) / "keeper.lock"
    signalled = 0
    deadline = time.monotonic() + 2 * STOP_LIMIT
    while _is_locked(lock_file):
        pid = int(lock_file.read_text() or 0)
        if pid and pid != signalled:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            signalled = pid
        if time.monotonic() > deadline:
            raise EmbeddedError(f"The keeper, process {pid}, did not stop. {tail(lock_file.with_suffix('.log'))}")
        time.sleep(0.02)
    return bool(signalled)


def run_command(root: Path, command: list[str]) -> int:
    """Run a command, such as psql or pg_dump, on the embedded database of `root`; returns its exit status."""
    services = ensure_services(root)
    environment = os.environ | {
        "PATH": f"{services.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "DATABASE_URL": services.database_url,
        "REDIS_URL": services.redis_url,
        "PGHOST": services.database_url.partition("host=")[2],
        "PGUSER": "postgres",
        "PGDATABASE": "winnow",
    }
    return subprocess.run(command, env=environment, check=False).returncode


def _control_folder(root: Path) -> Path:
    control = root.resolve() / "var" / "embedded"
    for folder in (control.parent, control):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            folder.chmod(0o755)  # whatever the umask: as root, the servers' account must pass through
    return control


def _lock(path: Path, mode: int) -> int:
    """Open and lock a file. The descriptor is closed on exec, kept on fork, and the kernel's to release."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise EmbeddedError(
            f"{path.parent} belongs to user id {path.parent.stat().st_uid}, this process runs as "
            f"{os.geteuid()}: run as that user, or set DATABASE_URL and REDIS_URL to servers of your own."
        ) from error
    try:
        fcntl.flock(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_locked(path: Path) -> bool:
    try:
        os.close(_lock(path, fcntl.LOCK_SH | fcntl.LOCK_NB))
    except BlockingIOError:
        return True
    return False


def _await_services(control: Path, linger: float) -> Services:
    launched = False
    while True:
        if _is_locked(control / "keeper.lock"):
            with contextlib.suppress(FileNotFoundError):
                return Services(**json.loads((control / "services.json").read_text()))
        elif launched:
            raise EmbeddedError(f"The embedded servers did not start. {tail(control / 'keeper.log')}")
        else:
            _launch_keeper(control, linger)
            launched = True
        time.sleep(0.02)


def _launch_keeper(control: Path, linger: float) -> None:
    command = [sys.executable, "-m", "config.embedded", "keep", str(control.parent.parent), str(linger)]
    with fresh_log(control / "keeper.log") as log:
        subprocess.run(command, cwd=CODE, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)


# The keeper's side.


def keep(root: Path, linger: float) -> None:
    """Become the keeper of the checkout at `root`, in a process of its own; at once over if there is one."""
    control = _control_folder(root)
    try:
        lock = _lock(control / "keeper.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    os.ftruncate(lock, 0)
    (control / "services.json").unlink(missing_ok=True)
    if os.fork():
        os._exit(0)  # what the starter waits for: from here on the child holds the lock
    os.setsid()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    try:
        _serve(choose_site(control), linger, stop)
    finally:
        os.ftruncate(lock, 0)


def _serve(site: Site, linger: float, stop: threading.Event) -> None:
    with contextlib.ExitStack() as ending:
        ending.callback(shutil.rmtree, site.sockets, ignore_errors=True)
        postgres = start_postgres(site, ending)
        servers = (postgres, start_valkey(site, ending))
        deadline = time.monotonic() + START_LIMIT
        while not (postgres_is_ready(site, postgres.process.pid) and valkey_is_ready(site)):
            _check_alive(servers)
            if time.monotonic() > deadline:
                raise EmbeddedError(f"No answer within {START_LIMIT} seconds. {tail(postgres.log)}")
            if stop.wait(0.02):
                return
        _publish(site, ending)
        _wait_for_last_user(site, servers, linger, stop)


def _publish(site: Site, ending: contextlib.ExitStack) -> None:
    path = site.control / "services.json"
    state = {
        "database_url": site.database_url,
        "redis_url": site.redis_url,
        "programs": str(site.postgres_programs),
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(state, indent=2) + "\n")
    draft.replace(path)
    ending.callback(path.unlink, missing_ok=True)


def _wait_for_last_user(site: Site, servers: Iterable[Server], linger: float, stop: threading.Event) -> None:
    """Return when told to stop, or holding users.lock alone, so that a newcomer waits until we are gone."""
    path = site.control / "users.lock"
    users = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    unused_since: float | None = None
    while not stop.wait(POLL):
        _check_alive(servers)
        if not _is_same_file(path, users):
            return  # the folder was deleted under us; its next users make another
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            unused_since = None
            continue
        unused_since = unused_since or time.monotonic()
        if time.monotonic() - unused_since >= linger:
            return
        fcntl.flock(users, fcntl.LOCK_UN)


def _check_alive(servers: Iterable[Server]) -> None:
    for server in servers:
        status = server.process.poll()
        if status is not None:
            raise EmbeddedError(f"A server ended by itself with status {status}. {tail(server.log)}")


def _is_same_file(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def main(arguments: list[str]) -> int:
    """Run `stop [FOLDER]`, `run COMMAND...`, or `keep FOLDER SECONDS`, which only ensure_services calls."""
    try:
        match arguments:
            case ["keep", root, linger]:
                keep(Path(root), float(linger))
                return 0
            case ["run", *command] if command:
                return run_command(CODE, command)
            case ["stop", *folder] if len(folder) < 2:
                stopped = stop_services(Path(folder[0]) if folder else CODE)
                sys.stderr.write("Stopped.\n" if stopped else "No embedded servers were running.\n")
                return 0
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write("Usage: python -m config.embedded stop [FOLDER] | run COMMAND [ARGUMENT...]\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
