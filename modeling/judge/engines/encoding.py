"""The engines of encoders: cross-encoders, and bi-encoders that embed each text once for ever."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from modeling.judge.bi_encoder import BiEncoder, places_of, rows_of
from modeling.judge.cross_encoder import CrossEncoder
from modeling.judge.engines.embeddings import Embeddings, Keys, text_keys
from modeling.judge.engines.engine import Engine, Floats
from modeling.judge.model import in_full_precision
from modeling.judge.one_sequence import Sequences

# States (rows, width) of sequences of tokens, as the model's own: of length sqrt(width).
Encode = Callable[[Sequences], Tensor]

# Texts that are embedded before they are kept: what a kill costs.
_TEXTS = 8192
# Pairs compared at once: what is made of them stays in the processor's cache.
_PAIRS = 1024


class CrossEncoderEngine(Engine):
    """A cross-encoder whose states another way of computing gives."""

    def __init__(self, name: str, model: CrossEncoder, encode: Encode) -> None:
        self.name = name
        self.model = model
        self.encode = encode

    @property
    def reading(self) -> Hashable:
        return self.model.reading

    def read(self, queries: Sequence[str], products: Sequence[str]) -> Sequences:
        return self.model.tokens(queries, products)

    @torch.no_grad()
    def compute(self, texts: Sequences) -> Floats:
        states = self.encode(texts).to(self.model.head.weight.device)
        logits: Floats = in_full_precision(self.model.head, states).cpu().numpy()
        return logits


@dataclass(frozen=True)
class Sides:
    """Pairs as a bi-encoder reads them: the distinct texts with their keys, and each pair's two numbers of them."""

    texts: list[str]
    keys: Keys
    queries: Tensor
    products: Tensor


class BiEncoderEngine(Engine):
    """A bi-encoder that embeds a text when it comes for the first time and keeps what it found.

    Embeddings are kept in half precision, and are rounded so before they are used for the first time: what is said of
    a pair does not depend on what was kept.
    """

    def __init__(self, name: str, model: BiEncoder, encode: Encode, kept: Embeddings) -> None:
        self.name = name
        self.model = model
        self.encode = encode
        self.kept = kept

    @property
    def reading(self) -> Hashable:
        return self.model.reading

    def read(self, queries: Sequence[str], products: Sequence[str]) -> Sides:
        place = places_of([*queries, *products])
        texts = list(place)
        return Sides(texts, text_keys(texts), rows_of(place, queries), rows_of(place, products))

    @torch.no_grad()
    def compute(self, texts: Sides) -> Floats:
        device = self.model.head.weight.device
        embeddings = torch.from_numpy(self._embeddings(texts).astype(np.float32)).to(device)
        return compared(self.model, embeddings, texts.queries.to(device), texts.products.to(device)).cpu().numpy()

    def _embeddings(self, texts: Sides) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
        found, vectors = self.kept.find(texts.keys)
        new = np.flatnonzero(~found)
        for start in range(0, len(new), _TEXTS):
            rows = new[start : start + _TEXTS]
            tokens = self.model.tokens([texts.texts[row] for row in rows])
            vectors[rows] = self.encode({"input_ids": tokens}).cpu().numpy().astype(np.float16)
            self.kept.add(texts.keys[rows], vectors[rows])
        return vectors


def compared(model: BiEncoder, embeddings: Tensor, queries: Tensor, products: Tensor) -> Tensor:
    """Logits (pairs, labels) by the head on [q, p, |q - p|, q * p], from embeddings (texts, width) and rows (pairs,).

    What the head makes of q and of p alone is computed once a text; only the other two parts are made for each pair.
    """
    of_query, of_product, of_difference, of_both = torch.split(model.head.weight.float().t(), model.width)
    alone_query, alone_product = embeddings @ of_query + model.head.bias.float(), embeddings @ of_product
    logits = torch.empty((len(queries), len(model.labels)), device=embeddings.device)
    for start in range(0, len(queries), _PAIRS):
        rows = slice(start, start + _PAIRS)
        query, product = embeddings[queries[rows]], embeddings[products[rows]]
        pairs = torch.addmm(alone_query[queries[rows]] + alone_product[products[rows]], query * product, of_both)
        logits[rows] = pairs.addmm_((query - product).abs_(), of_difference)
    return logits
