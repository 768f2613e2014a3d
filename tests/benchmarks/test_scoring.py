"""The benchmarks of scoring, small: they run, and say what they must."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch

from benchmarks import score_completion
from benchmarks.random_llama import Shape, completion_of, pairs_of, random_llama, word_tokenizer

pytestmark = pytest.mark.training

Bench = Callable[..., dict[str, Any]]
TOY = ("--shape", "32", "64", "2", "4", "2", "--pairs", "40", "--batch", "8")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """Run a benchmark's main in this process, where torch is loaded already; returns its last line."""

    def run(main: Callable[[], None], *arguments: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        main()
        line: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return line

    return run


def test_pairs_share_as_many_tokens_as_they_should() -> None:
    model = completion_of(random_llama(Shape(32, 64, 1, 4, 2), torch.device("cpu"), torch.float32), word_tokenizer())
    fixed = len(model.opening) + len(model.before_product)
    parts = model.parts(*pairs_of(400, 60, 150, fixed))
    shared = [len(model.opening) + len(asked) for asked, _ in parts]
    whole = [before + len(own) for before, (_, own) in zip(shared, parts, strict=True)]
    assert sum(shared) / 400 == pytest.approx(60, abs=1.5)
    assert sum(whole) / 400 == pytest.approx(150, abs=3)
    assert set(Counter(tuple(asked) for asked, _ in parts).values()) == {20}


def test_linear_parameters_are_those_of_the_layers() -> None:
    network = random_llama(Shape(32, 64, 2, 4, 2), torch.device("cpu"), torch.float32)
    layers = [weight.numel() for name, weight in network.named_parameters() if "proj" in name]
    assert Shape(32, 64, 2, 4, 2).linear_parameters == sum(layers)
    assert Shape(4096, 14336, 32, 32, 8).linear_parameters == pytest.approx(6.98e9, rel=1e-3)  # Llama 3.1 8B


def test_score_completion_gives_the_labels_of_generate(bench: Bench) -> None:
    line = bench(score_completion.main, *TOY, "--ratio", "0", "--same-precision", "0", "--guideline", "0")
    assert line["same_labels"] == 1
    assert line["with_guideline"]["shared_tokens"] == pytest.approx(400, abs=5)
    assert line["ratio"] == pytest.approx(line["value"] / line["peer_value"], abs=0.01)
    assert 0 <= line["short"]["arithmetic"] <= 1
