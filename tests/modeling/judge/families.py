"""Small random models of the families that the shipped specs name, each with a tokenizer trained on the spot."""

import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    BertConfig,
    LlamaConfig,
    ModernBertConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)
from transformers.utils import logging as transformers_logging

from tests.modeling.judge.shop import LABELS

FAMILIES = ("bert", "modernbert", "qwen3", "llama")
_VOCABULARY = 600
# ModernBERT's own numbers would lie beyond so small a vocabulary.
_SIDES = {"cls": "cls", "bos": "cls", "sep": "sep", "eos": "sep", "pad": "pad"}


def make_base_model(folder: Path, family: str, texts: Iterable[str], width: int = 64, seed: int = 0) -> Path:
    """Write a random two-layer model of the family and its tokenizer into a new folder; returns the folder."""
    # As any real vocabulary has them: what says a label is one token.
    texts = [*texts, *[f" {word}" for word in (*string.ascii_uppercase, *LABELS)] * 9]
    tokenizer = _byte_level(texts) if family in ("qwen3", "llama") else _with_sides(texts, family)
    special: dict[str, Any] = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id}
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 1024,
    }
    config: PretrainedConfig
    if family == "bert":
        config = BertConfig(**shape, pad_token_id=tokenizer.pad_token_id)
    elif family == "modernbert":
        sides: dict[str, Any] = {
            f"{name}_token_id": getattr(tokenizer, f"{side}_token_id") for name, side in _SIDES.items()
        }
        config = ModernBertConfig(**shape, **sides, local_attention=16)
    elif family == "qwen3":
        config = Qwen3Config(**shape, **special, num_key_value_heads=2, head_dim=16, tie_word_embeddings=True)
    else:
        config = LlamaConfig(**shape, **special, num_key_value_heads=2, tie_word_embeddings=False)
    torch.manual_seed(seed)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    maker = AutoModelForCausalLM if family in ("qwen3", "llama") else AutoModel
    maker.from_config(config).save_pretrained(folder)  # type: ignore[no-untyped-call]
    tokenizer.save_pretrained(folder)
    return folder


def _byte_level(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE, as Llama 3's and Qwen's: any text, a space belongs to the word after it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=["<|begin|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A", special_tokens=[("<|begin|>", tokenizer.token_to_id("<|begin|>"))]
    )
    return _wrapped(tokenizer, bos_token="<|begin|>", eos_token="<|end|>")


def _with_sides(texts: Iterable[str], family: str) -> PreTrainedTokenizerFast:
    """A lower-case WordPiece whose sequences have [CLS] and [SEP]; BERT's tell the sides apart by number."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=_VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return _wrapped(
        tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask", *(["token_type_ids"] if family == "bert" else [])],
    )


def _wrapped(tokenizer: Tokenizer, **settings: Any) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **settings)  # type: ignore[no-untyped-call]
