"""The products of an import, and a revision for each text that is new. Arrays go by the catalog's rows."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.db import connection
from numpy.typing import NDArray

from labeling.actions.bulk import copy_all_into, copy_into, reserve_ids, stage, timestamp, without_indexes
from labeling.exchange.ahead import read_ahead
from labeling.exchange.digests import row_digests
from labeling.exchange.esci import read_product_texts
from labeling.exchange.esci_pool import Catalog, Pool
from labeling.exchange.problem import ImportProblem
from labeling.models import Product, ProductRevision, Project
from labeling.queries.arrays import fetch_arrays

PRODUCTS = Product._meta.db_table
REVISIONS = ProductRevision._meta.db_table
TEXT_FIELDS = ("title", "description", "bullets", "brand", "colour", "image_url")

# What is stored of the staged products: place, id, and the number and digest of the current revision.
STORED = """
    SELECT string_agg(int8send(place), ''), string_agg(int8send(product.id), ''),
           string_agg(int8send(coalesce(revision.number, 0)), ''),
           string_agg(uuid_send(coalesce(revision.digest, '00000000-0000-0000-0000-000000000000')), '')
    FROM staged
    JOIN labeling_product product
        ON product.project_id = %s AND product.locale = staged.locale AND product.external_id = staged.external_id
    LEFT JOIN labeling_productrevision revision ON revision.id = product.revision_id
"""
POINT_AT_REVISIONS = """
    UPDATE labeling_product SET revision_id = staged.revision_id
    FROM staged WHERE labeling_product.id = staged.product_id
"""


@dataclass(frozen=True, slots=True)
class Identified:
    """The products' ids, (n,), which are new, and the numbers, (n,), and digests, (n, 2), of the stored texts.

    `revision` has the ids that the first revisions of new products are to get. Rows that repeat a product have 0.
    """

    ids: NDArray[np.int64]
    is_new: NDArray[np.bool_]
    number: NDArray[np.int64]
    digest: NDArray[np.int64]
    revision: NDArray[np.int64]


def identify_products(project: Project, catalog: Catalog) -> Identified:
    """Find the products that the project has, and take ids for the others."""
    count = len(catalog.products)
    ids, number, revision = np.zeros((3, count), np.int64)
    digest = np.zeros((count, 2), np.int64)
    places, known, numbers, digests = _look_up(project, catalog.products, catalog.is_first)
    ids[places], number[places], digest[places] = known, numbers, digests.reshape(-1, 2)
    is_new = catalog.is_first & (ids == 0)
    # Rows that come in the order of an index go into it several times as fast.
    new = catalog.order[is_new[catalog.order]]
    ids[new] = reserve_ids(PRODUCTS, len(new))
    revision[is_new] = reserve_ids(REVISIONS, len(new))
    return Identified(ids, is_new, number, digest, revision)


def identify_named(project: Project, pool: Pool, examples_path: Path, catalog: Catalog) -> NDArray[np.int64]:
    """Return the ids of products that only examples name. Raises ImportProblem for one that is not stored either."""
    ids = np.zeros(len(pool.only_named), np.int64)
    places, known, *_ = _look_up(project, pool.only_named, np.ones(len(ids), bool))
    ids[places] = known
    refuse_unknown(pool, ids, examples_path, catalog)
    return ids


def refuse_unknown(pool: Pool, named: NDArray[np.int64], examples_path: Path, catalog: Catalog) -> None:
    """Raise ImportProblem at the first example whose product is not in the catalog, and has no id in `named`."""
    if named.all():
        return
    of_pairs = np.append(np.ones(len(catalog.products), np.int64), named)[pool.product]
    at = np.where(of_pairs == 0, pool.row, pool.row.max() + 1).argmin()
    value = repr(pool.only_named["external_id"][pool.product[at] - len(catalog.products)].as_py())
    expected = "a product of the products file, or one that the project has already, in the same locale"
    raise ImportProblem(examples_path, expected, row=int(pool.row[at]) + 1, column="product_id", value=value)


def _look_up(project: Project, products: pa.RecordBatch, wanted: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    if not (wanted.any() and project.products.exists()):
        return [np.empty(0, np.int64)] * 4
    numbered = products.append_column("place", pa.array(np.arange(len(products))))
    stage(numbered.filter(pa.array(wanted)))
    return fetch_arrays(STORED, [project.pk])


def write_products(project: Project, catalog: Catalog, found: Identified) -> None:
    """Write the new products, which point at their first revisions."""
    new = np.flatnonzero(found.is_new)
    new = new[found.ids[new].argsort()]
    added = catalog.products.take(pa.array(new))
    columns = {
        "id": found.ids[new],
        "project_id": np.full(len(new), project.pk),
        "external_id": added["external_id"],
        "locale": added["locale"],
        "revision_id": found.revision[new],
    }
    with without_indexes(PRODUCTS):
        copy_into(PRODUCTS, pa.record_batch(columns))


def write_revisions(
    catalog: Catalog, found: Identified, products_path: Path, now: dt.datetime, advance: Callable[[int], None]
) -> int:
    """Write a revision for each product whose text is new, and let the product point at it; return how many.

    Raises ImportProblem for texts that cannot be stored, and for a product that is there twice with other texts.
    """
    seen = np.zeros_like(found.digest)
    revision = found.revision.copy()

    def new_revisions() -> Iterator[pa.RecordBatch]:
        for first, texts, digests in read_ahead(_digested(products_path)):
            rows = slice(first, first + len(texts))
            seen[rows] = np.frombuffer(digests.buffers()[1], ">i8").reshape(-1, 2)
            differs = catalog.is_first[rows] & (seen[rows] != found.digest[rows]).any(axis=1)
            changed = differs & ~found.is_new[rows]
            revision[rows][changed] = reserve_ids(REVISIONS, int(changed.sum()))
            added = texts.append_column("digest", digests)
            if not differs.all():
                added = added.filter(pa.array(differs))
            columns = {
                "id": revision[rows][differs],
                "product_id": found.ids[rows][differs],
                "number": (found.number[rows][differs] + 1).astype(np.int32),
                "created_at": np.full(len(added), timestamp(now)),
                **{name: added[name] for name in added.schema.names},
            }
            yield pa.record_batch(columns)
            advance(len(texts))

    with without_indexes(REVISIONS):
        copy_all_into(REVISIONS, new_revisions())
        _refuse_contradictions(catalog, seen, products_path)
    changed = (revision != 0) & ~found.is_new
    if changed.any():
        stage(pa.record_batch({"product_id": found.ids[changed], "revision_id": revision[changed]}))
        with connection.cursor() as cursor:
            cursor.execute(POINT_AT_REVISIONS)
    return int((revision != 0).sum())


def _digested(path: Path) -> Iterator[tuple[int, pa.RecordBatch, pa.Array]]:
    """Yield batches of texts under the models' names, each with its first row, from 0, and its rows' digests."""
    for batch in read_product_texts(path):
        no_image = pa.repeat(pa.scalar("", pa.large_string()), len(batch.columns))
        texts = pa.RecordBatch.from_arrays([*batch.columns.columns, no_image], names=TEXT_FIELDS)
        yield batch.first_row - 1, texts, row_digests(texts.columns)


def _refuse_contradictions(catalog: Catalog, seen: NDArray[np.int64], path: Path) -> None:
    differs = (seen != seen[catalog.first_row]).any(axis=1)
    if differs.any():
        row = int(differs.argmax())
        expected = f"each product once; row {catalog.first_row[row] + 1:,} gives it other texts"
        value = repr(catalog.products["external_id"][row].as_py())
        raise ImportProblem(path, expected, row=row + 1, column="product_id", value=value)
