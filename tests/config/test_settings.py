"""Settings, read by a process of its own in a folder of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import stop_services
from config.server_home import ROOT_HOME

CODE = Path(__file__).parents[2]
URLS = {"DATABASE_URL": "postgresql://w:p@db.example:5433/w", "REDIS_URL": "redis://valkey.example:6380/2"}
KEY = {"SECRET_KEY": "k" * 50}


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A checkout with nothing in it but config."""
    shutil.copytree(CODE / "config", tmp_path / "config", ignore=shutil.ignore_patterns("__pycache__"))
    yield tmp_path
    if (tmp_path / "var").exists():
        stop_services(tmp_path)
        remove_home(tmp_path / "var/embedded/keeper.log")


def remove_home(log: Path) -> None:
    """Remove what root's servers keep elsewhere because pytest's temporary folders are closed."""
    _, said, home = log.read_text().strip().rpartition("the data is in ")
    if said and Path(home).parent == ROOT_HOME:
        shutil.rmtree(home)


def read(checkout: Path, given: dict[str, str], *names: str) -> dict[str, object]:
    """The named settings under these variables and no others; CalledProcessError if they cannot be read."""
    code = (
        "import json, sys; from config import settings; "
        "print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))"
    )
    environment = {"PATH": os.environ["PATH"], **given}
    command = [sys.executable, "-c", code, *names]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def refusal(checkout: Path, given: dict[str, str]) -> str:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        read(checkout, given)
    return str(caught.value.stderr)


def test_settings_with_urls_touch_nothing_embedded(checkout: Path) -> None:
    found = read(checkout, URLS | KEY, "DATABASES", "REDIS_URL", "CELERY_BROKER_URL", "EMBEDDED")
    database = found["DATABASES"]["default"]  # type: ignore[index]
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "w")
    assert found["REDIS_URL"] == found["CELERY_BROKER_URL"] == URLS["REDIS_URL"]
    assert found["EMBEDDED"] is False
    assert not (checkout / "var").exists()


def test_settings_without_urls_start_servers_under_var(checkout: Path) -> None:
    found = read(checkout, {}, "DATABASES", "REDIS_URL", "CELERY_BROKER_URL", "EMBEDDED", "SECRET_KEY")
    database = found["DATABASES"]["default"]  # type: ignore[index]
    assert database["NAME"] == "winnow"
    assert (checkout / "var/embedded/services.json").exists()
    assert found["REDIS_URL"] == f"unix://{database['OPTIONS']['host']}/valkey.sock"
    assert str(found["CELERY_BROKER_URL"]).startswith(f"redis+socket://{database['OPTIONS']['host']}/valkey.sock")
    assert found["EMBEDDED"] is True
    assert len(str(found["SECRET_KEY"])) >= 50
    assert read(checkout, {}, "SECRET_KEY")["SECRET_KEY"] == found["SECRET_KEY"]


@pytest.mark.parametrize(("given", "missing"), [("DATABASE_URL", "REDIS_URL"), ("REDIS_URL", "DATABASE_URL")])
def test_settings_with_one_url_name_the_other(checkout: Path, given: str, missing: str) -> None:
    assert f"{missing} is not set" in refusal(checkout, KEY | {given: URLS[given]})
    assert not (checkout / "var").exists()


def test_settings_with_urls_want_a_secret_key(checkout: Path) -> None:
    assert "SECRET_KEY is not set" in refusal(checkout, URLS)


def test_settings_refuse_picture_hosts_that_are_no_origins(checkout: Path) -> None:
    message = refusal(checkout, URLS | KEY | {"IMAGE_HOSTS": "https://a.example,b.example"})
    assert "IMAGE_HOSTS: 'b.example'" in message


@pytest.mark.parametrize(
    ("name", "value"), [("TRAINING_PROCESSES", "0"), ("TRAINING_LAUNCH", "mpi"), ("SCORING_ENGINE", "fast")]
)
def test_settings_refuse_what_cannot_train_or_score(checkout: Path, name: str, value: str) -> None:
    assert f"{name}: expected" in refusal(checkout, URLS | KEY | {name: value})


def test_settings_refuse_a_place_for_adapters_that_is_no_url(checkout: Path) -> None:
    assert "ADAPTERS_URL: expected a URL" in refusal(checkout, URLS | KEY | {"ADAPTERS_URL": "bucket/adapters"})
    found = read(checkout, URLS | KEY | {"ADAPTERS_URL": "s3://bucket/adapters/"}, "ADAPTERS_URL")
    assert found == {"ADAPTERS_URL": "s3://bucket/adapters"}


def test_settings_take_values_from_the_env_file_unless_the_environment_has_them(checkout: Path) -> None:
    lines = [
        f"{name}={value}" for name, value in (URLS | KEY | {"LOG_LEVEL": "ERROR", "TIME_ZONE": "Asia/Tokyo"}).items()
    ]
    (checkout / ".env").write_text("\n".join(lines))
    found = read(checkout, {"LOG_LEVEL": "DEBUG"}, "LOG_LEVEL", "TIME_ZONE")
    assert found == {"LOG_LEVEL": "DEBUG", "TIME_ZONE": "Asia/Tokyo"}


def test_settings_behind_tls_secure_the_cookies(checkout: Path) -> None:
    found = read(checkout, URLS | KEY | {"SECURE": "true"}, "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    assert found == {"SESSION_COOKIE_SECURE": True, "CSRF_COOKIE_SECURE": True}


def test_settings_of_compose_allow_empty_lists(checkout: Path) -> None:
    empty = {"CSRF_TRUSTED_ORIGINS": "", "IMAGE_HOSTS": ""}
    found = read(checkout, URLS | KEY | empty, "CSRF_TRUSTED_ORIGINS", "IMAGE_HOSTS")
    assert found == {"CSRF_TRUSTED_ORIGINS": [], "IMAGE_HOSTS": []}
