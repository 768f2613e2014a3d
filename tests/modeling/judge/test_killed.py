"""Runs that are killed, and runs that processes share, end with the weights of one that was left alone."""

import json
import os
import random
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from modeling.judge.dataset import Example, write_examples
from tests.modeling.judge.families import make_base_model
from tests.modeling.judge.shop import LABELS, SMALL
from tests.modeling.judge.starts import start_run
from worker.training import launch_command

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def base(shop: list[Example], tmp_path_factory: pytest.TempPathFactory) -> str:
    texts = [text for row in shop for text in (row.query, row.product)]
    return str(make_base_model(tmp_path_factory.mktemp("base") / "bert", "bert", texts, width=32))


def make_run(folder: Path, shop: list[Example], base: str, dropout: float, **settings: Any) -> Path:
    folder.mkdir()
    spec = replace(SMALL, base_model=base, lora_dropout=dropout, batch_tokens=200)
    write_examples(folder / "examples.parquet", shop[:90])
    run = {"spec": spec.to_dict(), "labels": LABELS, "examples": "examples.parquet", "artifact": "artifact"}
    (folder / "run.json").write_text(json.dumps(run | settings))
    return folder


def weights(folder: Path) -> dict[str, Tensor]:
    artifact = folder / "artifact"
    return load_file(artifact / "adapter" / "adapter_model.safetensors") | load_file(artifact / "head.safetensors")


def steps(folder: Path) -> list[int]:
    """The steps that were reported, those of every start in turn."""
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [event["done"] for event in events if event.get("phase") == "train"]


def test_run_that_is_killed_three_times_ends_with_the_same_weights(
    shop: list[Example], base: str, tmp_path: Path
) -> None:
    alone = make_run(tmp_path / "alone", shop, base, dropout=0.1)
    began = time.monotonic()
    whole = start_run(alone)
    whole.join()
    took = time.monotonic() - began
    assert whole.exitcode == 0, (alone / "log.txt").read_text()

    killed = make_run(tmp_path / "killed", shop, base, dropout=0.1, checkpoint_seconds=0)
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    for _ in range(3):
        process = start_run(killed)
        process.join(took * moments.random())
        process.kill()
        process.join()
    last = start_run(killed)
    last.join()
    assert last.exitcode == 0, (killed / "log.txt").read_text()

    expected, found = weights(alone), weights(killed)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected), f"moments of seed {seed}"
    assert not list(killed.rglob("*.pt")) + list(killed.rglob("*.pth")) + list(killed.rglob("*.bin"))


def test_run_that_is_killed_goes_on_from_its_checkpoint(shop: list[Example], base: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", shop, base, dropout=0.1, checkpoint_seconds=0)
    first = start_run(folder)
    while first.is_alive() and len(list((folder / "checkpoint").glob("step-*"))) == 0:
        time.sleep(0.01)
    first.kill()
    first.join()
    kept = max(int(path.name.removeprefix("step-")) for path in (folder / "checkpoint").glob("step-*"))
    before = len(steps(folder))
    again = start_run(folder)
    again.join()
    assert again.exitcode == 0, (folder / "log.txt").read_text()
    assert steps(folder)[before:]
    assert all(step > kept for step in steps(folder)[before:])


def test_two_processes_learn_what_one_does(shop: list[Example], base: str, tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", shop, base, dropout=0.0, half=False)
    alone = start_run(one)
    two = make_run(tmp_path / "two", shop, base, dropout=0.0, half=False)
    shared = subprocess.run(
        launch_command(two, 2, "ddp"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    alone.join()
    assert shared.returncode == 0, shared.stderr[-3000:]
    events = [json.loads(line) for line in shared.stdout.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events].count("result") == 1
    expected, found = weights(one), weights(two)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-5)
    assert any(tensor.abs().max() > 1e-3 for name, tensor in expected.items() if "lora_B" in name)
