"""Where a training's adapter goes, and where it comes from. The tasks' own functions, without a worker."""

import json
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pytest_django import Settings

from labeling.models import Job
from modeling.judge.store import StoreError
from tests.labeling.acting import make_adapter
from tests.making import make_project
from tests.modeling.judge.test_store import make_artifact
from worker import gpu

pytestmark = [pytest.mark.django_db, pytest.mark.training]


@pytest.fixture
def begun(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Begin a training of a project with these settings; returns its folder and its run.json."""
    monkeypatch.setattr(gpu, "LEAST_LABELS", 0)
    settings.DATA_DIR = tmp_path / "data"

    def begin(**fields: object) -> tuple[Path, dict[str, Any]]:
        job = Job.objects.create(project=make_project(**fields), kind=Job.Kind.TRAIN, state=Job.State.RUNNING)
        folder = tmp_path / "data" / "runs" / str(job.pk)
        folder.mkdir(parents=True)
        gpu._write_run(job, folder)
        return folder, json.loads((folder / "run.json").read_text())

    return begin


def test_adapter_is_made_in_its_place_below_the_data_folder(begun: Any, tmp_path: Path) -> None:
    folder, run = begun()
    slug = run["provenance"]["project"]
    assert run["artifact"] == str(tmp_path / "data" / "adapters" / slug / f"job-{folder.name}")
    make_artifact(Path(run["artifact"]))
    assert gpu._keep_artifact(folder) == f"adapters/{slug}/job-{folder.name}"
    assert (Path(run["artifact"]) / "manifest.json").is_file()


def test_adapter_is_brought_behind_its_url(begun: Any, settings: Settings, tmp_path: Path) -> None:
    settings.ADAPTERS_URL = f"file://{tmp_path}/bucket"
    folder, run = begun()
    slug = run["provenance"]["project"]
    make_artifact(Path(run["artifact"]))
    place = gpu._keep_artifact(folder)
    assert place == f"file://{tmp_path}/bucket/{slug}/job-{folder.name}"
    assert not (folder / "artifact").exists()
    champion = make_adapter(make_project())
    champion.artifact = place
    loaded_from = Path(gpu._champion_folder(champion))
    assert loaded_from.parent == tmp_path / "data" / "cache" / "adapters"
    assert (loaded_from / "head.safetensors").is_file()


def test_adapter_that_cannot_be_brought_away_stays_and_the_message_says_where(begun: Any, settings: Settings) -> None:
    settings.ADAPTERS_URL = "nowhere://bucket"
    folder, run = begun()
    make_artifact(Path(run["artifact"]))
    with pytest.raises(StoreError, match=r"nowhere://bucket/.*: Protocol not known: .* The adapter is in .*artifact"):
        gpu._keep_artifact(folder)
    assert (folder / "artifact" / "manifest.json").is_file()


def test_champion_that_is_lost_is_looked_for_in_vain(begun: Any, settings: Settings) -> None:
    champion = make_adapter(make_project())
    champion.artifact = "memory://bucket/lost"
    assert gpu._champion_folder(champion) == "memory://bucket/lost"
    fsspec.filesystem("memory").store.clear()


def test_guideline_goes_to_a_prompt_that_reads_it_and_to_no_other(begun: Any) -> None:
    _folder, plain = begun()
    assert plain["guideline"] == ""
    _folder, run = begun(judge_spec={"like": "qwen3-0.6b", "prompt": "guideline-1"})
    assert run["spec"]["prompt"] == "guideline-1"
    assert run["guideline"].startswith("1. Can you tell what the shopper wants? Yes: question 2. ")
    assert run["labels"] == ["E", "S", "C", "I"]
