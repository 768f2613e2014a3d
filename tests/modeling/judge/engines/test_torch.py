"""The engine "torch" on encoders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModel, BertConfig, PretrainedConfig, RobertaConfig

from modeling.judge import device
from modeling.judge.bi_encoder import mean_state
from modeling.judge.engines import packed
from modeling.judge.engines.encoding import BiEncoderEngine, CrossEncoderEngine
from modeling.judge.engines.packed import PackedEncoder, can_be_packed
from modeling.judge.scoring import Judge
from modeling.judge.spec import JudgeSpec
from modeling.judge.training import train
from tests.modeling.judge.engines.contract import PAIRS, PRODUCTS, QUERIES, EngineContract
from tests.modeling.judge.families import make_base_model
from tests.modeling.judge.shop import LABELS, Trained

pytestmark = pytest.mark.training


class TestCrossEncoder(EngineContract):
    name = "torch"
    tolerance = 0.03

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, cross_encoder: Path) -> Path:
        return cross_encoder

    def test_computes_without_padding(self, judge: Judge) -> None:
        assert isinstance(judge.engine, CrossEncoderEngine)
        assert isinstance(getattr(judge.engine.encode, "__self__", None), PackedEncoder)


class TestBiEncoder(EngineContract):
    name = "auto"
    tolerance = 0.03

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, trained: Trained) -> Path:
        return trained.folder

    def test_computes_without_padding(self, judge: Judge) -> None:
        assert isinstance(judge.engine, BiEncoderEngine)
        assert isinstance(getattr(judge.engine.encode, "__self__", None), PackedEncoder)


class TestEncoderThatCannotBePacked(EngineContract):
    name = "torch"
    tolerance = 0.03

    @pytest.fixture(scope="class", params=["cross_encoder", "bi_encoder"])
    @classmethod
    def folder(cls, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("modernbert")
        base = make_base_model(folder / "base", "modernbert", [*QUERIES, *PRODUCTS])
        spec = JudgeSpec(kind=request.param, base_model=str(base), max_length=48, learning_rate=5e-3, batch_tokens=512)
        train(spec, PAIRS, LABELS, folder / "artifact")
        return folder / "artifact"


def made(config: PretrainedConfig) -> nn.Module:
    """A random network of a shape."""
    network: nn.Module = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    return network.eval()


SHAPE: dict[str, Any] = {
    "vocab_size": 90,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 200,
}


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("config", [BertConfig(**SHAPE), RobertaConfig(**SHAPE, pad_token_id=1)])
def test_packed_encoder_is_the_network_without_its_padding(
    config: Any, half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if half and not device.fast_half_precision(torch.device("cpu")):
        pytest.skip("this processor is not fast in bfloat16")
    torch.manual_seed(2)
    network = made(config)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    random = np.random.default_rng(1)
    lengths = [3, 190, 7, 7, 130, 7, 1, 40]
    ids = [random.integers(5, 90, length).tolist() for length in lengths]
    mask = torch.tensor([[1] * length + [0] * (190 - length) for length in lengths])
    padded = torch.tensor([[*one, *[config.pad_token_id] * (190 - len(one))] for one in ids])
    with torch.no_grad():
        expected = mean_state(network(input_ids=padded, attention_mask=mask).last_hidden_state, mask)
    monkeypatch.setattr(packed, "fast_half_precision", lambda _device: half)
    monkeypatch.setattr(packed, "_TOKENS", 150)
    assert can_be_packed(network)
    found = PackedEncoder(network).mean_states({"input_ids": ids})
    assert (found - expected).abs().max() < (0.1 if half else 1e-4)


def test_what_is_no_plain_bert_is_not_packed(tmp_path: Path) -> None:
    assert can_be_packed(made(BertConfig(**SHAPE)))
    assert not can_be_packed(made(BertConfig(**SHAPE, hidden_act="relu")))
    assert not can_be_packed(made(BertConfig(**SHAPE)).to(torch.bfloat16))
    modern = make_base_model(tmp_path, "modernbert", ["red mug"])
    assert not can_be_packed(AutoModel.from_pretrained(modern))
