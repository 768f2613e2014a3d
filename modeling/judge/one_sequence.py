"""What the kinds have in common that read a query and a product in one sequence of tokens."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from modeling.judge.dataset import Example
from modeling.judge.model import PairModel, in_batches, in_full_precision, targets, weighted_loss

# What the tokenizer says of each token: its id, and for BERT and its kin the side that it belongs to.
Sequences = dict[str, list[list[int]]]


# Fewer tokens than this say nothing about a query or a product.
LEAST_TEXT_TOKENS = 8


class OneSequence(PairModel):
    """Reads each pair as one sequence and takes its state from there to the logits through `output`.

    `max_length` counts the tokens of the whole sequence.
    """

    @property
    @abstractmethod
    def output(self) -> nn.Linear:
        """The layer from a state to the logits."""

    @abstractmethod
    def tokens(self, queries: Sequence[str], products: Sequence[str]) -> Sequences:
        """The sequences of the pairs, at most max_length tokens each."""

    @abstractmethod
    def states(self, **inputs: Tensor) -> Tensor:
        """What the base model makes of each pair, (pairs, width), from ids and mask (pairs, tokens)."""

    def lengths(self, rows: Sequence[Example]) -> list[int]:
        sequences = self.tokens([row.query for row in rows], [row.product for row in rows])
        return [len(ids) for ids in sequences["input_ids"]]

    def collate(self, rows: Sequence[Example]) -> dict[str, Tensor]:
        sequences = self.tokens([row.query for row in rows], [row.product for row in rows])
        return {**self._padded(sequences), **targets(rows)}

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        labels, weights = batch.pop("labels"), batch.pop("weights")
        return weighted_loss(in_full_precision(self.output, self.states(**batch)), labels, weights)

    @torch.no_grad()
    def logits(self, queries: Sequence[str], products: Sequence[str]) -> Tensor:
        return in_full_precision(self.output, self.features(queries, products)).cpu()

    def features(self, queries: Sequence[str], products: Sequence[str]) -> Tensor:
        return self.states_of(self.tokens(queries, products))

    def states_of(self, sequences: Sequences) -> Tensor:
        """The states (rows, width) of sequences of tokens, computed in batches of about one length."""

        def states(rows: list[int]) -> Tensor:
            batch = self._padded({name: [values[row] for row in rows] for name, values in sequences.items()})
            return self.states(**{name: values.to(self.device) for name, values in batch.items()})

        lengths = [len(ids) for ids in sequences["input_ids"]]
        return in_batches(self, lengths, self.output.in_features, self.device, states)

    def _padded(self, sequences: Sequences) -> dict[str, Tensor]:
        return dict(self.tokenizer.pad(sequences, return_tensors="pt"))


def opening_tokens(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a sequence's beginning, with what the tokenizer puts before any text."""
    ids: list[int] = tokenizer(text)["input_ids"]
    while ids and ids[-1] in (tokenizer.eos_token_id, tokenizer.sep_token_id):
        ids = ids[:-1]
    return ids


def plain_tokens(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text and nothing else."""
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return ids
