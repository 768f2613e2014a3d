from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from modeling.judge.base_model import BaseModelError, load_tokenizer, resolve_base_model
from modeling.judge.completion import Completion, label_tokens
from modeling.judge.dataset import Example
from modeling.judge.kinds import build_model
from modeling.judge.prompts import pair_prompt
from modeling.judge.spec import EMBEDDED, JudgeSpec, SpecError
from tests.modeling.judge.families import make_base_model
from tests.modeling.judge.shop import LABELS

pytestmark = pytest.mark.training

QUERIES = ["red mug", "red mug", "lamp", ""]
PRODUCTS = ["Classic Red Mug", "Desk Lamp", "Desk Lamp, warm white, with a clamp", ""]
TEXTS = [*QUERIES, *PRODUCTS, *[f" {label}" for label in LABELS]] * 5


@pytest.fixture(scope="module", params=["qwen3", "llama"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base_model(tmp_path_factory.mktemp("base"), request.param, TEXTS)


def completion(base: Path, **changes: object) -> Completion:
    settings = {"kind": "completion", "base_model": str(base), "max_length": 128}
    model = build_model(JudgeSpec.from_dict({**settings, **changes}), LABELS, base, guideline="Is it what was asked?")
    assert isinstance(model, Completion)
    return model.eval()


def test_completion_says_what_the_whole_language_model_says_next(base: Path) -> None:
    model = completion(base)
    logits = model.logits(QUERIES, PRODUCTS)
    whole = AutoModelForCausalLM.from_pretrained(base)
    tokens = label_tokens(model.tokenizer, model.prompt)
    assert [model.tokenizer.decode([token]) for token in tokens] == [" exact", " substitute", " irrelevant"]
    for row, ids in enumerate(model.tokens(QUERIES, PRODUCTS)["input_ids"]):
        with torch.no_grad():
            expected = whole(torch.tensor([ids])).logits[0, -1, tokens]
        assert (logits[row] - expected).abs().max() < 0.02 * expected.abs().max()


def test_completion_reads_exactly_its_prompt(base: Path) -> None:
    model = completion(base)
    ids = model.tokens(QUERIES, PRODUCTS)["input_ids"]
    assert [model.tokenizer.decode(row, skip_special_tokens=True) for row in ids[:2]] == [
        "Labels: exact, substitute, irrelevant\nQuery: red mug\nProduct: Classic Red Mug\nLabel:",
        "Labels: exact, substitute, irrelevant\nQuery: red mug\nProduct: Desk Lamp\nLabel:",
    ]
    assert ids[0][0] == model.tokenizer.bos_token_id
    shared = len(model.opening) + len(model.tokenizer("red mug", add_special_tokens=False)["input_ids"])
    shared += len(model.before_product)
    assert ids[0][:shared] == ids[1][:shared]
    rows = [Example(n, 1, q, p, 0, "train") for n, (q, p) in enumerate(zip(QUERIES, PRODUCTS, strict=True))]
    assert model.lengths(rows) == [len(row) for row in ids]


def test_completion_begins_with_the_guideline_where_it_is_asked_to(base: Path) -> None:
    model = completion(base, prompt="guideline-1")
    text = model.tokenizer.decode(model.tokens(["lamp"], ["Desk Lamp"])["input_ids"][0], skip_special_tokens=True)
    assert text == (
        "Is it what was asked?\n\nLabels: exact, substitute, irrelevant\nQuery: lamp\nProduct: Desk Lamp\nLabel:"
    )


def test_completion_cuts_the_product_and_never_its_ending(base: Path) -> None:
    model = completion(base, max_length=100)
    ids = model.tokens(["mug " * 500, "mug"], ["word " * 500, "word " * 500])["input_ids"]
    assert [len(row) for row in ids] == [100, 100]
    assert all(row[-len(model.ending) :] == model.ending for row in ids)
    assert model.tokenizer.decode(ids[0]).count("mug") >= 10
    assert model.tokenizer.decode(ids[0]).count("word") >= 4


def test_completion_reads_no_command_in_a_text(base: Path) -> None:
    model = completion(base)
    ids = model.tokens(["mug <|end|>"], ["<|begin|>"])["input_ids"][0]
    assert model.tokenizer.eos_token_id not in ids
    assert ids.count(model.tokenizer.bos_token_id) == 1


def test_completion_loss_is_on_the_label_tokens_alone(base: Path) -> None:
    model = completion(base)
    rows = [Example(n, 1, q, p, n % 3, "train", n + 1) for n, (q, p) in enumerate(zip(QUERIES, PRODUCTS, strict=True))]
    with torch.no_grad():
        result = model(**model.collate(rows))
    losses = -torch.log_softmax(result["logits"], dim=1)[range(4), [0, 1, 2, 0]]
    assert result["loss"].item() == pytest.approx((losses * torch.tensor([1.0, 2, 3, 4])).sum().item() / 10, rel=1e-5)
    judged = model.logits(QUERIES, PRODUCTS)
    assert (result["logits"] - judged).abs().max() < 0.02 * judged.abs().max()


def test_completion_trains_its_updates_alone(base: Path) -> None:
    model = completion(base)
    trainable = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert len(trainable) == 2 * 2 * 7
    assert all(".lora_" in name for name in trainable)
    assert model.head is None
    [group] = model.parameter_groups(JudgeSpec(learning_rate=0.5))
    assert (len(group["params"]), group["lr"]) == (28, 0.5)


def test_labels_that_are_not_one_token_each_are_refused_with_the_reason(base: Path) -> None:
    tokenizer = load_tokenizer(base)
    with pytest.raises(
        SpecError, match=r'"short-1" says the label unseen as \' unseen\'.*as one token.*use "letters-1"'
    ):
        label_tokens(tokenizer, pair_prompt("short-1", [*LABELS, "unseen"]))
    tokens = label_tokens(tokenizer, pair_prompt("letters-1", [*LABELS, "unseen"]))
    assert [tokenizer.decode([token]) for token in tokens] == [" A", " B", " C", " D"]


def test_labels_with_the_same_token_are_refused_with_the_reason(base: Path) -> None:
    tokenizer = load_tokenizer(base)
    prompt = pair_prompt("short-1", ["yes", "no"])
    same = type(prompt)(
        prompt.version, prompt.opening, prompt.before_product, prompt.ending, {"yes": " exact", "no": " exact"}
    )
    with pytest.raises(SpecError, match="says the labels yes and no with the same token ' exact'"):
        label_tokens(tokenizer, same)


def test_completion_refuses_what_its_base_model_cannot_do(base: Path) -> None:
    with pytest.raises(SpecError, match=r"max_length: .* reads at most 1024 tokens, got 2000"):
        completion(base, max_length=2000)
    with pytest.raises(SpecError, match=r"max_length: the prompt alone takes \d+ tokens and leaves .* of 40"):
        completion(base, max_length=40)
    embedded = resolve_base_model(EMBEDDED)
    with pytest.raises(BaseModelError, match="bert is no causal language model, which a completion needs"):
        build_model(JudgeSpec(kind="completion", max_length=64), ["red", "blue"], embedded)


def test_completion_with_a_guideline_prompt_needs_the_guideline(base: Path) -> None:
    spec = JudgeSpec(kind="completion", base_model=str(base), prompt="guideline-1")
    with pytest.raises(SpecError, match='prompt: "guideline-1" begins with the guideline, and there is none'):
        build_model(spec, LABELS, base)
