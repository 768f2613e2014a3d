import re
from pathlib import Path

import pytest
import torch
from torch import nn

from modeling.judge.base_model import load_network, load_tokenizer, resolve_base_model
from modeling.judge.cross_encoder import CrossEncoder
from modeling.judge.dataset import Example
from modeling.judge.prompts import PAIR_LINES
from modeling.judge.spec import EMBEDDED, SpecError
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


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_cross_encoder_on_a_causal_model_has_query_and_product_on_lines_of_their_own(
    family: str, tmp_path: Path
) -> None:
    base = make_base_model(tmp_path, family, [*QUERIES, *PRODUCTS, *PAIR_LINES])
    plain = cross_encoder(base, max_length=64)
    ids = plain.tokens(["red mug", "red", ""], ["Desk Lamp", "mug Desk Lamp", ""])["input_ids"]
    assert [plain.tokenizer.decode(row) for row in ids] == [
        "<|begin|>Query: red mug\nProduct: Desk Lamp\nLabel:",
        "<|begin|>Query: red\nProduct: mug Desk Lamp\nLabel:",
        "<|begin|>Query: \nProduct: \nLabel:",
    ]
    # Each text has the tokens that it has alone, so the same tokens never stand for another pair.
    asked, shown = (plain.tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("red mug", "Desk Lamp"))
    opening, middle, ending = plain.lines or []
    assert ids[0] == opening + asked + middle + shown + ending


def test_cross_encoder_on_a_causal_model_cuts_the_longer_text_and_keeps_its_lines(tmp_path: Path) -> None:
    plain = cross_encoder(make_base_model(tmp_path, "llama", [*QUERIES, *PRODUCTS, *PAIR_LINES]), max_length=40)
    fixed = sum(map(len, plain.lines or []))
    long = "red " * 90
    for query, product in ((long, "Lamp"), ("Lamp", long), (long, long)):
        (row,) = plain.tokens([query], [product])["input_ids"]
        assert len(row) == 40
        _, asked, shown, ending = re.split("Query: |\nProduct: |\nLabel:", plain.tokenizer.decode(row))
        assert ending == ""
        for text, whole in ((asked, query), (shown, product)):
            assert (
                text == whole or len(plain.tokenizer(text, add_special_tokens=False)["input_ids"]) >= (40 - fixed) // 2
            )
    with pytest.raises(SpecError, match=rf"takes {fixed} tokens of 24; expected at least {fixed + 16}"):
        cross_encoder(Path(plain.tokenizer.name_or_path), max_length=24)


def test_cross_encoder_of_an_older_prompt_reads_as_it_learned(tmp_path: Path) -> None:
    base = make_base_model(tmp_path, "llama", [*QUERIES, *PRODUCTS])
    tokenizer = load_tokenizer(base)
    older = CrossEncoder(load_network(base), tokenizer, ("a", "b"), 32, "pair-1")
    assert older.tokens(QUERIES, PRODUCTS)["input_ids"] == tokenizer(QUERIES, PRODUCTS)["input_ids"]


def test_cross_encoder_on_a_causal_model_reads_the_last_token(tmp_path: Path) -> None:
    plain = cross_encoder(make_base_model(tmp_path, "llama", [*QUERIES, *PRODUCTS]), max_length=64)
    assert not plain.both_ways
    together = plain.logits(QUERIES[:2], PRODUCTS[:2])
    alone = torch.cat([plain.logits([q], [p]) for q, p in zip(QUERIES[:2], PRODUCTS[:2], strict=True)])
    assert (together - alone).abs().max() < 0.02 * together.abs().max()
