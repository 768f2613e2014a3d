"""The bi-encoder: one encoder for queries and products, and a head that compares what it makes of them."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.judge.dataset import Example
from modeling.judge.model import PairModel, in_batches, in_full_precision, targets, weighted_loss

# Pairs compared at once: four embeddings a pair are held.
_PAIRS = 16384


class BiEncoder(PairModel):
    """Logits for pairs from the embeddings q and p of their texts: a linear head on [q, p, |q - p|, q * p].

    `max_length` counts the tokens of a query and of a product, each.
    Source: Reimers and Gurevych, "Sentence-BERT", EMNLP 2019, here with the product as a fourth part.
    """

    head: nn.Linear

    def __init__(self, adapted: nn.Module, tokenizer: Any, labels: Sequence[str], max_length: int) -> None:
        self.width = int(adapted.config.hidden_size)  # type: ignore[union-attr,arg-type]  # transformers' own
        head = nn.Linear(4 * self.width, len(labels))
        # The same start everywhere; probe.fit_head finds the weights.
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        super().__init__(adapted, head, tokenizer, labels, max_length)

    def lengths(self, rows: Sequence[Example]) -> list[int]:
        place = places_of([text for row in rows for text in (row.query, row.product)])
        length = [len(ids) for ids in self.tokens(list(place))]
        return [length[place[row.query]] + length[place[row.product]] for row in rows]

    def collate(self, rows: Sequence[Example]) -> dict[str, Tensor]:
        """Each distinct text comes once; the places (pairs,) say which of them belong to a pair."""
        query_ids, query_mask, query_place = self._distinct([row.query for row in rows])
        product_ids, product_mask, product_place = self._distinct([row.product for row in rows])
        return {
            "query_ids": query_ids,
            "query_mask": query_mask,
            "query_place": query_place,
            "product_ids": product_ids,
            "product_mask": product_mask,
            "product_place": product_place,
            **targets(rows),
        }

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        queries = self.embed(batch["query_ids"], batch["query_mask"])[batch["query_place"]]
        products = self.embed(batch["product_ids"], batch["product_mask"])[batch["product_place"]]
        return weighted_loss(self.compare(queries, products), batch["labels"], batch["weights"])

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings (texts, width) of length sqrt(width), so that their parts are of size 1.

        The mean over the tokens that attention_mask (texts, tokens) marks.
        """
        states = self.adapted(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return mean_state(states, attention_mask)

    def compare(self, queries: Tensor, products: Tensor) -> Tensor:
        """Logits (pairs, labels) from the embeddings (pairs, width) of both sides."""
        return in_full_precision(self.head, pair_features(queries, products))

    @torch.no_grad()
    def logits(self, queries: Sequence[str], products: Sequence[str]) -> Tensor:
        """Each distinct text is embedded once, however many pairs it is in."""
        embeddings, query_place, product_place = self._sides(queries, products)
        logits = torch.empty((len(queries), len(self.labels)))
        for start in range(0, len(queries), _PAIRS):
            rows = slice(start, start + _PAIRS)
            logits[rows] = self.compare(embeddings[query_place[rows]], embeddings[product_place[rows]]).cpu()
        return logits

    def features(self, queries: Sequence[str], products: Sequence[str]) -> Tensor:
        embeddings, query_place, product_place = self._sides(queries, products)
        return pair_features(embeddings[query_place], embeddings[product_place])

    def _sides(self, queries: Sequence[str], products: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings of the distinct texts, and for each pair the rows of its query and its product."""
        place = places_of([*queries, *products])
        embeddings = self.embed_tokens(self.tokens(list(place)))
        return embeddings, rows_of(place, queries), rows_of(place, products)

    def embed_tokens(self, tokens: list[list[int]]) -> Tensor:
        """Embeddings (texts, width) of texts as tokens, computed in batches of about one length."""

        def embed(rows: list[int]) -> Tensor:
            ids, mask = self._padded([tokens[row] for row in rows])
            return self.embed(ids.to(self.device), mask.to(self.device))

        return in_batches(self, [len(ids) for ids in tokens], self.width, self.device, embed)

    def _distinct(self, texts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        place = places_of(texts)
        ids, mask = self._padded(self.tokens(list(place)))
        return ids, mask, rows_of(place, texts)

    def tokens(self, texts: list[str]) -> list[list[int]]:
        """The tokens of each text, at most max_length."""
        if not texts:
            return []
        ids: list[list[int]] = self.tokenizer(texts, truncation=True, max_length=self.max_length)["input_ids"]
        return ids

    def _padded(self, tokens: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Token ids and mask, both (texts, longest)."""
        batch = self.tokenizer.pad({"input_ids": tokens}, return_tensors="pt")
        return batch["input_ids"], batch["attention_mask"]


def mean_state(states: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean (texts, width) of the marked tokens' states (texts, tokens, width), of length sqrt(width)."""
    states = states.float()
    mask = attention_mask.unsqueeze(-1).float()
    mean = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    return length_of_root(mean)


def length_of_root(states: Tensor) -> Tensor:
    """States (rows, width) brought to length sqrt(width), so that their parts are of size 1."""
    return functional.normalize(states, dim=1) * math.sqrt(states.shape[1])


def pair_features(queries: Tensor, products: Tensor) -> Tensor:
    """What the head reads, (pairs, 4 * width), from the embeddings (pairs, width) of both sides."""
    return torch.cat([queries, products, (queries - products).abs(), queries * products], dim=1)


def places_of(texts: Sequence[str]) -> dict[str, int]:
    """Each distinct text with its number, in the order in which they come first."""
    return {text: number for number, text in enumerate(dict.fromkeys(texts))}


def rows_of(place: dict[str, int], texts: Sequence[str]) -> Tensor:
    """The number of each text (texts,)."""
    return torch.tensor([place[text] for text in texts], dtype=torch.long)
