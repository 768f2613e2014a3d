"""The Makefile and .ci/run, with an environment that only says what it is asked to do."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ECHO = '#!/bin/sh\necho "${0##*/} $*"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile and an installed environment whose programs echo their arguments."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "Procfile"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "scoring.py").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "honcho", "ruff", "mypy", "lint-imports"):
        write_program(tmp_path / ".venv" / "bin" / name, ECHO)
    (tmp_path / ".venv" / ".installed").touch()
    return tmp_path


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_make_lists_every_target(checkout: Path) -> None:
    done = make(checkout)
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), flags=re.M)
    listed = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert listed == phony.split()
    assert make(checkout, "help").stdout == done.stdout


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["demo"], "-m simulation.play"),
        (["demo", "ONCE=1"], "-m simulation.play --once"),
        (["demo", "DATA=../shared data/esci", "ONCE=1"], "-m simulation.play --data ../shared data/esci --once"),
        (["demo", "ONCE=0"], "-m simulation.play"),
        (["test"], "-m pytest -n logical --maxprocesses 4 --dist loadfile"),
        (["test", "ARGS=tests/config -x"], "-m pytest tests/config -x"),
        (["bench"], "-m benchmarks"),
        (["bench", "NAME=scoring", "ARGS=--rows 5"], "-m benchmarks.scoring --rows 5"),
        (["stop"], "-m config.embedded stop"),
    ],
)
def test_make_prints_nothing_beside_the_program_it_runs(checkout: Path, words: list[str], arguments: str) -> None:
    done = make(checkout, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"python {arguments}\n"


def test_make_lint_runs_every_check_and_stops_at_the_first_that_fails(checkout: Path) -> None:
    done = make(checkout, "lint")
    assert done.stdout.splitlines() == [
        "ruff format --check .",
        "ruff check .",
        "mypy --explicit-package-bases .",
        "lint-imports ",
        "python manage.py makemigrations --check",
    ]
    write_program(checkout / ".venv/bin/mypy", "#!/bin/sh\nexit 3\n")
    failed = make(checkout, "lint")
    assert failed.returncode != 0
    assert "lint-imports" not in failed.stdout


def test_make_bench_names_the_benchmarks_when_there_is_none_of_that_name(checkout: Path) -> None:
    done = make(checkout, "bench", "NAME=nothing")
    assert done.returncode != 0
    assert done.stdout == ""
    assert "There is no benchmark nothing." in done.stderr


def test_make_run_starts_the_processes_after_migrating(checkout: Path) -> None:
    done = make(checkout, "run")
    assert done.stderr == "python manage.py migrate --no-input --verbosity 0\n"
    assert done.stdout == "honcho start\n"


def test_make_env_refuses_an_old_python_and_says_what_to_do(checkout: Path) -> None:
    old = checkout / "python3.9"
    write_program(old, '#!/bin/sh\ntest "$1" = --version && echo Python 3.9.2 && exit 0\nexit 1\n')
    (checkout / ".venv" / ".installed").unlink()
    done = make(checkout, "demo", f"PYTHON={old}")
    assert done.returncode != 0
    assert "is Python 3.9.2. Winnow needs 3.11 or newer: make demo PYTHON=" in done.stderr
    assert done.stdout == ""


def test_make_env_refuses_a_python_that_is_not_there(checkout: Path) -> None:
    (checkout / ".venv" / ".installed").unlink()
    done = make(checkout, "env", "PYTHON=python3.99")
    assert done.returncode != 0
    assert "There is no python3.99. Winnow needs Python 3.11 or newer" in done.stderr


def test_make_env_installs_again_only_when_what_it_rests_on_changed(checkout: Path) -> None:
    assert make(checkout, "env").stdout == ""
    later = (checkout / ".venv" / ".installed").stat().st_mtime + 10
    os.utime(checkout / "constraints.txt", (later, later))
    done = make(checkout, "env")
    assert "-m pip install" in done.stderr
    assert "--constraint constraints.txt --editable .[embedded,judge,demo,dev]" in done.stderr
    assert done.stdout == ""


def test_make_clean_keeps_data_and_environment(checkout: Path) -> None:
    for folder in ("var/data", ".ruff_cache", "config/__pycache__", ".venv/__pycache__"):
        (checkout / folder).mkdir(parents=True)
    make(checkout, "clean")
    assert (checkout / "var/data").exists()
    assert (checkout / ".venv/__pycache__").exists()
    assert not (checkout / ".ruff_cache").exists()
    assert not (checkout / "config/__pycache__").exists()


@pytest.fixture
def ci(tmp_path: Path) -> Path:
    """A folder with .ci/run, and a make that records its targets and fails in those of FAIL."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    write_program(
        tmp_path / "make",
        '#!/bin/sh\necho "$*" >> "$(dirname "$0")/asked"\n'
        'test "$1" != test || echo "== 1 $FAIL, 3 passed in 0.41s =="\n'
        'case "$FAIL" in "$1") exit 2;; esac\n',
    )
    for name in ("chromium", "git"):
        write_program(tmp_path / name, "#!/bin/sh\n")
    return tmp_path


def run_ci(folder: Path, fail: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "FAIL": fail}
    return subprocess.run([folder / ".ci/run"], env=environment, capture_output=True, text=True, check=False)


def test_ci_runs_lint_tests_and_demo_and_ends_with_pytests_line(ci: Path) -> None:
    done = run_ci(ci, "nothing")
    assert done.returncode == 0, done.stderr
    assert (ci / "asked").read_text().splitlines() == ["env", "lint", "test", "demo ONCE=1"]
    assert done.stdout.splitlines()[-1] == "== 1 nothing, 3 passed in 0.41s =="


@pytest.mark.parametrize("target", ["lint", "test", "demo"])
def test_ci_fails_with_any_of_its_parts(ci: Path, target: str) -> None:
    done = run_ci(ci, target)
    assert done.returncode != 0
    assert (ci / "asked").read_text().splitlines()[-1].split()[0] == target
