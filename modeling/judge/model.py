"""What the three kinds of judge have in common: a base model with an adapter that tells pairs' labels."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn import functional

from modeling.judge.dataset import Example
from modeling.judge.device import half_precision
from modeling.judge.lora import merge_adapter
from modeling.judge.spec import JudgeSpec

# Tokens computed at once while judging, padding included.
TOKENS_ON_CPU = 4096
TOKENS_ON_GPU = 65536


class PairModel(nn.Module, ABC):
    """A network that gives every pair of a query and a product a logit for each label.

    `adapted` is the base model with its low-rank updates, or with them merged; `head` reads what it makes of a
    pair, and is None where the base model's own output layer does.
    """

    adapted: nn.Module
    head: nn.Linear | None

    def __init__(
        self, adapted: nn.Module, head: nn.Linear | None, tokenizer: Any, labels: Sequence[str], max_length: int
    ) -> None:
        super().__init__()
        self.adapted = adapted
        self.head = head
        self.tokenizer = tokenizer
        self.labels = tuple(labels)
        self.max_length = max_length

    @property
    def reading(self) -> tuple[Hashable, ...]:
        """What decides how texts become tokens: models with equal values read them alike."""
        return type(self).__name__, str(self.tokenizer.name_or_path), self.max_length

    @abstractmethod
    def lengths(self, rows: Sequence[Example]) -> list[int]:
        """Tokens of each row as collate reads them, a text that rows share counted for each."""

    @abstractmethod
    def collate(self, rows: Sequence[Example]) -> dict[str, Tensor]:
        """The batch that forward takes, with "labels" (pairs,) and "weights" (pairs,)."""

    @abstractmethod
    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """ "loss" (), the weighted mean of the labels' cross entropy, and "logits" (pairs, labels)."""

    @abstractmethod
    def logits(self, queries: Sequence[str], products: Sequence[str]) -> Tensor:
        """Logits (pairs, labels) in float32 on the CPU, for texts made by prompts.py."""

    @abstractmethod
    def features(self, queries: Sequence[str], products: Sequence[str]) -> Tensor:
        """What the head reads of each pair, (pairs, numbers), on the model's device."""

    def parameter_groups(self, spec: JudgeSpec) -> list[dict[str, Any]]:
        """What an optimizer trains: the updates, and the head at a learning rate of its own."""
        updates = [weight for weight in self.adapted.parameters() if weight.requires_grad]
        groups: list[dict[str, Any]] = [{"params": updates, "lr": spec.learning_rate}]
        if self.head is not None:
            groups.append({"params": list(self.head.parameters()), "lr": spec.head_learning_rate})
        return groups

    def merge(self) -> None:
        """Add the updates to the base model's weights where those take them without loss."""
        if isinstance(self.adapted, PeftModel):
            self.adapted = merge_adapter(self.adapted)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.adapted.parameters()).device


def weighted_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """What forward returns: the cross entropy of logits (pairs, labels), meaned by the pairs' weights."""
    losses = functional.cross_entropy(logits, labels, reduction="none")
    return {"loss": (losses * weights).sum() / weights.sum(), "logits": logits}


def targets(rows: Sequence[Example]) -> dict[str, Tensor]:
    """The part of a batch that says what is right and how much each pair counts."""
    return {
        "labels": torch.tensor([row.label for row in rows]),
        "weights": torch.tensor([row.weight for row in rows], dtype=torch.float32),
    }


def in_full_precision(head: nn.Linear, features: Tensor) -> Tensor:
    """The head's logits: it is small and its sums are long."""
    with torch.autocast(features.device.type, enabled=False):
        logits: Tensor = head(features.float())
    return logits


def batches_by_length(lengths: Sequence[int], budget: int, *, padded: bool = True) -> Iterator[list[int]]:
    """Row numbers from the longest to the shortest, in batches of at most `budget` tokens with their padding.

    Where nothing is `padded`, a row takes what it is long. A row above the budget is a batch of its own. What needs
    most memory comes first, so that it fails at once.
    """
    batch: list[int] = []
    taken = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        size = lengths[batch[0]] if batch and padded else lengths[row]
        if batch and taken + size > budget:
            yield batch
            batch, taken, size = [], 0, lengths[row]
        batch.append(row)
        taken += size
    if batch:
        yield batch


@torch.no_grad()
def in_batches(model: nn.Module, lengths: Sequence[int], width: int, device: torch.device, compute: Any) -> Tensor:
    """(rows, width) of what `compute(rows)` makes of one batch after the other, without a gradient."""
    made = torch.empty((len(lengths), width), device=device)
    budget = TOKENS_ON_CPU if device.type == "cpu" else TOKENS_ON_GPU
    training = model.training
    model.eval()
    try:
        with half_precision(device):
            for rows in batches_by_length(lengths, budget):
                made[rows] = compute(rows).float()
    finally:
        model.train(training)
    return made
