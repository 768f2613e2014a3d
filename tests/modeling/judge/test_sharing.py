"""Several adapters on one base model: they have its weights in common, and each says what it says alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from modeling.judge import base_model, device, kinds, sharing
from modeling.judge.scoring import Judge, load_judges, score_together
from modeling.judge.spec import JudgeSpec
from modeling.judge.training import train
from tests.modeling.judge.families import make_base_model
from tests.modeling.judge.shop import LABELS, SMALL, Trained, shop_pairs

pytestmark = pytest.mark.training

SHOP = shop_pairs()
ROWS = SHOP[:60]
QUERIES, PRODUCTS = [row.query for row in ROWS], [row.product for row in ROWS]


@pytest.fixture(scope="module")
def artifacts(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two bi-encoders and a cross-encoder on the embedded base model."""
    folder = tmp_path_factory.mktemp("several")
    train(replace(SMALL, seed=5, learning_rate=2e-3, lora_rank=4), SHOP, LABELS, folder / "other")
    train(replace(SMALL, kind="cross_encoder", prompt="", max_length=32, epochs=1), SHOP, LABELS, folder / "cross")
    return [trained.folder, folder / "other", folder / "cross"]


def addresses(judge: Judge) -> set[int]:
    return {weight.data_ptr() for weight in judge.model.adapted.parameters()}


def test_judges_on_one_base_read_it_once_and_say_what_they_say_alone(
    artifacts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [Judge.load(folder, engine="plain").probabilities(QUERIES, PRODUCTS) for folder in artifacts]
    read: list[Path] = []

    def load_network(folder: Path, **settings: Any) -> nn.Module:
        read.append(folder)
        return base_model.load_network(folder, **settings)

    monkeypatch.setattr(kinds, "load_network", load_network)
    judges = load_judges(artifacts, engine="plain")
    assert len(read) == 1
    together = score_together(judges, QUERIES, PRODUCTS)
    for one, other in zip(alone, together, strict=True):
        assert np.abs(one - other).max() < 1e-5
    assert np.abs(alone[0] - alone[1]).max() > 0.05
    # The word embeddings alone are half of the model.
    shared = set.intersection(*[addresses(judge) for judge in judges])
    embeddings = judges[0].model.adapted.get_input_embeddings().weight  # type: ignore[operator]  # transformers' own
    assert embeddings.data_ptr() in shared


def test_large_base_is_in_memory_once_and_keeps_the_updates_beside_it(
    artifacts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "fast_half_precision", lambda _device: False)
    alone = [Judge.load(folder, engine="plain").probabilities(QUERIES, PRODUCTS) for folder in artifacts]
    monkeypatch.setattr(sharing, "COPIED_AT_MOST", 0)
    judges = load_judges(artifacts, engine="plain")
    for one, other in zip(alone, score_together(judges, QUERIES, PRODUCTS), strict=True):
        assert np.abs(one - other).max() < 1e-3
    for judge in judges:
        own = addresses(judge) - addresses(judges[judge is judges[0]])
        names = {name for name, weight in judge.model.adapted.named_parameters() if weight.data_ptr() in own}
        assert names
        assert all(".lora_" in name for name in names)


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_completions_on_one_quantized_base_share_its_weights(quantization: str, tmp_path: Path) -> None:
    base = make_base_model(tmp_path / "base", "llama", [*QUERIES, *PRODUCTS])
    spec = JudgeSpec(
        kind="completion",
        base_model=str(base),
        quantization=quantization,
        max_length=128,
        learning_rate=5e-3,
        epochs=1,
        batch_tokens=1024,
    )
    folders = [tmp_path / "first", tmp_path / "second"]
    for seed, folder in enumerate(folders):
        train(replace(spec, seed=seed), ROWS, LABELS, folder)
    alone = [Judge.load(folder, engine="plain").probabilities(QUERIES, PRODUCTS) for folder in folders]
    judges = load_judges(folders, engine="plain")
    for one, other in zip(alone, score_together(judges, QUERIES, PRODUCTS), strict=True):
        assert np.abs(one - other).max() < 1e-4
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
    own = addresses(judges[0]) - addresses(judges[1])
    weights = dict(judges[0].model.adapted.named_parameters())
    assert all(".lora_" in name for name, weight in weights.items() if weight.data_ptr() in own)


def test_artifacts_that_want_the_base_in_two_forms_do_not_share_it(artifacts: list[Path], tmp_path: Path) -> None:
    quantized = tmp_path / "quantized"
    train(replace(SMALL, quantization="int8", epochs=1), SHOP, LABELS, quantized)
    judges = load_judges([artifacts[0], quantized], engine="plain")
    assert not any(weight.dtype == torch.int8 for weight in judges[0].model.parameters())
    assert any(weight.dtype == torch.int8 for weight in judges[1].model.parameters())
    assert score_together(judges, [], [])[1].shape == (0, 3)


def test_scoring_together_refuses_sides_of_different_length(trained: Trained) -> None:
    with pytest.raises(ValueError, match="a pair is a query and a product, got 1 and 2"):
        score_together([Judge.load(trained.folder)], ["a"], ["b", "c"])
