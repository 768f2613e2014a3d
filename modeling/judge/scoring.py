"""A judge at work: texts in, calibrated probabilities out. Throughput is the point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from modeling.evaluation.calibration import Calibration
from modeling.judge.artifact import ADAPTER_FOLDER, HEAD_WEIGHTS, IncompatibleArtifact, read_artifact
from modeling.judge.base_model import resolve_base_model, weights_sha256
from modeling.judge.model import (
    BiEncoder,
    best_device,
    embedding_width,
    fast_half_precision,
    load_adapter,
    load_encoder,
    load_tokenizer,
    merge_adapter,
    pair_features,
)

# Tokens embedded at once, padding included.
_TOKENS_ON_CPU = 4096
_TOKENS_ON_GPU = 65536
# Pairs compared at once: four embeddings a pair are held.
_PAIRS = 16384

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Judge:
    """A trained judge in memory. `labels` names the columns of what it returns."""

    model: BiEncoder
    tokenizer: Any
    labels: tuple[str, ...]
    max_length: int
    calibration: Calibration = field(default_factory=Calibration)

    @classmethod
    def load(cls, folder: Path, device: torch.device | None = None) -> "Judge":
        """The judge that an artifact's folder holds, its adapter merged into the base model.

        CorruptArtifact when the folder is damaged, IncompatibleArtifact when it is whole but not for this
        version or its base model has other weights, BaseModelError when that cannot be had.
        """
        artifact = read_artifact(folder)
        base = resolve_base_model(artifact.spec.base_model, artifact.spec.revision)
        expected, found = artifact.manifest["base_model_sha256"], weights_sha256(base)
        if found != expected:
            raise IncompatibleArtifact(
                f"{folder}: was trained on {artifact.spec.base_model} with weights {expected}, "
                f"but {base} has {found}. Set base_model's revision or folder back, or train again."
            )
        encoder = merge_adapter(load_adapter(load_encoder(base), folder / ADAPTER_FOLDER))
        model = BiEncoder(encoder, embedding_width(encoder), len(artifact.labels))
        model.head.load_state_dict(load_file(folder / HEAD_WEIGHTS))
        return cls(
            model=model.to(device or best_device()).eval(),
            tokenizer=load_tokenizer(base),
            labels=artifact.labels,
            max_length=artifact.spec.max_length,
            calibration=Calibration.from_dict(artifact.manifest["calibration"]),
        )

    def probabilities(self, queries: Sequence[str], products: Sequence[str]) -> Floats:
        """Calibrated probabilities (pairs, labels) for texts made by prompts.py; rows sum to 1."""
        return self.calibration.probabilities(self.logits(queries, products)).astype(np.float32)

    def logits(self, queries: Sequence[str], products: Sequence[str]) -> Floats:
        """Logits (pairs, labels), before calibration. Each distinct text is embedded once."""
        if len(queries) != len(products):
            raise ValueError(f"a pair is a query and a product, got {len(queries)} and {len(products)}")
        embeddings, query_place, product_place = self._embed_sides(queries, products)
        logits = torch.empty((len(queries), len(self.labels)))
        with torch.inference_mode():
            for start in range(0, len(queries), _PAIRS):
                rows = slice(start, start + _PAIRS)
                compared = self.model.compare(embeddings[query_place[rows]], embeddings[product_place[rows]])
                logits[rows] = compared.cpu()
        return cast(Floats, logits.numpy())

    def features(self, queries: Sequence[str], products: Sequence[str]) -> torch.Tensor:
        """What the head reads of each pair, (pairs, 4 * width), on the judge's device."""
        embeddings, query_place, product_place = self._embed_sides(queries, products)
        return pair_features(embeddings[query_place], embeddings[product_place])

    def _embed_sides(
        self, queries: Sequence[str], products: Sequence[str]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Embeddings of the distinct texts, and for each pair the rows of its query and its product."""
        place = {text: number for number, text in enumerate(dict.fromkeys([*queries, *products]))}
        query_place = torch.tensor([place[text] for text in queries], dtype=torch.long)
        product_place = torch.tensor([place[text] for text in products], dtype=torch.long)
        return self._embed(list(place)), query_place, product_place

    def _embed(self, texts: list[str]) -> torch.Tensor:
        """Embeddings (texts, width), computed from the shortest text to the longest in batches of few pads."""
        device = next(self.model.parameters()).device
        half = fast_half_precision(device)
        width = self.model.head.in_features // 4
        embeddings = torch.empty((len(texts), width), device=device)
        if not texts:
            return embeddings
        tokens = self.tokenizer(texts, truncation=True, max_length=self.max_length)["input_ids"]
        budget = _TOKENS_ON_CPU if device.type == "cpu" else _TOKENS_ON_GPU
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=half):
            for rows in _batches_by_length([len(row) for row in tokens], budget):
                batch = self.tokenizer.pad({"input_ids": [tokens[row] for row in rows]}, return_tensors="pt")
                embeddings[rows] = self.model.embed(batch["input_ids"].to(device), batch["attention_mask"].to(device))
        return embeddings


def _batches_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Row numbers by rising length, in batches of at most `budget` tokens with their padding."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
