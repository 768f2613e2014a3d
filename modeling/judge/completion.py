"""The completion: a causal language model whose prompt ends where the label goes."""

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from modeling.judge.one_sequence import LEAST_TEXT_TOKENS, OneSequence, Sequences, opening_tokens, plain_tokens
from modeling.judge.prompts import PairPrompt, pair_prompt
from modeling.judge.spec import SpecError


class Completion(OneSequence):
    """Logits of the labels' tokens after the prompt: one forward pass, the last position, only those rows.

    So the loss is on the completion alone. The rows are the language model's own and are not trained. Query and
    product are tokenized apart, so that the tokens before the product are the same for all products of a query.
    SpecError where a label is not one token of its own, or the prompt leaves no room for a product.
    """

    def __init__(
        self,
        adapted: nn.Module,
        rows: nn.Linear,
        tokenizer: Any,
        labels: Sequence[str],
        max_length: int,
        prompt: PairPrompt,
    ) -> None:
        super().__init__(adapted, None, tokenizer, labels, max_length)
        self.rows = rows
        self.prompt = prompt
        self.opening = opening_tokens(tokenizer, prompt.opening)
        self.before_product, self.ending = plain_tokens(tokenizer, [prompt.before_product, prompt.ending])
        fixed = len(self.opening) + len(self.before_product) + len(self.ending)
        # A query may take half of what is left, so that a product always has the other half.
        self.room = max_length - fixed
        if self.room < 2 * LEAST_TEXT_TOKENS:
            raise SpecError(
                f"max_length: the prompt alone takes {fixed} tokens and leaves {self.room} of {max_length} for query "
                f"and product; expected at least {fixed + 2 * LEAST_TEXT_TOKENS}"
            )

    @property
    def reading(self) -> tuple[Hashable, ...]:
        return *super().reading, tuple(self.opening), tuple(self.before_product), tuple(self.ending)

    @property
    def output(self) -> nn.Linear:
        return self.rows

    def tokens(self, queries: Sequence[str], products: Sequence[str]) -> Sequences:
        """opening, query, middle, product, ending; a product too long is cut, a query above half the room."""
        return {"input_ids": [[*self.opening, *asked, *shown] for asked, shown in self.parts(queries, products)]}

    def parts(self, queries: Sequence[str], products: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """What follows the opening: the tokens that all products of a query share, and those of the product."""
        if not queries:
            return []
        once = list(dict.fromkeys(queries))
        query_tokens = dict(zip(once, plain_tokens(self.tokenizer, once), strict=True))
        parts = []
        for query, product in zip(queries, plain_tokens(self.tokenizer, products), strict=True):
            asked = query_tokens[query][: self.room // 2]
            shown = product[: self.room - len(asked)]
            parts.append(([*asked, *self.before_product], [*shown, *self.ending]))
        return parts

    def states(self, **inputs: Tensor) -> Tensor:
        """The state of each sequence's last token; as it sees none after it, padding needs no mask."""
        states = self.decoder(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state
        last = inputs["attention_mask"].sum(dim=1) - 1
        picked: Tensor = states[torch.arange(len(last), device=last.device), last]
        return picked

    @property
    def decoder(self) -> nn.Module:
        """The language model without its output layer, its low-rank updates in place."""
        model: Any = self.adapted
        network = model.get_base_model() if hasattr(model, "get_base_model") else model
        decoder: nn.Module = network.get_decoder()
        return decoder


def label_rows(network: nn.Module, tokens: Sequence[int]) -> nn.Linear:
    """The rows (labels, width) of a language model's output layer that say these tokens, frozen, in float32."""
    layer: Any = network.get_output_embeddings()  # type: ignore[operator]  # transformers' own
    weight = layer.weight.detach()[list(tokens)].float()
    rows = nn.Linear(weight.shape[1], weight.shape[0], bias=layer.bias is not None, device=weight.device)
    rows.weight.data.copy_(weight)
    if layer.bias is not None:
        rows.bias.data.copy_(layer.bias.detach()[list(tokens)].float())
    return rows.requires_grad_(False)


def label_tokens(tokenizer: Any, prompt: PairPrompt) -> list[int]:
    """The token that says each label after the prompt's ending; SpecError unless each is one, and its own."""
    ending = tokenizer(prompt.ending, add_special_tokens=False)["input_ids"]
    found: dict[int, str] = {}
    for key, answer in prompt.answers.items():
        whole = tokenizer(prompt.ending + answer, add_special_tokens=False)["input_ids"]
        said = whole[len(ending) :]
        if whole[: len(ending)] != ending or len(said) != 1 or said[0] == tokenizer.unk_token_id:
            pieces = [tokenizer.decode([token]) for token in (said or whole)]
            way_out = (
                "another base model" if prompt.version == "letters-1" else '"letters-1", which says A, B and so on'
            )
            raise SpecError(
                f'prompt: "{prompt.version}" says the label {key} as {answer!r}, which this tokenizer does not hold as '
                f"one token after {prompt.ending!r} but as {pieces}; use {way_out}"
            )
        if said[0] in found:
            way_out = (
                "another base model" if prompt.version == "letters-1" else '"letters-1", which says A, B and so on'
            )
            raise SpecError(
                f'prompt: "{prompt.version}" says the labels {found[said[0]]} and {key} with the same token '
                f"{tokenizer.decode(said)!r}, so they cannot be told apart"
            )
        found[said[0]] = key
    return list(found)


def pair_prompt_of(version: str, labels: Sequence[str], guideline: str | Sequence[str]) -> PairPrompt:
    """The prompt of a spec; SpecError where it cannot be made of these labels and this guideline."""
    try:
        return pair_prompt(version, labels, guideline)
    except ValueError as error:
        raise SpecError(f"prompt: {error}") from error
