"""The engine of completions: what prompts have in common is computed once.

All prompts begin with the same words, the guideline among them, and the prompts of one query go on with the query. The
keys and values of the beginning are computed once for everything, those of the query once a query on top of them, and
each product's tokens are computed on top of its query's. Query and product are tokenized apart, so that the tokens of
the beginning are exactly those of every whole prompt. Only the last state is used, and only by the labels' rows.
Source: Kwon et al., "Efficient Memory Management for Large Language Model Serving with PagedAttention", SOSP 2023
(shared prefixes).
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from modeling.judge.completion import Completion
from modeling.judge.device import half_precision
from modeling.judge.engines.engine import Engine, Floats
from modeling.judge.model import TOKENS_ON_CPU, TOKENS_ON_GPU, batches_by_length, in_full_precision

# Keys and values of each layer, (rows, heads, tokens, size).
Layers = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Prompts:
    """Pairs as prompts without their beginning: each distinct query's tokens, and each pair's query and own tokens."""

    queries: list[list[int]]
    query: list[int]
    endings: list[list[int]]


def can_share(model: Completion) -> bool:
    """Whether the decoder keeps all keys and values, so that they can be used again; a sliding window does not."""
    config: Any = model.decoder.config
    layers = DynamicCache(config=config).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


class SharedPrefixEngine(Engine):
    """A completion whose prompts share what they begin with."""

    name = "torch"

    def __init__(self, model: Completion) -> None:
        self.model = model
        self.budget = TOKENS_ON_CPU if model.device.type == "cpu" else TOKENS_ON_GPU
        self.opening: Layers | None = None

    @property
    def reading(self) -> Hashable:
        return self.model.reading

    def read(self, queries: Sequence[str], products: Sequence[str]) -> Prompts:
        parts = self.model.parts(queries, products)
        number: dict[tuple[int, ...], int] = {}
        query = [number.setdefault(tuple(asked), len(number)) for asked, _ in parts]
        return Prompts([list(asked) for asked in number], query, [ending for _, ending in parts])

    @torch.inference_mode()
    def compute(self, texts: Prompts) -> Floats:
        logits = torch.empty((len(texts.query), len(self.model.labels)))
        with half_precision(self.model.device):
            for queries in self._groups(texts):
                prefixes = self._prefixes([texts.queries[query] for query in queries])
                place = {query: place for place, query in enumerate(queries)}
                pairs = [pair for pair, query in enumerate(texts.query) if query in place]
                for rows in self._batches(texts, pairs, prefixes[0][0].shape[2]):
                    endings = [texts.endings[row] for row in rows]
                    states = self._states(endings, prefixes, [place[texts.query[row]] for row in rows])
                    logits[rows] = in_full_precision(self.model.output, states).cpu()
        found: Floats = logits.numpy()
        return found

    def _groups(self, texts: Prompts) -> Iterator[list[int]]:
        """Queries of one length whose prefixes are held at once: nothing is padded in them."""
        by_length: dict[int, list[int]] = {}
        for query, tokens in enumerate(texts.queries):
            by_length.setdefault(len(tokens), []).append(query)
        for length, queries in by_length.items():
            together = max(1, self.budget // (len(self.model.opening) + length))
            for start in range(0, len(queries), together):
                yield queries[start : start + together]

    def _batches(self, texts: Prompts, pairs: Sequence[int], prefix: int) -> Iterator[list[int]]:
        """Batches of pairs by their own tokens; a long prefix, which is copied for each pair, makes them smaller."""
        lengths = [len(texts.endings[pair]) for pair in pairs]
        for rows in batches_by_length([max(length, (prefix + length) // 4) for length in lengths], self.budget):
            yield [pairs[row] for row in rows]

    def _prefixes(self, queries: Sequence[list[int]]) -> Layers:
        """The keys and values of the beginning with each of these queries, which have one length."""
        if self.opening is None:
            self.opening = self._run(torch.tensor([self.model.opening]), DynamicCache(config=self._config))[1]
        start = self._cache(self.opening, torch.zeros(len(queries), dtype=torch.long))
        return self._run(torch.tensor(queries), start)[1]

    def _states(self, endings: Sequence[list[int]], prefixes: Layers, rows: Sequence[int]) -> Tensor:
        """The state of each prompt's last token, (pairs, width); it sees none after it, so padding needs no mask."""
        lengths = torch.tensor([len(ending) for ending in endings], device=self.model.device)
        longest = int(lengths.max())
        ids = torch.tensor([[*ending, *[0] * (longest - len(ending))] for ending in endings])
        states = self._run(ids, self._cache(prefixes, torch.tensor(rows)))[0]
        return states[torch.arange(len(endings), device=self.model.device), lengths - 1]

    def _cache(self, layers: Layers, rows: Tensor) -> DynamicCache:
        rows = rows.to(self.model.device)
        cache = DynamicCache(config=self._config)
        for number, (keys, values) in enumerate(layers):
            cache.update(keys[rows], values[rows], number)
        return cache

    def _run(self, ids: Tensor, cache: DynamicCache) -> tuple[Tensor, Layers]:
        """The states (rows, tokens, width) of tokens that follow what the cache holds, and what it holds then."""
        output = self._decoder(input_ids=ids.to(self.model.device), past_key_values=cache, use_cache=True)
        states: Tensor = output.last_hidden_state
        layers: Any = cache.layers
        return states, [(layer.keys, layer.values) for layer in layers]

    @property
    def _decoder(self) -> nn.Module:
        return self.model.decoder

    @property
    def _config(self) -> Any:
        return self._decoder.config
