"""The bi-encoder: one encoder for queries and products, and a head that compares what it makes of them."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from modeling.judge.base_model import BaseModelError
from modeling.judge.spec import ALL_LINEAR, JudgeSpec


class BiEncoder(nn.Module):
    """Logits for pairs from the embeddings q and p of their texts: a linear head on [q, p, |q - p|, q * p].

    Source: Reimers and Gurevych, "Sentence-BERT", EMNLP 2019, here with the product as a fourth part.
    """

    def __init__(self, encoder: nn.Module, width: int, labels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(4 * width, labels)
        # The same start everywhere; probe.fit_head finds the weights.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings (texts, width) of length sqrt(width), so that their parts are of size 1.

        The mean over the tokens that attention_mask (texts, tokens) marks.
        """
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
        mask = attention_mask.unsqueeze(-1).float()
        mean = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        return functional.normalize(mean, dim=1) * math.sqrt(mean.shape[1])

    def compare(self, queries: Tensor, products: Tensor) -> Tensor:
        """Logits (pairs, labels) from the embeddings (pairs, width) of both sides."""
        # In full precision: the head is small and its sums are long.
        with torch.autocast(queries.device.type, enabled=False):
            logits: Tensor = self.head(pair_features(queries, products))
        return logits

    def forward(
        self,
        query_ids: Tensor,
        query_mask: Tensor,
        query_place: Tensor,
        product_ids: Tensor,
        product_mask: Tensor,
        product_place: Tensor,
        labels: Tensor,
        weights: Tensor,
    ) -> dict[str, Tensor]:
        """The loss of a batch whose distinct texts come once; the places (pairs,) say which belong to a pair."""
        queries = self.embed(query_ids, query_mask)[query_place]
        products = self.embed(product_ids, product_mask)[product_place]
        logits = self.compare(queries, products)
        losses = functional.cross_entropy(logits, labels, reduction="none")
        return {"loss": (losses * weights).sum() / weights.sum(), "logits": logits}


def pair_features(queries: Tensor, products: Tensor) -> Tensor:
    """What the head reads, (pairs, 4 * width), from the embeddings (pairs, width) of both sides."""
    return torch.cat([queries, products, (queries - products).abs(), queries * products], dim=1)


def load_tokenizer(folder: Path) -> Any:
    """The base model's tokenizer, from its folder alone."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_encoder(folder: Path) -> nn.Module:
    """The base model in full precision, without the pooling layer that a judge does not use."""
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        encoder: nn.Module = AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise BaseModelError(f"base model in {folder} cannot be loaded: {error}") from error
    # The frozen base is used as it is in scoring; an adapter brings a dropout of its own.
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    if hasattr(encoder, "pooler"):
        setattr(encoder, "pooler", None)  # noqa: B010  # a module's attributes have no static types
    return encoder


def add_adapter(encoder: nn.Module, spec: JudgeSpec) -> PeftModel:
    """The encoder with frozen weights and trainable low-rank updates as the spec wants them."""
    targets: str | list[str] = spec.targets
    if spec.targets != ALL_LINEAR:
        targets = [name.strip() for name in spec.targets.split(",")]
    config = LoraConfig(
        r=spec.lora_rank,
        lora_alpha=spec.lora_alpha,
        lora_dropout=spec.lora_dropout,
        target_modules=targets,
    )
    try:
        with _peft_asks_by_an_old_name():
            adapted = get_peft_model(encoder, config)
    except ValueError as error:
        raise BaseModelError(f"targets {spec.targets!r} do not fit {spec.base_model}: {error}") from error
    # PEFT notes the folder on this machine, which means nothing on the next.
    config.base_model_name_or_path = spec.base_model
    config.revision = spec.revision
    return cast(PeftModel, adapted)


def load_adapter(encoder: nn.Module, folder: Path) -> PeftModel:
    """The encoder with the updates that an artifact's adapter folder holds."""
    with _peft_asks_by_an_old_name():
        return PeftModel.from_pretrained(encoder, str(folder), torch_device="cpu")


@contextmanager
def _peft_asks_by_an_old_name() -> Iterator[None]:
    """Hide that PEFT 0.21 reads a property that transformers 5 has renamed: nobody here can change it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        yield


def merge_adapter(adapted: PeftModel) -> nn.Module:
    """The encoder with the updates added to its weights: as fast as the base model."""
    encoder: nn.Module = adapted.merge_and_unload()
    return encoder


def embedding_width(encoder: nn.Module) -> int:
    """How many numbers an embedding has."""
    return int(cast(Any, encoder).config.hidden_size)


def tokenize(tokenizer: Any, texts: Sequence[str], max_length: int) -> tuple[Tensor, Tensor]:
    """Token ids and mask, both (texts, longest), cut off at max_length tokens."""
    encoded = tokenizer(list(texts), padding=True, truncation=True, max_length=max_length, return_tensors="pt")
    return encoded["input_ids"], encoded["attention_mask"]


def fast_half_precision(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; elsewhere it is slower than full precision."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    features = torch.cpu.get_capabilities()
    return device.type == "cpu" and bool(features.get("amx_bf16") or features.get("avx512_bf16"))


def best_device() -> torch.device:
    """The first GPU if there is one, else the CPU."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
