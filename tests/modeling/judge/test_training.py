import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modeling.judge.assessment import assess
from modeling.judge.dataset import DatasetError, Example, digest
from modeling.judge.scoring import Judge
from modeling.judge.spec import SpecError
from modeling.judge.training import train
from modeling.judge.watch import Progress
from tests.modeling.judge.shop import LABELS, SMALL, Trained

pytestmark = pytest.mark.training


def test_training_beats_the_majority_on_queries_it_has_not_seen(trained: Trained) -> None:
    holdout = trained.manifest["holdout"]
    assert holdout["n"] == 60
    assert holdout["accuracy"]["value"] > holdout["majority_accuracy"] + 0.3
    assert holdout["alpha"]["value"] > 0.6
    assert all(score["f1"] > 0.5 for score in holdout["per_label"])
    assert trained.manifest["collapsed"] is None


def test_training_says_everything_about_its_making(trained: Trained) -> None:
    manifest = json.loads((trained.folder / "manifest.json").read_text())
    assert manifest == trained.manifest
    assert manifest["spec"] == SMALL.to_dict()
    assert manifest["labels"] == list(LABELS)
    assert manifest["examples_sha256"] == digest(trained.examples)
    counted = Counter((row.split, LABELS[row.label]) for row in trained.examples)
    assert manifest["counts"] == {
        split: {label: counted[split, label] for label in LABELS} for split in ("train", "calibration", "holdout")
    }
    assert manifest["majority_label"] == "exact"
    assert manifest["calibration"]["method"] in ("temperature", "per_label")
    assert manifest["calibration_words"].startswith("Calibrated by a ")
    assert manifest["provenance"] == {"round": 3}
    assert manifest["libraries"]["torch"].startswith("2.")
    assert manifest["training_seconds"] > 0


def test_training_artifact_judges_as_the_run_measured(trained: Trained) -> None:
    again = assess(Judge.load(trained.folder), trained.examples, SMALL.seed)
    assert again.to_dict()["confusion"] == trained.manifest["holdout"]["confusion"]
    assert again.ece.value == pytest.approx(trained.manifest["holdout"]["ece"]["value"], abs=1e-3)


def test_training_reports_every_step_with_its_loss(trained: Trained) -> None:
    assert [report.phase for report in trained.reports if report.done == 0] == ["load", "evaluate"]
    steps = [report for report in trained.reports if report.phase == "train"]
    total = steps[-1].total
    pairs_a_step = 2 * sum(row.split == "train" for row in trained.examples) / total
    assert 16 <= pairs_a_step <= 24  # 384 tokens
    assert [report.done for report in steps] == list(range(1, total + 1))
    assert {report.total for report in steps} == {total}
    losses = [report.loss for report in steps if report.loss is not None]
    assert len(losses) == total
    assert np.mean(losses[-3:]) < losses[0]


def test_training_repeats_exactly_whatever_the_order_of_the_pairs(trained: Trained, tmp_path: Path) -> None:
    fewer = trained.examples[:60]
    spec = replace(SMALL, epochs=1)
    one = train(spec, fewer, LABELS, tmp_path / "one")
    two = train(spec, fewer[::-1], LABELS, tmp_path / "two")
    other = train(replace(spec, seed=1), fewer, LABELS, tmp_path / "other")
    assert one["files"] == two["files"]
    assert one["calibration"] == two["calibration"]
    assert one["files"]["head.safetensors"] != other["files"]["head.safetensors"]


def test_training_never_reads_the_holdout(trained: Trained, tmp_path: Path) -> None:
    fewer = trained.examples[:60]
    spoiled = [
        replace(row, query="nonsense", product="nonsense", label=2) if row.split == "holdout" else row for row in fewer
    ]
    spec = replace(SMALL, epochs=1)
    honest = train(spec, fewer, LABELS, tmp_path / "honest")
    blind = train(spec, spoiled, LABELS, tmp_path / "blind")
    assert honest["files"] == blind["files"]
    assert honest["calibration"] == blind["calibration"]
    assert honest["holdout"] != blind["holdout"]


def test_training_that_is_stopped_while_it_writes_leaves_nothing(trained: Trained, tmp_path: Path) -> None:
    def stop_at_evaluation(progress: Progress) -> None:
        if progress.phase == "evaluate":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(replace(SMALL, epochs=1), trained.examples[:40], LABELS, tmp_path / "artifact", stop_at_evaluation)
    assert list(tmp_path.iterdir()) == []


def test_training_on_a_leak_is_refused_before_it_starts(trained: Trained, tmp_path: Path) -> None:
    leak = Example(10_000, trained.examples[-1].query_id, "red mug", "Red Mug", 0, "train")
    assert trained.examples[-1].split == "holdout"
    with pytest.raises(DatasetError, match="is in the holdout, so it must not be in the split 'train'"):
        train(SMALL, [*trained.examples, leak], LABELS, tmp_path / "artifact")
    assert list(tmp_path.iterdir()) == []


def test_training_with_a_tracker_that_is_not_installed_says_so(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(SpecError, match=r"report_to: mlflow is not installed .* pip install 'winnow\[mlflow\]'"):
        train(replace(SMALL, report_to=("mlflow",)), trained.examples, LABELS, tmp_path / "artifact")
