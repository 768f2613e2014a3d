"""Artifacts of each kind, trained until they tell the shop's labels apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from modeling.judge.spec import JudgeSpec
from modeling.judge.training import train
from tests.modeling.judge.engines.contract import PAIRS, PRODUCTS, QUERIES
from tests.modeling.judge.families import make_base_model
from tests.modeling.judge.shop import LABELS, SMALL


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cross") / "artifact"
    train(replace(SMALL, kind="cross_encoder", prompt="", max_length=32), PAIRS, LABELS, folder)
    return folder


@pytest.fixture(scope="session", params=["llama", "qwen3"])
def completion(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On a random model that learns the task, with heads that share keys and values."""
    folder = tmp_path_factory.mktemp("completion")
    base = make_base_model(folder / "base", request.param, [*QUERIES, *PRODUCTS])
    spec = JudgeSpec(kind="completion", base_model=str(base), max_length=128, learning_rate=5e-3, epochs=2)
    train(replace(spec, batch_tokens=512), PAIRS, LABELS, folder / "artifact")
    return folder / "artifact"
