"""The demo's pool from real ESCI data: real labeled rows, and unlabeled pairs made of real queries and products.

The official files may be the full ones (2.6 million examples), so they are read batch by batch and only what is
kept is held: a sample of at most MAX_QUERIES queries with all their rows.
"""

import hashlib
import heapq
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.catalog import EXAMPLES_FILE, EXAMPLES_SCHEMA, PRODUCTS_FILE, PRODUCTS_SCHEMA

MAX_QUERIES = 150
MIN_PAIRS = 3_200
# At least this many unlabeled pairs a labeled one, so that a large sample has a pool, too.
UNLABELED_SHARE = 0.25
BATCH = 50_000


@dataclass(frozen=True, slots=True)
class RealPool:
    """Where the pool's two official files were written, and how much of it is real rows."""

    examples: Path
    products: Path
    queries: int
    labeled: int
    unlabeled: int


def build_real_pool(data: Path, folder: Path, seed: int) -> RealPool:
    """Write the pool's files into `folder` from the official files in `data`.

    Every row of the sampled queries is kept with its label. Rows with an empty label are added, each a query with a
    product of another query in the same locale, until there are MIN_PAIRS pairs or UNLABELED_SHARE of them.
    Raises FileNotFoundError for a missing file, and ValueError when the data cannot make that many pairs.
    """
    for name in (EXAMPLES_FILE, PRODUCTS_FILE):
        if not (data / name).is_file():
            raise FileNotFoundError(f"{data / name} is missing; DATA is a folder with the two official ESCI files")
    queries = _sample_queries(data / EXAMPLES_FILE)
    rows = _rows_of(data / EXAMPLES_FILE, queries)
    rows, products = _with_products(data / PRODUCTS_FILE, rows)
    made = list(_random_pairs(rows, random.Random(seed)))
    folder.mkdir(parents=True, exist_ok=True)
    pool = RealPool(folder / EXAMPLES_FILE, folder / PRODUCTS_FILE, len(queries), len(rows), len(made))
    pq.write_table(pa.Table.from_pylist(rows + made, EXAMPLES_SCHEMA), pool.examples)
    pq.write_table(products, pool.products)
    return pool


def _sample_queries(examples: Path) -> set[tuple[str, str]]:
    """Return the queries whose digests are the smallest: the same ones whatever the order of the rows.

    English queries alone where there are any: the embedded base model reads nothing else.
    """
    found: dict[bool, set[tuple[int, str, str]]] = {True: set(), False: set()}
    for row in _read(examples, ["product_locale", "query"]):
        locale, query = row["product_locale"], row["query"]
        digest = int.from_bytes(hashlib.blake2b(f"{locale}\x1f{query}".encode(), digest_size=8).digest())
        sample = found[locale == "us"]
        sample.add((digest, locale, query))
        if len(sample) > 4 * MAX_QUERIES:
            found[locale == "us"] = set(heapq.nsmallest(MAX_QUERIES, sample))
    smallest = heapq.nsmallest(MAX_QUERIES, found[True] or found[False])
    if not smallest:
        raise ValueError(f"{examples} has no rows")
    return {(locale, query) for _, locale, query in smallest}


def _rows_of(examples: Path, queries: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the rows of these queries, each pair once."""
    kept: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in _read(examples, EXAMPLES_SCHEMA.names):
        if (row["product_locale"], row["query"]) in queries:
            kept.setdefault((row["product_locale"], row["query"], row["product_id"]), row)
    return list(kept.values())


def _with_products(products: Path, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], pa.Table]:
    """Return the rows whose product the products file has, and those products."""
    wanted = pa.array({row["product_id"] for row in rows}, pa.large_string())
    keys = {(row["product_locale"], row["product_id"]) for row in rows}
    found = []
    with pq.ParquetFile(products) as file:
        for batch in file.iter_batches(BATCH, columns=PRODUCTS_SCHEMA.names):
            near = batch.filter(pc.is_in(batch["product_id"].cast(pa.large_string()), wanted))
            found += [row for row in near.to_pylist() if (row["product_locale"], row["product_id"]) in keys]
    have = {(row["product_locale"], row["product_id"]) for row in found}
    kept = [row for row in rows if (row["product_locale"], row["product_id"]) in have]
    return kept, pa.Table.from_pylist(found, PRODUCTS_SCHEMA)


def _random_pairs(rows: list[dict[str, Any]], rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield new unlabeled rows: the queries in turn, each with a product of another query of its locale."""
    wanted = max(MIN_PAIRS - len(rows), int(UNLABELED_SHARE * len(rows)))
    first: dict[tuple[str, str], dict[str, Any]] = {}
    stock: dict[str, list[str]] = {}
    for row in rows:
        first.setdefault((row["product_locale"], row["query"]), row)
        stock.setdefault(row["product_locale"], []).append(row["product_id"])
    taken = {(row["product_locale"], row["query"], row["product_id"]) for row in rows}
    offers = {query: _shuffled(stock[query[0]], rng) for query in first}
    number = max((row["example_id"] for row in rows), default=0)
    queue = list(first)
    while wanted > 0 and queue:
        for query in list(queue):
            product = next((one for one in offers[query] if (*query, one) not in taken), None)
            if product is None:
                queue.remove(query)
            elif wanted > 0:
                taken.add((*query, product))
                number, wanted = number + 1, wanted - 1
                yield {**first[query], "example_id": number, "product_id": product, "esci_label": ""}
    if wanted > 0:
        raise ValueError(
            f"{len(first)} queries and {len(rows)} rows make {len(taken)} different pairs; the demo needs {MIN_PAIRS}"
        )


def _shuffled(items: Iterable[str], rng: random.Random) -> Iterator[str]:
    shuffled = sorted(set(items))
    rng.shuffle(shuffled)
    return iter(shuffled)


def _read(path: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        missing = sorted(set(columns) - set(file.schema_arrow.names))
        if missing:
            raise ValueError(f"{path} has no column {missing[0]!r}; it is no official ESCI file")
        for batch in file.iter_batches(BATCH, columns=columns):
            yield from batch.to_pylist()
