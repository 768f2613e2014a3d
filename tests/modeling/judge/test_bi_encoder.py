import math

import pytest
import torch

from modeling.judge.base_model import load_network, load_tokenizer, resolve_base_model
from modeling.judge.bi_encoder import BiEncoder, pair_features
from modeling.judge.dataset import Example
from modeling.judge.spec import EMBEDDED

pytestmark = pytest.mark.training

ROWS = [
    Example(1, 1, "red mug", "Blue Mug", 0, "train"),
    Example(2, 1, "red mug", "Yoga Mat", 2, "train"),
    Example(3, 2, "lamp", "Desk Lamp", 1, "train", 3.0),
    Example(4, 2, "lamp", "Blue Mug", 0, "train", 0.5),
]


@pytest.fixture(scope="module")
def plain() -> BiEncoder:
    base = resolve_base_model(EMBEDDED)
    model = BiEncoder(load_network(base), load_tokenizer(base), ("a", "b", "c"), 16).eval()
    torch.manual_seed(5)
    torch.nn.init.normal_(model.head.weight)
    return model


def embed(model: BiEncoder, *texts: str) -> torch.Tensor:
    batch = model.tokenizer(list(texts), padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.embed(batch["input_ids"], batch["attention_mask"])


def test_embedding_does_not_depend_on_the_padding_beside_it(plain: BiEncoder) -> None:
    alone = embed(plain, "red mug")
    padded = embed(plain, "red mug", "a much longer text about a mug that is red and holds a litre of coffee")
    assert torch.allclose(alone[0], padded[0], atol=1e-4)
    assert padded.norm(dim=1).tolist() == pytest.approx([math.sqrt(384)] * 2, rel=1e-4)


def test_embedding_puts_like_texts_together(plain: BiEncoder) -> None:
    mug, cup, lamp = embed(plain, "red coffee mug", "crimson cup for coffee", "desk lamp with a clamp")
    assert torch.dot(mug, cup) / 384 > 0.5 > torch.dot(mug, lamp) / 384


def test_pair_features_are_both_sides_their_difference_and_product() -> None:
    features = pair_features(torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 4.0]]))
    assert features.tolist() == [[1.0, -2.0, 3.0, 4.0, 2.0, 6.0, 3.0, -8.0]]


def test_batch_holds_each_distinct_text_once(plain: BiEncoder) -> None:
    batch = plain.collate(ROWS)
    assert batch["query_ids"].shape[0] == 2
    assert batch["product_ids"].shape[0] == 3
    assert plain.tokenizer.decode(batch["query_ids"][1], skip_special_tokens=True) == "lamp"
    assert batch["query_place"].tolist() == [0, 0, 1, 1]
    assert batch["product_place"].tolist() == [0, 1, 2, 0]
    assert batch["labels"].tolist() == [0, 2, 1, 0]
    assert batch["weights"].tolist() == [1.0, 1.0, 3.0, 0.5]
    assert batch["weights"].dtype == torch.float32


def test_lengths_count_both_sides_cut_as_they_are_read(plain: BiEncoder) -> None:
    assert plain.lengths(ROWS) == [8, 8, 7, 7]  # [CLS] and [SEP] on each side
    assert plain.lengths([Example(1, 1, "mug " * 100, "word " * 100, 0, "train")]) == [32]
    assert plain.lengths([]) == []


def test_forward_of_distinct_texts_equals_each_pair_alone(plain: BiEncoder) -> None:
    queries, products = embed(plain, "red mug", "lamp"), embed(plain, "Blue Mug", "Desk Lamp", "Yoga Mat")
    with torch.no_grad():
        result = plain(**plain.collate(ROWS))
        expected = plain.compare(queries[[0, 0, 1, 1]], products[[0, 2, 1, 0]])
    losses = -torch.log_softmax(expected, dim=1)[range(4), [0, 2, 1, 0]]
    weights = torch.tensor([1.0, 1.0, 3.0, 0.5])
    assert torch.allclose(result["logits"], expected, atol=1e-3)
    assert result["loss"].item() == pytest.approx((losses * weights).sum().item() / 5.5, rel=1e-3)
    judged = plain.logits([row.query for row in ROWS], [row.product for row in ROWS])
    assert (judged - expected).abs().max() < 0.02 * expected.abs().max()
