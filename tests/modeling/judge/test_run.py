import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modeling.judge.artifact import read_artifact
from modeling.judge.dataset import HOLDOUT, TRAIN, write_examples
from modeling.judge.holdout import read_holdout
from modeling.judge.run import RunError, main, read_run
from modeling.judge.spec import SpecError
from tests.modeling.judge.shop import LABELS, SMALL, Trained

pytestmark = pytest.mark.training


def write_run(folder: Path, **changes: Any) -> None:
    settings: dict[str, Any] = {
        "spec": SMALL.to_dict() | {"epochs": 1},
        "labels": list(LABELS),
        "examples": "examples.parquet",
        "artifact": "made/artifact",
        "champion": None,
        "provenance": {"round": 5},
    }
    folder.joinpath("run.json").write_text(json.dumps(settings | changes))


def start(folder: Path) -> tuple[int, list[dict[str, Any]], str]:
    """Run it as the worker does; the events are all that standard output may hold."""
    done = subprocess.run(
        [sys.executable, "-m", "modeling.judge.run", str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_run_trains_in_its_own_process_and_measures_the_champion(trained: Trained, tmp_path: Path) -> None:
    write_examples(tmp_path / "examples.parquet", trained.examples)
    write_run(tmp_path, champion=str(trained.folder))
    status, events, errors = start(tmp_path)
    assert status == 0, errors
    *progress, result = events
    assert {event["event"] for event in progress} == {"progress"}
    assert [event["phase"] for event in progress if event["done"] == event["total"]] == ["load", "train", "evaluate"]
    assert all(isinstance(event["loss"], float) for event in progress if event["phase"] == "train")
    assert result["event"] == "result"
    assert result["manifest"] == read_artifact(tmp_path / "made" / "artifact").manifest
    assert result["manifest"]["provenance"] == {"round": 5}
    assert result["champion_problem"] is None
    said = read_holdout(tmp_path / "holdout.parquet")
    assert said.champion is not None
    for found, manifest in ((said.champion, trained.manifest), (said.challenger, result["manifest"])):
        confusion = np.zeros((len(LABELS), len(LABELS)), np.int64)
        np.add.at(confusion, (said.labels, found.argmax(axis=1)), 1)
        assert confusion.tolist() == manifest["holdout"]["confusion"]


def test_run_that_knows_how_pairs_were_drawn_compares_the_arms(trained: Trained, tmp_path: Path) -> None:
    write_examples(tmp_path / "examples.parquet", trained.examples)
    learned = [row.pair_id for row in trained.examples if row.split == TRAIN]
    by_people = learned[: len(learned) - 20]  # the others came with an import and are in neither arm
    at_random = by_people[::2]
    np.save(tmp_path / "drawn.npy", np.array([(pair, pair in at_random) for pair in by_people], dtype=np.int64))
    write_run(tmp_path, drawn="drawn.npy")
    status, events, errors = start(tmp_path)
    assert status == 0, errors
    phases = [event["phase"] for event in events[:-1] if event["done"] == event["total"]]
    assert phases == ["load", "compare", "train", "evaluate"]
    arms = events[-1]["manifest"]["arms"]
    sizes = [point["labels"] for point in arms["random"]]
    assert sizes == [point["labels"] for point in arms["active"]]
    assert max(sizes) == len(at_random)
    assert arms["lead"]["n"] == sum(row.split == HOLDOUT for row in trained.examples)


def test_run_names_a_file_of_drawn_pairs_that_cannot_be_read(trained: Trained, tmp_path: Path) -> None:
    write_examples(tmp_path / "examples.parquet", trained.examples)
    (tmp_path / "drawn.npy").write_bytes(b"nothing")
    write_run(tmp_path, drawn="drawn.npy")
    status, events, _ = start(tmp_path)
    assert status == 1
    assert f"{tmp_path / 'drawn.npy'} cannot be read" in events[-1]["message"]


def test_run_with_a_lost_champion_keeps_its_training(trained: Trained, tmp_path: Path) -> None:
    write_examples(tmp_path / "examples.parquet", trained.examples[:60])
    write_run(tmp_path, champion="no/such/folder")
    status, events, errors = start(tmp_path)
    assert status == 0, errors
    assert events[-1]["event"] == "result"
    assert read_holdout(tmp_path / "holdout.parquet").champion is None
    assert "there is no such file, so this is no adapter's folder" in events[-1]["champion_problem"]


def test_run_that_fails_says_why_in_plain_words(trained: Trained, tmp_path: Path) -> None:
    write_examples(tmp_path / "examples.parquet", [row for row in trained.examples if row.label == 0])
    write_run(tmp_path)
    status, events, errors = start(tmp_path)
    assert status == 1
    assert events == [
        {
            "event": "failed",
            "message": "the training split needs pairs of two labels or more, got 1: label more pairs first",
        }
    ]
    assert "Traceback" in errors
    assert not (tmp_path / "made" / "artifact").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["exact"]}, r"labels: expected two or more different keys, got \['exact'\]"),
        ({"labels": ["exact", "exact"]}, r"labels: expected two or more different keys"),
        ({"examples": None}, r"examples: expected a str, got None"),
        ({"artifact": 3}, r"artifact: expected a str, got 3"),
        ({"spec": "bi_encoder"}, r"spec: expected a dict, got 'bi_encoder'"),
    ],
)
def test_run_file_is_refused_by_field(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_run(tmp_path, **changes)
    with pytest.raises(RunError, match=message):
        read_run(tmp_path)


def test_run_file_must_be_there_and_its_spec_sound(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"run\.json cannot be read"):
        read_run(tmp_path)
    write_run(tmp_path, spec={"epochs": -1})
    with pytest.raises(SpecError, match="epochs: expected a whole number"):
        read_run(tmp_path)


def test_run_without_a_folder_shows_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "python -m modeling.judge.run FOLDER" in capsys.readouterr().err
