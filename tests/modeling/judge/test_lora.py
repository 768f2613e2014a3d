import pytest
import torch
from torch import nn

from modeling.judge.base_model import BaseModelError, load_network, load_tokenizer, resolve_base_model
from modeling.judge.bi_encoder import BiEncoder
from modeling.judge.dataset import Example
from modeling.judge.lora import add_adapter, merge_adapter
from modeling.judge.spec import EMBEDDED, JudgeSpec

pytestmark = pytest.mark.training

BASE = resolve_base_model(EMBEDDED)


def test_adapter_is_on_every_linear_layer_and_the_base_is_frozen() -> None:
    network = load_network(BASE)
    linear = {name for name, module in network.named_modules() if isinstance(module, nn.Linear)}
    assert len(linear) == 36  # six layers: query, key, value, attention output, two of the feed-forward
    adapted = add_adapter(network, JudgeSpec(lora_rank=4))
    trainable = {name for name, weight in adapted.named_parameters() if weight.requires_grad}
    assert {name.partition(".lora_")[0].removeprefix("base_model.model.") for name in trainable} == linear
    assert all(".lora_A." in name or ".lora_B." in name for name in trainable)
    assert adapted.peft_config["default"].base_model_name_or_path == EMBEDDED


def test_adapter_takes_names_of_layers_and_refuses_unknown_ones() -> None:
    adapted = add_adapter(load_network(BASE), JudgeSpec(targets="query, value"))
    trainable = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert len(trainable) == 2 * 2 * 6
    with pytest.raises(BaseModelError, match="targets 'no_such_layer' do not fit embedded"):
        add_adapter(load_network(BASE), JudgeSpec(targets="no_such_layer"))


def embed(model: BiEncoder) -> torch.Tensor:
    """In full precision: bfloat16 would hide a wrong sum."""
    batch = model.collate([Example(1, 1, "red mug", "desk lamp", 0, "train")])
    with torch.no_grad():
        return model.embed(batch["query_ids"], batch["query_mask"])


def test_merged_adapter_judges_as_the_unmerged_one() -> None:
    torch.manual_seed(3)
    adapted = add_adapter(load_network(BASE), JudgeSpec())
    for name, weight in adapted.named_parameters():
        if ".lora_B." in name:
            nn.init.normal_(weight, std=0.02)
    model = BiEncoder(adapted, load_tokenizer(BASE), ("a", "b"), 32)
    before = embed(model)
    model.merge()
    assert torch.allclose(before, embed(model), atol=1e-3)
    assert not any("lora" in name for name, _ in model.named_parameters())
    model.merge()  # a second time changes nothing
    plain = BiEncoder(load_network(BASE), load_tokenizer(BASE), ("a", "b"), 32)
    assert not torch.allclose(before, embed(plain), atol=0.1)


def test_weights_that_would_lose_by_merging_keep_their_adapter() -> None:
    adapted = add_adapter(load_network(BASE, dtype=torch.bfloat16), JudgeSpec(lora_rank=4))
    assert merge_adapter(adapted) is adapted
