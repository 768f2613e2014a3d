"""A pool of generated pairs and a holdout, embedded once by the embedded MiniLM and kept."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.database import ROOT, say
from modeling.judge.base_model import EMBEDDED_SHA256, resolve_base_model
from modeling.judge.bi_encoder import BiEncoder, pair_features
from modeling.judge.kinds import build_model
from modeling.judge.prompts import PROMPT_VERSION, product_text, query_text
from modeling.judge.spec import JudgeSpec
from simulation.families import load_shop
from simulation.pairs import SHARES, results
from simulation.products import write_listing

LABELS = tuple(SHARES)
KEPT = ROOT / "var" / "benchmarks"

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """Pairs of whole queries: `features` (n, numbers) are what the judge's head reads, `labels` (n,) are true."""

    features: torch.Tensor
    queries: Numbers
    labels: Numbers
    paths: tuple[str, ...]


@dataclass(frozen=True)
class _Pair:
    query_id: int
    query: str
    product: str
    label: int
    path: str


def make_pool(pool_queries: int, holdout_queries: int, seed: int) -> tuple[Side, Side]:
    """The pool and the holdout, each of so many queries with about 20 products; pairs nobody can judge are left out."""
    pairs = _generated(pool_queries + holdout_queries, seed)
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.query, pair.product)))
    embeddings = torch.from_numpy(_embedded(texts))
    place = {text: number for number, text in enumerate(texts)}
    held = set(random.Random(f"holdout {seed}").sample(range(pool_queries + holdout_queries), holdout_queries))
    parts = [[pair for pair in pairs if (pair.query_id in held) == out] for out in (False, True)]
    pool, holdout = (_side(part, place, embeddings) for part in parts)
    return pool, holdout


def _generated(queries: int, seed: int) -> list[_Pair]:
    shop, rng = load_shop(), random.Random(f"listings {seed}")
    listed: dict[str, str] = {}
    found = []
    for query_id, shown in zip(range(queries), results(shop, seed, {"us": 1.0}), strict=False):
        for pair in shown.pairs:
            if pair.product.id not in listed:
                listing = write_listing(rng, pair.product, shop.words["us"])
                more = (listing.brand, listing.colour, listing.bullets, listing.description)
                listed[pair.product.id] = product_text(listing.title, *more)
            if pair.label:
                texts = (query_text(shown.query.text), listed[pair.product.id])
                found.append(_Pair(query_id, *texts, LABELS.index(pair.label), pair.path))
    return found


def _side(pairs: Sequence[_Pair], place: dict[str, int], embeddings: torch.Tensor) -> Side:
    queries, products = (embeddings[[place[getattr(pair, name)] for pair in pairs]] for name in ("query", "product"))
    return Side(
        pair_features(queries, products),
        np.array([pair.query_id for pair in pairs], dtype=np.int64),
        np.array([pair.label for pair in pairs], dtype=np.int64),
        tuple(pair.path for pair in pairs),
    )


def _embedded(texts: Sequence[str]) -> NDArray[np.float32]:
    """The default judge's embeddings (texts, width), from the file that an earlier run kept, if it did."""
    spec = JudgeSpec()
    made: dict[str, Any] = {"weights": EMBEDDED_SHA256, "prompt": PROMPT_VERSION, "length": spec.max_length}
    name = hashlib.sha256("\n".join([repr(made), *texts]).encode()).hexdigest()[:16]
    path = KEPT / f"embeddings-{name}.npy"
    if path.is_file():
        kept: NDArray[np.float32] = np.load(path, allow_pickle=False)
        return kept
    say(f"Embedding {len(texts):,} texts.")
    model = build_model(spec, LABELS, resolve_base_model(spec.base_model), device=torch.device("cpu"))
    assert isinstance(model, BiEncoder)
    # A text as both sides is embedded once, and its embedding is the first part of what the head reads.
    embeddings = np.ascontiguousarray(model.features(texts, texts)[:, : model.width].numpy())
    KEPT.mkdir(parents=True, exist_ok=True)
    np.save(path, embeddings)
    return embeddings
