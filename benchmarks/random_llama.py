"""A random Llama with a tokenizer of words, prompts of a wanted length for it, and what a peer makes of them."""

import random
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from modeling.judge.completion import Completion, label_rows, label_tokens
from modeling.judge.prompts import pair_prompt

LABELS = ("E", "S", "C", "I")
# Real vocabularies have 32,000 and more rows, which the output layer of a peer multiplies.
VOCABULARY = 32_000
_WORDS = [f"{a}{b}{c}" for a in string.ascii_lowercase for b in string.ascii_lowercase for c in string.ascii_lowercase]


@dataclass(frozen=True)
class Shape:
    """Width, feed-forward width, layers, heads, and heads of keys and values of a Llama."""

    width: int
    wide: int
    layers: int
    heads: int
    key_heads: int

    @property
    def linear_parameters(self) -> int:
        """Parameters of the layers' matrices: each costs two operations a token."""
        head = self.width // self.heads
        attention = self.width * head * (2 * self.heads + 2 * self.key_heads)
        return self.layers * (attention + 3 * self.width * self.wide)


def word_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer for which each three-letter word, each label after a space and each mark is one token."""
    words = ["<s>", "</s>", "<unk>", *LABELS, *"\n:,-", "Labels", "Label", "Query", "Product", *_WORDS]
    vocabulary = {word: number for number, word in enumerate(words)}
    vocabulary |= {f"<{number}>": number for number in range(len(words), VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106  # no password
    # A blank parts words and belongs to none, a line's end is a word.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(" ", "removed"), pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Punctuation()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)  # type: ignore[no-untyped-call]
    wrapped.padding_side = "right"
    return wrapped


def random_llama(shape: Shape, device: torch.device, dtype: torch.dtype) -> LlamaForCausalLM:
    """A Llama of a shape with random weights."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=shape.width,
        intermediate_size=shape.wide,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_heads,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            network = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    network.eval()  # type: ignore[no-untyped-call]
    return network


def completion_of(network: LlamaForCausalLM, tokenizer: Any, guideline: str = "") -> Completion:
    """The judge that a language model is without any update, with a guideline in its prompt or without."""
    prompt = pair_prompt("guideline-1" if guideline else "short-1", LABELS, guideline)
    rows = label_rows(network, label_tokens(tokenizer, prompt))
    return Completion(network, rows, tokenizer, LABELS, 2048, prompt).eval()


def words(count: int, rng: random.Random) -> str:
    """So many words, each of them one token."""
    return " ".join(rng.choices(_WORDS, k=count))


def pairs_of(pairs: int, shared: int, whole: int, fixed: int, a_query: int = 20) -> tuple[list[str], list[str]]:
    """Pairs whose prompts take `whole` tokens on average, `shared` of them shared by the `a_query` pairs of a query.

    `fixed` are the tokens that every prompt has before the product; what is after it counts as the product's.
    """
    rng = random.Random(5)
    asked = max(1, shared - fixed)
    queries = [words(max(1, asked + rng.randint(-3, 3)), rng) for _ in range(-(-pairs // a_query))]
    own = whole - shared - 3
    products = [words(max(1, round(own * rng.uniform(0.7, 1.3))), rng) for _ in range(pairs)]
    return [queries[number // a_query] for number in range(pairs)], products


def generated(network: LlamaForCausalLM, prompts: Sequence[list[int]], answers: Sequence[int], batch: int) -> list[int]:
    """The place in `answers` of the likeliest one by generate(max_new_tokens=1), in batches in the prompts' order."""
    settings = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True, pad_token_id=1
    )
    said: list[int] = []
    for start in range(0, len(prompts), batch):
        rows = prompts[start : start + batch]
        longest = max(map(len, rows))
        # As generate wants it: padded on the left.
        ids = torch.tensor([[1] * (longest - len(row)) + row for row in rows], device=network.device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=network.device)
        output = cast(Any, network).generate(input_ids=ids, attention_mask=mask, generation_config=settings)
        said += output.logits[0][:, list(answers)].argmax(dim=1).tolist()
    return said


def matrix_rate(device: torch.device, dtype: torch.dtype, width: int, wide: int, rows: int = 2048) -> float:
    """Operations a second of this device in a product of such matrices, the best of ten."""
    states = torch.randn(rows, width, device=device).to(dtype)
    weight = torch.randn(wide, width, device=device).to(dtype)
    best = min(seconds(lambda: torch.nn.functional.linear(states, weight), device) for _ in range(10))
    return 2 * rows * width * wide / best


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that work takes on a device."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def guideline_of(path: Path | None, tokens: int) -> str:
    """A guideline of so many tokens: a file's text, or words."""
    return path.read_text(encoding="utf-8") if path else words(tokens, random.Random(9))
