"""The benchmarks of learning, small: they run, and say what they must."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import data_size, lora_vs_full, train
from benchmarks.generated import generated_examples, of_split
from modeling.judge.dataset import check_examples

pytestmark = pytest.mark.training

Bench = Callable[..., dict[str, Any]]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """Run a benchmark's main in this process, where torch is loaded already; returns its last line."""

    def run(main: Callable[[], None], *arguments: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        main()
        line: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return line

    return run


def test_generated_pairs_are_fit_to_learn_from_and_repeat() -> None:
    examples = generated_examples(120, 30, 50, seed=3)
    check_examples(examples, 4)
    assert [len(of_split(examples, split)) for split in ("train", "calibration", "holdout")] == [120, 30, 50]
    assert generated_examples(120, 30, 50, seed=3) == examples
    assert generated_examples(120, 30, 50, seed=4) != examples


def test_train_measures_a_kind_against_itself(bench: Bench) -> None:
    sizes = ("--pairs", "24", "--holdout", "20", "--epochs", "1", "--kinds", "bi_encoder")
    line = bench(train.main, *sizes, "--ratio", "0", "--points", "100")
    assert (line["unit"], line["kind"], line["pairs"]) == ("pairs/s", "bi_encoder", 24)
    assert line["ratio"] == pytest.approx(line["value"] / line["peer_value"], abs=0.01)
    assert set(line["points"]) == {"bi_encoder"}


def test_lora_trains_few_of_the_parameters(bench: Bench) -> None:
    sizes = ("--pairs", "24", "--holdout", "20", "--epochs", "1")
    line = bench(lora_vs_full.main, *sizes, "--rates", "1e-4", "--points", "100")
    assert line["unit"] == "points"
    assert 0 < line["share_of_parameters"] <= 0.04
    assert line["full_parameters"] > 20_000_000
    assert line["value"] == pytest.approx(100 * (line["full_accuracy"] - line["accuracy"]), abs=0.01)


def test_data_size_draws_what_it_found(bench: Bench, tmp_path: Path) -> None:
    line = bench(data_size.main, "--sizes", "16", "24", "--holdout", "20", "--epochs", "1", "--out", str(tmp_path))
    found = json.loads((tmp_path / "data_size.json").read_text())
    assert [(point["kind"], point["labels"]) for point in found["points"]] == [
        (kind, size) for kind in ("bi_encoder", "cross_encoder") for size in (16, 24)
    ]
    assert found["points"] == line["points"]
    assert all(point["accuracy"]["low"] <= point["accuracy"]["value"] for point in found["points"])
    assert (tmp_path / "data_size.svg").read_text().startswith("<svg")
