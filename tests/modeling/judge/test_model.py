import math

import pytest
import torch
from torch import nn

from modeling.judge.base_model import BaseModelError, resolve_base_model
from modeling.judge.model import (
    BiEncoder,
    add_adapter,
    embedding_width,
    load_encoder,
    load_tokenizer,
    merge_adapter,
    pair_features,
    tokenize,
)
from modeling.judge.spec import EMBEDDED, JudgeSpec

pytestmark = pytest.mark.training

BASE = resolve_base_model(EMBEDDED)
TOKENIZER = load_tokenizer(BASE)


@pytest.fixture(scope="module")
def plain() -> BiEncoder:
    encoder = load_encoder(BASE)
    return BiEncoder(encoder, embedding_width(encoder), 3).eval()


def embed(model: BiEncoder, *texts: str) -> torch.Tensor:
    with torch.no_grad():
        return model.embed(*tokenize(TOKENIZER, texts, 32))


def test_embedding_does_not_depend_on_the_padding_beside_it(plain: BiEncoder) -> None:
    alone = embed(plain, "red mug")
    padded = embed(plain, "red mug", "a much longer text about a mug that is red and holds a litre of coffee")
    assert torch.allclose(alone[0], padded[0], atol=1e-4)
    assert padded.norm(dim=1).tolist() == pytest.approx([math.sqrt(384)] * 2, rel=1e-4)


def test_embedding_puts_like_texts_together(plain: BiEncoder) -> None:
    mug, cup, lamp = embed(plain, "red coffee mug", "crimson cup for coffee", "desk lamp with a clamp")
    assert torch.dot(mug, cup) / 384 > 0.5 > torch.dot(mug, lamp) / 384


def test_tokenize_cuts_at_the_longest_length() -> None:
    ids, mask = tokenize(TOKENIZER, ["word " * 100, "word"], 16)
    assert ids.shape == mask.shape == (2, 16)
    assert mask.sum(dim=1).tolist() == [16, 3]


def test_pair_features_are_both_sides_their_difference_and_product() -> None:
    features = pair_features(torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 4.0]]))
    assert features.tolist() == [[1.0, -2.0, 3.0, 4.0, 2.0, 6.0, 3.0, -8.0]]


def test_forward_of_distinct_texts_equals_each_pair_alone(plain: BiEncoder) -> None:
    queries, products = embed(plain, "red mug", "lamp"), embed(plain, "Blue Mug", "Desk Lamp", "Yoga Mat")
    query_place, product_place = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 2, 1, 0])
    labels, weights = torch.tensor([0, 2, 1, 0]), torch.tensor([1.0, 1.0, 3.0, 0.5])
    query_ids, query_mask = tokenize(TOKENIZER, ["red mug", "lamp"], 32)
    product_ids, product_mask = tokenize(TOKENIZER, ["Blue Mug", "Desk Lamp", "Yoga Mat"], 32)
    with torch.no_grad():
        result = plain(query_ids, query_mask, query_place, product_ids, product_mask, product_place, labels, weights)
        expected = plain.compare(queries[query_place], products[product_place])
    losses = -torch.log_softmax(expected, dim=1)[range(4), labels]
    assert torch.allclose(result["logits"], expected, atol=1e-4)
    assert result["loss"].item() == pytest.approx((losses * weights).sum().item() / 5.5, rel=1e-4)


def test_adapter_is_on_every_linear_layer_and_the_base_is_frozen() -> None:
    encoder = load_encoder(BASE)
    linear = {name for name, module in encoder.named_modules() if isinstance(module, nn.Linear)}
    assert len(linear) == 36  # six layers: query, key, value, attention output, two of the feed-forward
    adapted = add_adapter(encoder, JudgeSpec(lora_rank=4))
    trainable = {name for name, weight in adapted.named_parameters() if weight.requires_grad}
    assert {name.partition(".lora_")[0].removeprefix("base_model.model.") for name in trainable} == linear
    assert all(".lora_A." in name or ".lora_B." in name for name in trainable)
    assert adapted.peft_config["default"].base_model_name_or_path == EMBEDDED


def test_adapter_takes_names_of_layers_and_refuses_unknown_ones() -> None:
    adapted = add_adapter(load_encoder(BASE), JudgeSpec(targets="query, value"))
    trainable = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert len(trainable) == 2 * 2 * 6
    with pytest.raises(BaseModelError, match="targets 'no_such_layer' do not fit embedded"):
        add_adapter(load_encoder(BASE), JudgeSpec(targets="no_such_layer"))


def test_merged_adapter_embeds_as_the_unmerged_one() -> None:
    torch.manual_seed(3)
    adapted = add_adapter(load_encoder(BASE), JudgeSpec())
    for name, weight in adapted.named_parameters():
        if ".lora_B." in name:
            nn.init.normal_(weight, std=0.02)
    model = BiEncoder(adapted, 384, 3).eval()
    before = embed(model, "red mug", "desk lamp")
    model.encoder = merge_adapter(adapted)
    after = embed(model.eval(), "red mug", "desk lamp")
    assert torch.allclose(before, after, atol=1e-3)
    plain = BiEncoder(load_encoder(BASE), 384, 3).eval()
    assert not torch.allclose(before, embed(plain, "red mug", "desk lamp"), atol=0.1)


def test_encoder_from_a_folder_that_holds_none_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("model")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(BaseModelError, match="cannot be loaded"):
        load_encoder(folder)
