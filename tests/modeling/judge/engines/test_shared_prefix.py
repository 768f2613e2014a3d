"""The engine "torch" on completions."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, MistralConfig

from modeling.judge import device
from modeling.judge.completion import Completion
from modeling.judge.engines.choice import engine_for
from modeling.judge.engines.half import HalfLinear
from modeling.judge.engines.plain import PlainEngine
from modeling.judge.engines.shared_prefix import SharedPrefixEngine, can_share
from modeling.judge.kinds import build_model
from modeling.judge.scoring import Judge
from modeling.judge.spec import JudgeSpec
from tests.modeling.judge.engines.contract import PRODUCTS, QUERIES, EngineContract
from tests.modeling.judge.families import make_base_model
from tests.modeling.judge.shop import LABELS

pytestmark = pytest.mark.training


class TestCompletion(EngineContract):
    name = "torch"
    tolerance = 0.03

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, completion: Path) -> Path:
        return completion

    def test_shares_what_prompts_begin_with(self, judge: Judge) -> None:
        assert isinstance(judge.engine, SharedPrefixEngine)
        assert any(isinstance(module, HalfLinear) for module in judge.model.modules()) == device.fast_half_precision(
            torch.device("cpu")
        )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base_model(tmp_path_factory.mktemp("base"), "llama", [*QUERIES, *PRODUCTS])


def completion(base: Path, prompt: str = "short-1") -> Completion:
    spec = JudgeSpec(kind="completion", base_model=str(base), prompt=prompt, max_length=400)
    model = build_model(spec, LABELS, base, guideline="Is it what was asked?\n" * 9)
    assert isinstance(model, Completion)
    model.merge()
    return model.eval()


@pytest.mark.parametrize("prompt", ["short-1", "guideline-1"])
@pytest.mark.parametrize("budget", [40, 5000])
def test_shared_prefixes_change_no_logit(prompt: str, budget: int, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "fast_half_precision", lambda _device: False)
    model = completion(base, prompt)
    queries = [*QUERIES[:12], "", "mug " * 300, "mug " * 300]
    products = [*PRODUCTS[:12], "", "word " * 300, "lamp"]
    engine = SharedPrefixEngine(model)
    engine.budget = budget
    expected = torch.from_numpy(PlainEngine(model).logits(queries, products))
    assert (torch.from_numpy(engine.logits(queries, products)) - expected).abs().max() < 1e-4 * expected.abs().max()


def test_each_token_that_prompts_share_is_computed_once(base: Path) -> None:
    model = completion(base, "guideline-1")
    engine = SharedPrefixEngine(model)
    computed: list[int] = []
    model.decoder.register_forward_hook(
        lambda _module, _inputs, output: computed.append(output.last_hidden_state.shape[:2].numel())
    )
    queries, products = ["red mug"] * 6 + ["blue lamp"] * 6, ["a mug", "a lamp"] * 6
    engine.logits(queries, products)
    parts = model.parts(queries, products)
    once = sum(len(asked) for asked in {tuple(asked) for asked, _ in parts})
    assert sum(computed) == len(model.opening) + once + sum(len(shown) for _, shown in parts)
    computed.clear()
    engine.logits(queries[:1], products[:1])
    assert sum(computed) == sum(len(part) for part in parts[0])


def test_decoder_with_a_sliding_window_shares_nothing(base: Path, tmp_path: Path) -> None:
    shape = AutoModelForCausalLM.from_pretrained(base).config
    config = MistralConfig(
        vocab_size=shape.vocab_size,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=16,
    )
    folder = tmp_path / "mistral"
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)  # type: ignore[no-untyped-call]
    for path in base.glob("token*"):
        (folder / path.name).write_bytes(path.read_bytes())
    model = completion(folder)
    assert not can_share(model)
    assert isinstance(engine_for(model), PlainEngine)
