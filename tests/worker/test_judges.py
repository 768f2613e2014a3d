"""The judges that a worker keeps in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from labeling.models import Adapter
from modeling.judge.memory import OutOfMemory
from modeling.judge.store import StoreError
from tests.labeling.acting import make_adapter
from tests.making import make_project
from worker import judges

pytestmark = [pytest.mark.django_db, pytest.mark.training]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> Iterator[list[list[str]]]:
    """The places that were loaded together, one list a time; a judge is its place here."""
    settings.DATA_DIR = tmp_path
    found: list[list[str]] = []

    def load(folders: list[Path], engine: str, cache: Path) -> list[str]:
        found.append([folder.name for folder in folders])
        return [folder.name for folder in folders]

    monkeypatch.setattr(judges, "load_judges", load)
    monkeypatch.setattr(judges, "leave_a_core", lambda: None)
    for name in "abcde":  # what local_folder asks of a folder is that it is there
        (tmp_path / "adapters" / name).mkdir(parents=True)
    judges.forget_judges()
    yield found
    judges.forget_judges()


def adapters(count: int) -> list[Adapter]:
    """Make adapters of several projects, whose artifacts are in folders a, b, c."""
    made = [make_adapter(make_project()) for _ in range(count)]
    for adapter, name in zip(made, "abcdefgh", strict=False):
        adapter.artifact = f"adapters/{name}"
    return made


def asked(*wanted: Adapter) -> list[Any]:
    return judges.judges_of(wanted)


def test_judges_of_jobs_that_take_turns_are_loaded_once_and_together(loaded: list[list[str]]) -> None:
    a, b, _ = adapters(3)
    assert asked(a) == ["a"]
    assert asked(a) == ["a"]
    assert loaded == [["a"]]
    for _ in range(3):
        assert asked(b, a) == ["b", "a"]
        assert asked(b) == ["b"]
    assert loaded == [["a"], ["b", "a"]]


def test_judges_that_were_asked_longest_ago_are_let_go(loaded: list[list[str]]) -> None:
    a, b, c, d, e = adapters(5)
    for adapter in (a, b, c, d):
        asked(adapter)
    asked(a)
    asked(e)
    assert loaded[-1] == ["c", "d", "a", "e"]
    asked(b)
    assert loaded[-1] == ["d", "a", "e", "b"]


@pytest.mark.parametrize("error", [OutOfMemory("full"), StoreError("away"), FileNotFoundError("pruned")])
def test_judges_that_cannot_be_kept_do_not_keep_others_from_work(
    loaded: list[list[str]], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    a, b = adapters(2)
    asked(a)

    def full(folders: list[Path], engine: str, cache: Path) -> Any:
        if len(folders) > 1:
            raise error
        loaded.append([folder.name for folder in folders])
        return loaded[-1]

    monkeypatch.setattr(judges, "load_judges", full)
    assert asked(b) == ["b"]
    assert loaded == [["a"], ["b"]]
    with pytest.raises(type(error)):
        asked(a, b)
