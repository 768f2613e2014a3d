"""Every shipped spec is carried out, on a small random model of the family that it names."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from modeling.judge.artifact import IncompatibleArtifact, read_artifact
from modeling.judge.base_model import resolve_base_model
from modeling.judge.dataset import HOLDOUT, TRAIN, Example
from modeling.judge.kinds import build_model, load_model
from modeling.judge.scoring import Judge
from modeling.judge.spec import EMBEDDED, JudgeSpec, shipped_specs
from modeling.judge.training import train
from tests.modeling.judge.families import make_base_model
from tests.modeling.judge.shop import LABELS, THINGS, Trained

pytestmark = pytest.mark.training

FAMILY_OF = {
    "Qwen/Qwen3-0.6B-Base": "qwen3",
    "meta-llama/Llama-3.1-8B": "llama",
    "answerdotai/ModernBERT-base": "modernbert",
}
COLOURS = (("red", "blue"), ("green", "white"), ("black", "yellow"))


def toy_pairs(count: int, seed: int = 2) -> list[Example]:
    """Pairs whose label is told by the product's colour; every fourth is held out."""
    random_ = random.Random(seed)
    rows = []
    for number in range(count):
        label = random_.randrange(3)
        title = f"{random_.choice(['Classic', 'New'])} {random_.choice(COLOURS[label])} {random_.choice(THINGS)}"
        split = TRAIN if number % 4 else HOLDOUT
        rows.append(Example(number + 1, number + 1, random_.choice(THINGS), title, label, split))
    return rows


TOY = toy_pairs(300)
QUERIES, PRODUCTS = [row.query for row in TOY], [row.product for row in TOY]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small random base model of each family."""
    return {
        family: make_base_model(tmp_path_factory.mktemp(family), family, [*QUERIES, *PRODUCTS])
        for family in FAMILY_OF.values()
    }


@pytest.mark.parametrize("name", shipped_specs())
def test_shipped_spec_trains_and_judges(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    shipped = JudgeSpec.from_dict({"like": name})
    family = FAMILY_OF.get(shipped.base_model)
    base = str(bases[family]) if family else EMBEDDED
    assert family or shipped.base_model == EMBEDDED
    rows = TOY[:48]
    manifest = train(
        replace(shipped, base_model=base, epochs=1, batch_tokens=1024), rows, LABELS, tmp_path / "artifact"
    )
    assert manifest["spec"] == shipped.to_dict() | {"base_model": base, "epochs": 1, "batch_tokens": 1024}
    judge = Judge.load(tmp_path / "artifact")
    chances = judge.probabilities(QUERIES[:9], PRODUCTS[:9])
    assert chances.shape == (9, 3)
    assert chances.sum(axis=1) == pytest.approx(1, abs=1e-5)
    turned = judge.probabilities(QUERIES[8::-1], PRODUCTS[8::-1])
    assert np.abs(turned[::-1] - chances).max() < 0.02


@pytest.fixture(scope="module")
def completions(bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Artifacts of a completion on the toy task by quantization, each trained so."""
    folder = tmp_path_factory.mktemp("completions")
    spec = JudgeSpec(
        kind="completion",
        base_model=str(bases["llama"]),
        max_length=128,
        learning_rate=5e-3,
        epochs=2,
        batch_tokens=512,
    )
    for quantization in ("none", "int8", "nf4"):
        train(replace(spec, quantization=quantization), TOY, LABELS, folder / quantization)
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize("quantization", ["none", "int8", "nf4"])
def test_completion_of_a_random_model_learns_the_toy_task(completions: dict[str, Path], quantization: str) -> None:
    holdout = read_artifact(completions[quantization]).manifest["holdout"]
    assert holdout["n"] == 75
    assert holdout["majority_accuracy"] < 0.45
    assert holdout["accuracy"]["value"] > 0.95


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_quantized_training_ends_with_the_labels_of_full_precision(
    completions: dict[str, Path], quantization: str
) -> None:
    full = Judge.load(completions["none"]).logits(QUERIES, PRODUCTS)
    quantized = Judge.load(completions[quantization])
    assert any(
        type(module).__name__.startswith("Linear") and "bit" in type(module).__name__
        for module in quantized.model.modules()
    )
    agreed = quantized.logits(QUERIES, PRODUCTS).argmax(axis=1) == full.argmax(axis=1)
    assert agreed.mean() >= 0.98


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_quantized_base_judges_as_in_full_precision(trained: Trained, quantization: str) -> None:
    base = resolve_base_model(EMBEDDED)
    artifact = read_artifact(trained.folder)
    queries, products = [row.query for row in trained.examples], [row.product for row in trained.examples]
    full = load_model(artifact, base).logits(queries, products)
    quantized = load_model(replace(artifact, spec=replace(artifact.spec, quantization=quantization)), base)
    agreed = quantized.logits(queries, products).argmax(dim=1) == full.argmax(dim=1)
    assert agreed.float().mean() >= 0.98


def test_checkpointed_gradients_are_the_kept_ones(bases: dict[str, Path]) -> None:
    spec = JudgeSpec(kind="completion", base_model=str(bases["qwen3"]), max_length=128)
    gradients = []
    for checkpointed in (False, True):
        model = build_model(replace(spec, gradient_checkpointing=checkpointed), LABELS, bases["qwen3"]).train()
        torch.manual_seed(7)
        for name, weight in model.named_parameters():
            if ".lora_" in name:
                nn.init.normal_(weight, std=0.1)
        model(**model.collate(TOY[:4]))["loss"].backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad})
    for name, kept in gradients[0].items():
        again = gradients[1][name]
        assert kept is not None
        assert again is not None
        assert (again - kept).abs().max() < 1e-5, name


def test_artifact_whose_base_cannot_say_its_labels_is_incompatible(completions: dict[str, Path]) -> None:
    artifact = read_artifact(completions["none"])
    unsaid = replace(artifact, labels=("exact", "unseen", "irrelevant"))
    with pytest.raises(IncompatibleArtifact, match=r'does not fit its base model: prompt: "short-1" says .*unseen'):
        load_model(unsaid, Path(artifact.spec.base_model))
