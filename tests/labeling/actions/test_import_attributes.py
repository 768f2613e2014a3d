"""Further columns of the examples file, kept with the pairs."""

from pathlib import Path

import pytest

from labeling.actions.imports import ImportReport, import_esci
from labeling.exchange.problem import ImportProblem
from labeling.models import AuditLogEntry, PairAttribute, Project
from tests.labeling.actions.test_imports import NOTHING, example, product, write
from tests.making import make_project

pytestmark = pytest.mark.django_db

Said = dict[str, dict[str, object]]


def run(project: Project, folder: Path, said: Said, *attributes: str) -> ImportReport:
    """Import one pair for each product in `said`, with what is said of it."""
    rows = [example("mouse", name, None) | columns for name, columns in said.items()]
    paths = write(folder, rows, [product(name) for name in said])
    return import_esci(project, *paths, None, lambda *_: None, attributes)


def stored(project: Project) -> set[tuple[str, str, str]]:
    rows = PairAttribute.objects.filter(pair__project=project)
    return set(rows.values_list("pair__product__external_id", "name", "value"))


def test_attributes_are_kept_with_their_pairs(tmp_path: Path) -> None:
    project = make_project()
    said: Said = {"P1": {"shelf": "Mice", "rank": 1}, "P2": {"shelf": None, "rank": 2}, "P3": {"shelf": "x", "rank": 3}}

    outcome = run(project, tmp_path, said, "shelf", "rank")

    assert (outcome.pairs, outcome.attributes, outcome.attributes_changed) == (3, 5, 0)
    assert stored(project) == {
        ("P1", "shelf", "Mice"),
        ("P3", "shelf", "x"),
        ("P1", "rank", "1"),
        ("P2", "rank", "2"),
        ("P3", "rank", "3"),
    }
    assert AuditLogEntry.objects.get(project=project, verb="import.esci").data["added"]["attributes"] == 5


def test_same_attributes_again_change_nothing(tmp_path: Path) -> None:
    project = make_project()
    said: Said = {"P1": {"shelf": "Mice"}, "P2": {"shelf": "Cups"}}
    run(project, tmp_path, said, "shelf")
    assert run(project, tmp_path, said, "shelf") == NOTHING


def test_changed_added_and_missing_attributes_of_pairs_that_are_known(tmp_path: Path) -> None:
    project = make_project()
    run(project, tmp_path, {"P1": {"shelf": "Mice"}, "P2": {"shelf": None}, "P3": {"shelf": "Cups"}}, "shelf")

    said: Said = {"P1": {"shelf": "Pads"}, "P2": {"shelf": "New"}, "P3": {"shelf": None}, "P4": {"shelf": "Pens"}}
    outcome = run(project, tmp_path, said, "shelf")

    assert (outcome.pairs, outcome.attributes, outcome.attributes_changed) == (1, 2, 1)
    assert stored(project) == {
        ("P1", "shelf", "Pads"),
        ("P2", "shelf", "New"),
        ("P3", "shelf", "Cups"),
        ("P4", "shelf", "Pens"),
    }


def test_attributes_come_later_to_pairs_that_are_there(tmp_path: Path) -> None:
    project = make_project()
    said: Said = {"P1": {"shelf": "Mice"}}
    run(project, tmp_path, said)
    assert stored(project) == set()
    assert run(project, tmp_path, said, "shelf").attributes == 1
    assert stored(project) == {("P1", "shelf", "Mice")}


def test_columns_that_nobody_asks_for_are_not_read(tmp_path: Path) -> None:
    project = make_project()
    run(project, tmp_path, {"P1": {"shelf": "x" * 500, "tags": ["a list"]}})
    assert stored(project) == set()


def test_attribute_that_cannot_be_used_leaves_nothing_behind(tmp_path: Path) -> None:
    project = make_project()
    with pytest.raises(ImportProblem, match=r"row 2, column shelf: found .* expected at most 200 characters"):
        run(project, tmp_path, {"P1": {"shelf": "x"}, "P2": {"shelf": "x" * 201}}, "shelf")
    assert not project.pairs.exists()


def test_row_that_the_pool_keeps_speaks_for_its_pair(tmp_path: Path) -> None:
    project = make_project()
    rows = [
        example("mouse", "P1", None) | {"shelf": "first"},
        example("mouse", "P1", "E") | {"shelf": "labeled"},
        example("mouse", "P2", None) | {"shelf": "first"},
        example("mouse", "P2", None) | {"shelf": "second"},
    ]
    paths = write(tmp_path, rows, [product("P1"), product("P2")])
    import_esci(project, *paths, None, lambda *_: None, ["shelf"])
    assert stored(project) == {("P1", "shelf", "labeled"), ("P2", "shelf", "first")}
