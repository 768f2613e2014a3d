"""The cross-encoder: query and product in one sequence, so that each word of one can look at the other's."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from modeling.judge.base_model import reads_both_ways
from modeling.judge.bi_encoder import mean_state
from modeling.judge.one_sequence import OneSequence, Sequences


class CrossEncoder(OneSequence):
    """Logits from a linear head on one state of the whole sequence.

    That is the mean of all tokens' states, or the last token's where a token sees only those before it.
    Source: Nogueira and Cho, "Passage Re-ranking with BERT", 2019, there with the first token's state.
    """

    head: nn.Linear

    def __init__(self, adapted: nn.Module, tokenizer: Any, labels: Sequence[str], max_length: int) -> None:
        head = nn.Linear(int(adapted.config.hidden_size), len(labels))  # type: ignore[union-attr,arg-type]  # transformers' own
        # The same start everywhere; probe.fit_head finds the weights.
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        super().__init__(adapted, head, tokenizer, labels, max_length)
        self.both_ways = reads_both_ways(adapted)

    @property
    def output(self) -> nn.Linear:
        return self.head

    def tokens(self, queries: Sequence[str], products: Sequence[str]) -> Sequences:
        """The tokenizer's own form of two texts; where they are too long, the longer one is cut."""
        if not queries:
            return {"input_ids": []}
        encoded = self.tokenizer(
            list(queries),
            list(products),
            truncation="longest_first",
            max_length=self.max_length,
            return_attention_mask=False,
        )
        return dict(encoded)

    def states(self, **inputs: Tensor) -> Tensor:
        states = self.adapted(**inputs).last_hidden_state
        if self.both_ways:
            return mean_state(states, inputs["attention_mask"])
        last = inputs["attention_mask"].sum(dim=1) - 1
        ending = torch.zeros_like(inputs["attention_mask"]).scatter_(1, last.unsqueeze(1), 1)
        return mean_state(states, ending)
