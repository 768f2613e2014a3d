"""The cross-encoder: query and product in one sequence, so that each word of one can look at the other's."""

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from modeling.judge.base_model import reads_both_ways
from modeling.judge.bi_encoder import mean_state
from modeling.judge.one_sequence import LEAST_TEXT_TOKENS, OneSequence, Sequences, opening_tokens, plain_tokens
from modeling.judge.prompts import PAIR_LINES
from modeling.judge.spec import SpecError


class CrossEncoder(OneSequence):
    """Logits from a linear head on one state of the whole sequence.

    That is the mean of all tokens' states, or the last token's where a token sees only those before it.
    Source: Nogueira and Cho, "Passage Re-ranking with BERT", 2019, there with the first token's state.
    """

    head: nn.Linear

    def __init__(
        self, adapted: nn.Module, tokenizer: Any, labels: Sequence[str], max_length: int, prompt: str = "pair-2"
    ) -> None:
        head = nn.Linear(int(adapted.config.hidden_size), len(labels))  # type: ignore[union-attr,arg-type]  # transformers' own
        # The same start everywhere; probe.fit_head finds the weights.
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        super().__init__(adapted, head, tokenizer, labels, max_length)
        self.both_ways = reads_both_ways(adapted)
        # Adapters of "pair-1" learned on causal models whose tokenizers put nothing between the two.
        in_lines = prompt != "pair-1" and not (self.both_ways and parts_pairs(tokenizer))
        self.lines = self._lines() if in_lines else None

    @property
    def reading(self) -> tuple[Hashable, ...]:
        return *super().reading, self.lines is not None

    @property
    def output(self) -> nn.Linear:
        return self.head

    def tokens(self, queries: Sequence[str], products: Sequence[str]) -> Sequences:
        """The tokenizer's own form of two texts, or a line each; of a pair that is too long the longer one is cut."""
        if not queries:
            return {"input_ids": []}
        if self.lines is not None:
            return {"input_ids": self._in_lines(self.lines, queries, products)}
        encoded = self.tokenizer(
            list(queries),
            list(products),
            truncation="longest_first",
            max_length=self.max_length,
            return_attention_mask=False,
        )
        return dict(encoded)

    def _in_lines(self, lines: list[list[int]], queries: Sequence[str], products: Sequence[str]) -> list[list[int]]:
        """PAIR_LINES around the texts, each tokenized apart: so no token is of both, and lines break where they do."""
        opening, middle, ending = lines
        room = self.max_length - sum(map(len, lines))
        once = list(dict.fromkeys(queries))
        asked = dict(zip(once, plain_tokens(self.tokenizer, once), strict=True))
        sequences = []
        for query, shown in zip(queries, plain_tokens(self.tokenizer, products), strict=True):
            words = asked[query][: max(room // 2, room - len(shown))]
            sequences.append([*opening, *words, *middle, *shown[: room - len(words)], *ending])
        return sequences

    def _lines(self) -> list[list[int]]:
        lines = [opening_tokens(self.tokenizer, PAIR_LINES[0]), *plain_tokens(self.tokenizer, PAIR_LINES[1:])]
        fixed = sum(map(len, lines))
        if self.max_length < fixed + 2 * LEAST_TEXT_TOKENS:
            raise SpecError(
                f"max_length: what stands around query and product takes {fixed} tokens of {self.max_length}; expected "
                f"at least {fixed + 2 * LEAST_TEXT_TOKENS}"
            )
        return lines

    def states(self, **inputs: Tensor) -> Tensor:
        states = self.adapted(**inputs).last_hidden_state
        if self.both_ways:
            return mean_state(states, inputs["attention_mask"])
        last = inputs["attention_mask"].sum(dim=1) - 1
        ending = torch.zeros_like(inputs["attention_mask"]).scatter_(1, last.unsqueeze(1), 1)
        return mean_state(states, ending)


def parts_pairs(tokenizer: Any) -> bool:
    """Whether the tokenizer puts a token of its own between two texts."""
    sides = tokenizer("a", "b").sequence_ids()
    return None in sides[sides.index(0) : sides.index(1)]
