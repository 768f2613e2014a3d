"""Scoring by a Llama of 100 million parameters on a CPU: prompts share what they begin with, unlike in generate.

The Llama is random, so labels tell nothing, but must be the same ones. The peer is generate(max_new_tokens=1) in
batches of 32 pairs in their order, in float32, with the same weights, prompts and threads. With the short prompt 60 of
150 tokens are shared by the 20 products of a query: 1.5 times the peer's pairs a second in the same precision, and 3
times in the best one, which is `ratio`. With a guideline of 400 tokens before it 4 times in the same precision.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from benchmarks.database import say
from benchmarks.random_llama import (
    Shape,
    completion_of,
    generated,
    guideline_of,
    matrix_rate,
    pairs_of,
    random_llama,
    seconds,
    word_tokenizer,
)
from benchmarks.result import result_line
from modeling.judge.completion import Completion, label_tokens
from modeling.judge.device import fast_half_precision, full_precision
from modeling.judge.engines.choice import engine_for

CPU = torch.device("cpu")
BEST, SAME_PRECISION, GUIDELINE = 3.0, 1.5, 4.0
SAME = 0.99
SHARED, WHOLE, GUIDELINE_TOKENS = 60, 150, 340


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="make bench NAME=score_completion", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--pairs", type=int, default=320)
    parser.add_argument("--shape", type=int, nargs=5, default=(768, 2048, 12, 12, 12), metavar="N")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--ratio", type=float, default=BEST)
    parser.add_argument("--same-precision", type=float, default=SAME_PRECISION)
    parser.add_argument("--guideline", type=float, default=GUIDELINE)
    parser.add_argument("--same", type=float, default=SAME, help="the least share of labels as the peer's")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    shape = Shape(*options.shape)
    short = measured(shape, options.pairs, options.batch, "")
    long = measured(shape, options.pairs, options.batch, guideline_of(None, GUIDELINE_TOKENS))
    print(
        result_line(
            "score_completion",
            short["best"],
            "pairs/s",
            peer=f"transformers {version('transformers')} generate(max_new_tokens=1), batches of {options.batch}",
            peer_value=short["peer"],
            same_precision_ratio=short["same_precision_ratio"],
            guideline_ratio=long["same_precision_ratio"],
            guideline_best_ratio=round(long["best"] / long["peer"], 3),
            same_labels=min(short["same_labels"], long["same_labels"]),
            parameters=shape.linear_parameters,
            threads=options.threads,
            pairs=options.pairs,
            bfloat16=fast_half_precision(CPU),
            short=short,
            with_guideline=long,
        )
    )
    if short["best"] / short["peer"] < options.ratio:
        sys.exit(f"It must be {options.ratio:g} times as fast as generate.")
    if short["same_precision_ratio"] < options.same_precision:
        sys.exit(f"In the same precision it must be {options.same_precision:g} times as fast as generate.")
    if long["same_precision_ratio"] < options.guideline:
        sys.exit(f"With the guideline it must be {options.guideline:g} times as fast as generate.")
    if min(short["same_labels"], long["same_labels"]) < options.same:
        sys.exit(f"Labels must be generate's on {options.same:.0%} of the pairs.")


def measured(shape: Shape, pairs: int, batch: int, guideline: str) -> dict[str, Any]:
    """Pairs a second of the peer in float32, and of ours in float32 and in the best precision, with one prompt."""
    tokenizer = word_tokenizer()
    network = random_llama(shape, CPU, torch.float32)
    model = completion_of(network, tokenizer, guideline)
    fixed = len(model.opening) + len(model.before_product)
    shared = SHARED + (len(model.opening) - len(completion_of(network, tokenizer).opening) if guideline else 0)
    queries, products = pairs_of(pairs, shared, shared + WHOLE - SHARED, fixed)
    prompts = model.tokens(queries, products)["input_ids"]
    say(f"{shared} of {np.mean([len(one) for one in prompts]):.0f} tokens shared: measuring generate.")
    answers = label_tokens(tokenizer, model.prompt)
    said: list[int] = []
    generated(network, prompts[:batch], answers, batch)
    peer = seconds(lambda: said.extend(generated(network, prompts, answers, batch)), CPU)
    say(f"{pairs / peer:.1f} pairs/s. Measuring ours.")
    with full_precision():
        same_precision, labels = ours(model, queries, products)
    share = arithmetic(shape, model, queries, products) / matrix_rate(CPU, torch.float32, shape.width, shape.wide)
    found = {
        "peer": round(pairs / peer, 2),
        "same_precision": round(pairs / same_precision, 2),
        "same_precision_ratio": round(peer / same_precision, 3),
        "best": round(pairs / same_precision, 2),
        "same_labels": round(float((labels == said).mean()), 4),
        "arithmetic": round(share / same_precision, 3),
        "tokens": round(float(np.mean([len(one) for one in prompts])), 1),
        "shared_tokens": shared,
    }
    if fast_half_precision(CPU):
        best, in_half = ours(model, queries, products)
        share = arithmetic(shape, model, queries, products) / matrix_rate(CPU, torch.bfloat16, shape.width, shape.wide)
        found |= {
            "best": round(pairs / min(best, same_precision), 2),
            "best_arithmetic": round(share / best, 3),
            "best_same_labels": round(float((in_half == said).mean()), 4),
        }
    return found


def ours(model: Completion, queries: Sequence[str], products: Sequence[str]) -> tuple[float, Any]:
    """Seconds of the fastest engine for these pairs, nothing computed before, and the labels that it gives."""
    engine_for(model).logits(queries[:20], products[:20])
    said: list[Any] = []
    took = seconds(lambda: said.append(engine_for(model).logits(queries, products).argmax(axis=1)), CPU)
    return took, said[0]


def arithmetic(shape: Shape, model: Completion, queries: Sequence[str], products: Sequence[str]) -> float:
    """Operations that the matrices need where each shared token is computed once; attention comes on top."""
    parts = model.parts(queries, products)
    asked = {tuple(query) for query, _ in parts}
    tokens = len(model.opening) + sum(map(len, asked)) + sum(len(product) for _, product in parts)
    return 2.0 * shape.linear_parameters * tokens


if __name__ == "__main__":
    main()
