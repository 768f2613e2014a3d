from pathlib import Path

import pytest
import torch
from torch import nn

from modeling.judge.base_model import load_network, load_tokenizer, resolve_base_model
from modeling.judge.cross_encoder import CrossEncoder
from modeling.judge.dataset import Example
from modeling.judge.spec import EMBEDDED
from tests.modeling.judge.families import make_base_model

pytestmark = pytest.mark.training

QUERIES, PRODUCTS = ["red mug", "lamp", ""], ["Classic Red Mug, holds a litre", "Desk Lamp", ""]
ROWS = [Example(n, n, q, p, 0, "train") for n, (q, p) in enumerate(zip(QUERIES, PRODUCTS, strict=True))]


def cross_encoder(base: Path, max_length: int = 32) -> CrossEncoder:
    model = CrossEncoder(load_network(base), load_tokenizer(base), ("a", "b", "c"), max_length).eval()
    torch.manual_seed(5)
    nn.init.normal_(model.head.weight)
    return model


@pytest.fixture(scope="module")
def plain() -> CrossEncoder:
    return cross_encoder(resolve_base_model(EMBEDDED))


def test_cross_encoder_reads_both_texts_in_one_sequence(plain: CrossEncoder) -> None:
    batch = plain.collate(ROWS)
    assert plain.tokenizer.decode(batch["input_ids"][1]).startswith("[CLS] lamp [SEP] desk lamp [SEP] [PAD]")
    assert batch["token_type_ids"][1].tolist() == [0, 0, 0, 1, 1, 1] + [0] * 6
    assert plain.lengths(ROWS) == batch["attention_mask"].sum(dim=1).tolist() == [12, 6, 3]


def test_cross_encoder_cuts_the_longer_text() -> None:
    plain = cross_encoder(resolve_base_model(EMBEDDED), max_length=12)
    ids = plain.tokens(["red mug", "lamp " * 50], ["word " * 50, "desk"])["input_ids"]
    assert [plain.tokenizer.decode(row) for row in ids] == [
        "[CLS] red mug [SEP] " + "word " * 7 + "[SEP]",
        "[CLS] " + "lamp " * 8 + "[SEP] desk [SEP]",
    ]


def test_cross_encoder_reads_no_command_in_a_text(plain: CrossEncoder) -> None:
    ids = plain.tokens(["mug [SEP] red"], ["[PAD] [CLS]"])["input_ids"][0]
    special = {plain.tokenizer.pad_token_id, plain.tokenizer.cls_token_id, plain.tokenizer.sep_token_id}
    assert sum(token in special for token in ids) == 3


def test_cross_encoder_judges_a_pair_the_same_in_any_company(plain: CrossEncoder) -> None:
    together = plain.logits(QUERIES, PRODUCTS)
    alone = torch.cat([plain.logits([q], [p]) for q, p in zip(QUERIES, PRODUCTS, strict=True)])
    assert together.shape == (3, 3)
    assert (together - alone).abs().max() < 0.02 * together.abs().max()
    with torch.no_grad():
        trained_on = plain(**plain.collate(ROWS))["logits"]
    assert (together - trained_on).abs().max() < 0.02 * together.abs().max()
    assert plain.logits([], []).shape == (0, 3)


def test_cross_encoder_on_a_causal_model_reads_the_last_token(tmp_path: Path) -> None:
    plain = cross_encoder(make_base_model(tmp_path, "llama", [*QUERIES, *PRODUCTS]))
    assert not plain.both_ways
    together = plain.logits(QUERIES[:2], PRODUCTS[:2])
    alone = torch.cat([plain.logits([q], [p]) for q, p in zip(QUERIES[:2], PRODUCTS[:2], strict=True)])
    assert (together - alone).abs().max() < 0.02 * together.abs().max()
