"""The command that imports the official files."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from labeling.actions.imports import start_import
from labeling.actions.jobs import cancel_job
from labeling.management.commands import import_esci
from labeling.models import Job, PairAttribute, Project
from tests.labeling.actions.test_imports import example, product, write
from tests.making import make_project

pytestmark = pytest.mark.usefixtures("committed")


def run(project: Project, paths: tuple[Path, Path], *more: str) -> str:
    output = StringIO()
    call_command("import_esci", *map(str, paths), "--project", project.slug, *more, stdout=output)
    return output.getvalue()


def test_import_esci_says_what_it_added_and_keeps_it_in_a_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project()
    paths = write(tmp_path, [example("q", "P1"), example("q", "P2", None)], [product("P1"), product("P2")])

    assert run(project, paths) == "Added: 1 queries, 2 products, 2 revisions, 2 pairs, 1 labels.\n"
    assert run(project, paths) == "Everything in these files was there already.\n"

    assert "100%" in capsys.readouterr().err
    last, first = Job.objects.filter(project=project)
    assert (first.kind, first.state, first.result["pairs"], last.result["pairs"]) == ("import", "done", 2, 0)


def test_import_esci_keeps_the_attributes_that_are_asked_for(tmp_path: Path) -> None:
    project = make_project()
    rows = [
        example("q", "P1", None) | {"shelf": "Mice", "rank": 1},
        example("q", "P2", None) | {"shelf": "", "rank": 2},
    ]
    paths = write(tmp_path, rows, [product("P1"), product("P2")])

    said = run(project, paths, "--attribute", "shelf", "--attribute", "rank")

    assert said == "Added: 1 queries, 2 products, 2 revisions, 2 pairs, 3 attributes.\n"
    kept = PairAttribute.objects.filter(pair__project=project).order_by("name", "value")
    assert list(kept.values_list("name", "value")) == [("rank", "1"), ("rank", "2"), ("shelf", "Mice")]


def test_import_esci_names_the_column_that_is_not_there(tmp_path: Path) -> None:
    project = make_project()
    paths = write(tmp_path, [example("q", "P1")], [product("P1")])

    with pytest.raises(
        CommandError, match=r"examples\.parquet, column shelf: found only example_id, .*Nothing was stor"
    ):
        run(project, paths, "--attribute", "shelf")


def test_import_esci_fails_with_the_place_and_nothing_stored(tmp_path: Path) -> None:
    project = make_project()
    paths = write(tmp_path, [example("q", "P1"), example("q", "GONE")], [product("P1")])

    with pytest.raises(CommandError, match=r"row 2, column product_id: found 'GONE'.* Nothing was stored\."):
        run(project, paths)

    job = Job.objects.get(project=project)
    assert (job.state, "row 2" in job.message) == (Job.State.FAILED, True)
    assert not project.products.exists()


def test_import_esci_waits_for_nobody(tmp_path: Path) -> None:
    project = make_project()
    paths = write(tmp_path, [example("q", "P1")], [product("P1")])
    running = start_import(project, None, *paths)
    assert running is not None

    with pytest.raises(CommandError, match="already under way"):
        run(project, paths)


def test_import_esci_stops_when_its_job_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project()
    paths = write(tmp_path, [example("q", "P1")], [product(f"P{n}") for n in range(100_000)])
    monkeypatch.setattr(import_esci, "BEAT", 0.001)
    cancelled: list[bool] = []

    def cancel(job: Job, done: int, total: int) -> bool:
        if not cancelled:
            cancelled.append(cancel_job(job, None))
        return False

    monkeypatch.setattr(import_esci, "report_progress", cancel)

    with pytest.raises(CommandError, match=r"was cancelled\. Nothing was stored"):
        run(project, paths)

    assert cancelled == [True]
    assert Job.objects.get(project=project).state == Job.State.CANCELLED
    assert not project.products.exists()


def test_import_esci_names_the_projects_there_are(tmp_path: Path) -> None:
    project = make_project()

    with pytest.raises(CommandError, match=project.slug):
        call_command("import_esci", "e.parquet", "p.parquet", "--project", "nowhere")
