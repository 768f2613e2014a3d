"""Which adapters lose their files and predictions, and what of them stays."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from labeling.actions.adapters import promote_adapter
from labeling.actions.jobs import cancel_job
from labeling.actions.pruning import prune_adapters
from labeling.models import Adapter, AuditLogEntry, HoldoutPrediction, Job, Prediction, Project
from labeling.queries.adapters import adapters_to_prune, artifact_place
from tests.labeling.acting import make_adapter, predict
from tests.labeling.measured import measure
from tests.making import make_pair, make_project

pytestmark = pytest.mark.django_db

OnCommit = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


def adapters(project: Project, count: int) -> list[Adapter]:
    return [make_adapter(project, champion=False) for _ in range(count)]


def names(found: list[Adapter]) -> list[str]:
    return [adapter.name for adapter in found]


def test_pruning_takes_the_oldest_and_never_the_champion_nor_the_one_before_it() -> None:
    project = make_project(adapters_kept=2)
    one, two, three, _, _, _ = adapters(project, 6)
    adapters(make_project(), 3)
    for adapter in (two, one, three):
        promote_adapter(adapter, None)
    assert names(adapters_to_prune(project)) == ["A-4", "A-2"]
    Adapter.objects.filter(project=project, number=4).update(pruned_at=timezone.now())
    assert names(adapters_to_prune(project)) == ["A-2"]


def test_pruning_leaves_an_adapter_that_the_pool_is_being_scored_with() -> None:
    project = make_project(adapters_kept=1)
    one, two, _ = adapters(project, 3)
    job = Job.objects.create(project=project, kind=Job.Kind.SCORE, state="running", params={"adapters": [one.pk]})
    assert names(adapters_to_prune(project)) == [two.name]
    cancel_job(job, None)
    assert names(adapters_to_prune(project)) == [two.name, one.name]


def test_pruned_adapter_loses_files_and_predictions_and_keeps_what_was_measured(
    tmp_path: Path, settings: Settings, django_capture_on_commit_callbacks: OnCommit
) -> None:
    settings.DATA_DIR = tmp_path
    project = make_project(adapters_kept=1)
    pair = make_pair(project)
    old, new = adapters(project, 2)
    for adapter in (old, new):
        predict(adapter, {pair: (0.7, 0.1, 0.1, 0.1)})
        measure(adapter, [pair], ["ES"])
        folder = Path(artifact_place(adapter))
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
    connection.check_constraints()
    with django_capture_on_commit_callbacks(execute=True):
        assert prune_adapters(project) == [old]
    old.refresh_from_db()
    assert old.pruned_at is not None
    assert not Path(artifact_place(old)).exists()
    assert (Path(artifact_place(new)) / "manifest.json").is_file()
    assert list(Prediction.objects.filter(pair=pair).values_list("adapter", flat=True)) == [new.pk]
    assert f"labeling_prediction_{old.pk}" not in connection.introspection.table_names()
    assert HoldoutPrediction.objects.filter(adapter=old).count() == 1
    entry = AuditLogEntry.objects.get(project=project, verb="adapter.prune")
    assert (entry.actor, entry.target, entry.data) == (None, "A-1", {"kept": 1})
    with django_capture_on_commit_callbacks(execute=True):
        assert prune_adapters(project) == []


def test_pruning_of_an_adapter_without_files_or_predictions_is_no_trouble(
    tmp_path: Path, settings: Settings, django_capture_on_commit_callbacks: OnCommit
) -> None:
    settings.DATA_DIR = tmp_path
    project = make_project(adapters_kept=1)
    adapters(project, 3)
    with django_capture_on_commit_callbacks(execute=True):
        assert names(prune_adapters(project)) == ["A-2", "A-1"]


def test_artifact_is_below_the_data_folder_or_behind_its_url(settings: Settings) -> None:
    settings.DATA_DIR = "/data"
    adapter = make_adapter(make_project())
    adapter.artifact = "adapters/shop/job-7"
    assert artifact_place(adapter) == "/data/adapters/shop/job-7"
    adapter.artifact = "s3://bucket/adapters/job-7"
    assert artifact_place(adapter) == "s3://bucket/adapters/job-7"
