"""Write a made-up catalog as official ESCI Parquet files, with an answer key of the true paths.

    python -m simulation.catalog FOLDER --queries 220 --seed 7

The files have the names, columns, types and order of Amazon's Shopping Queries Dataset (arXiv 2206.06588), and the
examples one column more, `category`: the family that the product is of. A pair whose true path ends in a skip has an
empty label.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simulation.families import load_shop
from simulation.pairs import Results, results
from simulation.products import Product, write_listing

EXAMPLES_FILE = "shopping_queries_dataset_examples.parquet"
PRODUCTS_FILE = "shopping_queries_dataset_products.parquet"
KEY_FILE = "answer_key.parquet"

EXAMPLES_SCHEMA = pa.schema(
    [
        ("example_id", pa.int64()),
        ("query", pa.large_string()),
        ("query_id", pa.int64()),
        ("product_id", pa.large_string()),
        ("product_locale", pa.large_string()),
        ("esci_label", pa.large_string()),
        ("small_version", pa.int64()),
        ("large_version", pa.int64()),
        ("split", pa.large_string()),
    ]
)
CATEGORY = "category"
GENERATED_SCHEMA = EXAMPLES_SCHEMA.append(pa.field(CATEGORY, pa.large_string()))
PRODUCTS_SCHEMA = pa.schema(
    [
        ("product_id", pa.large_string()),
        ("product_title", pa.large_string()),
        ("product_description", pa.large_string()),
        ("product_bullet_point", pa.large_string()),
        ("product_brand", pa.large_string()),
        ("product_color", pa.large_string()),
        ("product_locale", pa.large_string()),
    ]
)
KEY_SCHEMA = pa.schema([(name, pa.string()) for name in ("query", "product_id", "locale", "path", "label")])

ROW_GROUP = 20_000
US_ONLY: Mapping[str, float] = {"us": 1.0}


@dataclass(frozen=True, slots=True)
class Catalog:
    """Where a catalog was written and how much of it there is; `labels` counts pairs, "" for skips."""

    examples: Path
    products: Path
    answer_key: Path
    query_count: int
    product_count: int
    labels: Mapping[str, int]


class RowWriter:
    """Writes rows to a Parquet file one row group at a time."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows: list[Sequence[Any]] = []
        self.count = 0
        self.file = pq.ParquetWriter(path, schema, compression="zstd")

    def add(self, *row: Any) -> None:
        """Add a row, in the order of the schema."""
        self.rows.append(row)
        self.count += 1
        if len(self.rows) == ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait as one row group."""
        if self.rows:
            columns = zip(*self.rows, strict=True)
            arrays = [pa.array(column, kind) for column, kind in zip(columns, self.schema.types, strict=True)]
            self.file.write_batch(pa.record_batch(arrays, schema=self.schema))
            self.rows = []

    def close(self) -> None:
        """Write the rest and the footer."""
        self.flush()
        self.file.close()


def write_catalog(
    folder: Path,
    queries: int,
    seed: int,
    locales: Mapping[str, float] = US_ONLY,
    examples: int | None = None,
) -> Catalog:
    """Write the catalog's three files into the folder, streamed, and return what was written.

    `locales` maps us, es and jp to weights. With `examples` the last query is cut so that there are at most that
    many pairs. The same arguments give the same rows. Raises ValueError when the shop has no more queries.
    """
    folder.mkdir(parents=True, exist_ok=True)
    examples_path, products_path, key_path = (folder / name for name in (EXAMPLES_FILE, PRODUCTS_FILE, KEY_FILE))
    writers = [
        RowWriter(examples_path, GENERATED_SCHEMA),
        RowWriter(products_path, PRODUCTS_SCHEMA),
        RowWriter(key_path, KEY_SCHEMA),
    ]
    labels: Counter[str] = Counter()
    query_count = 0
    rng = random.Random(f"listings {seed}")
    try:
        for query_count, shown in enumerate(islice(results(load_shop(), seed, locales), queries), start=1):
            room = None if examples is None else examples - writers[0].count
            labels.update(_write_results(rng, writers, query_count, shown, room))
            if examples is not None and writers[0].count >= examples:
                break
    finally:
        for writer in writers:
            writer.close()
    return Catalog(examples_path, products_path, key_path, query_count, writers[1].count, dict(labels))


def _write_results(
    rng: random.Random, writers: Sequence[RowWriter], query_id: int, shown: Results, room: int | None
) -> Counter[str]:
    examples, products, key = writers
    query = shown.query
    split = "train" if rng.random() < 0.7 else "test"
    small = int(rng.random() < 0.4)
    labels: Counter[str] = Counter()
    for pair in shown.pairs[:room]:
        product = pair.product
        if pair.is_new:
            products.add(*_product_row(rng, product))
        row = (query.text, query_id, product.id, query.locale, pair.label, small, 1, split)
        examples.add(examples.count + 1, *row, product.kind.family)
        key.add(query.text, product.id, query.locale, pair.path, pair.label)
        labels[pair.label] += 1
    return labels


def _product_row(rng: random.Random, product: Product) -> tuple[str | None, ...]:
    locale = product.kind.locale
    listing = write_listing(rng, product, load_shop().words[locale])
    fields = (listing.title, listing.description, listing.bullets, listing.brand, listing.colour)
    return (product.id, *fields, locale)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a catalog as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m simulation.catalog", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--queries", type=int, default=220, help="how many queries, with about 20 products each")
    parser.add_argument("--examples", type=int, help="stop at this many query-product pairs")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--all-locales", action="store_true", help="ask a twentieth of the queries in Spanish and in Japanese each"
    )
    options = parser.parse_args(arguments)
    locales = {"us": 0.9, "es": 0.05, "jp": 0.05} if options.all_locales else US_ONLY
    catalog = write_catalog(options.folder, options.queries, options.seed, locales, options.examples)
    pairs = sum(catalog.labels.values())
    shares = ", ".join(f"{label or 'skip'} {count / pairs:.1%}" for label, count in sorted(catalog.labels.items()))
    print(f"{catalog.query_count} queries, {pairs} pairs, {catalog.product_count} products: {shares}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
