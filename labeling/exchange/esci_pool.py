"""What two ESCI files say, by number: everything but the products' texts, in some 100 bytes a row.

The texts, which are most of the files, are streamed on their own.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labeling.exchange.digests import SEPARATOR, row_digests
from labeling.exchange.esci import LABEL_NAMES, read_attributes, read_examples, read_product_keys
from labeling.exchange.parquet import Column
from labeling.exchange.problem import ImportProblem

LABEL_KEYS = tuple(LABEL_NAMES)
UNLABELED = -1


@dataclass(frozen=True, slots=True)
class Catalog:
    """The products of a products file, by row: external_id and locale, and their keys, which are both joined.

    `order` has the rows sorted by key, those of one product as they stand. `first_row` is the first row of the same
    product; `is_first` says which rows that is, the others repeat one.
    """

    products: pa.RecordBatch
    keys: pa.Array
    order: NDArray[np.int64]
    first_row: NDArray[np.int64]
    is_first: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pool:
    """The queries and pairs of an examples file.

    `queries` has external_id, text, locale and digest (binary(16)), each query once, by first appearance.
    `only_named` has external_id and locale of products that the catalog has not. Pairs, each once, sorted by query
    and product: `query`, a row of `queries`; `product`, a row of the catalog or, counting on, of `only_named`;
    `label`, an index of LABEL_KEYS or UNLABELED; `row` of the file, from 0; and `example_id`. `examples` is how many
    rows the file has.
    """

    examples: int
    queries: pa.RecordBatch
    only_named: pa.RecordBatch
    query: NDArray[np.int64]
    product: NDArray[np.int64]
    label: NDArray[np.int8]
    row: NDArray[np.int64]
    example_id: pa.Array


def read_catalog(path: Path) -> Catalog:
    """Read the keys of a products file. Raises ImportProblem for one that cannot be used."""
    batches = [batch.columns.rename_columns(["external_id", "locale"]) for batch in read_product_keys(path)]
    if not batches:
        raise ImportProblem(path, "at least one product", value="no rows")
    products = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    keys = _join(products["locale"], products["external_id"])
    order = np.asarray(pc.array_sort_indices(keys)).astype(np.int64)
    ordered = keys.take(pa.array(order))
    starts = np.ones(len(keys), bool)
    starts[1:] = _numpy(pc.not_equal(ordered[1:], ordered[:-1]))
    first_row = np.empty(len(keys), np.int64)
    first_row[order] = order[starts][np.cumsum(starts) - 1]
    return Catalog(products, keys, order, first_row, first_row == np.arange(len(keys)))


def _join(locale: pa.Array, text: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(locale, text, pa.scalar(SEPARATOR.decode(), pa.large_string()))


def _split(keys: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the locales and the texts that were joined."""
    parts = pc.split_pattern(keys, SEPARATOR.decode(), max_splits=1)
    return pc.list_element(parts, 0), pc.list_element(parts, 1)


def _numpy(values: pa.Array) -> NDArray[Any]:
    return np.asarray(values.to_numpy(zero_copy_only=False))


def read_pool(path: Path, catalog: Future[Catalog]) -> Pool:
    """Read an examples file and number its rows; those that repeat a pair count once.

    Raises ImportProblem for a file that cannot be used, and for a pair that has two labels.
    """
    columns = _read_columns(path)
    pool = _number(path, columns, catalog.result())
    del columns
    # What the allocator keeps for later would be the greater part of what an import takes.
    pa.default_memory_pool().release_unused()
    return pool


def read_pool_attributes(path: Path, columns: Sequence[Column]) -> Mapping[str, pa.Array]:
    """Return what an examples file says in further columns, by their names: text of each row, empty for nothing.

    Values stand once, in a dictionary. Without columns nothing is read. Raises ImportProblem for a file that cannot be
    used.
    """
    if not columns:
        return {}
    batches = [
        pa.record_batch([text.dictionary_encode() for text in batch.columns.columns], batch.columns.schema.names)
        for batch in read_attributes(path, columns)
    ]
    if not batches:
        return {column.name: pa.array([], pa.large_string()) for column in columns}
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()[0]
    return {column.name: table[column.name] for column in columns}


def _read_columns(path: Path) -> pa.RecordBatch:
    """Return query_key and product_key (locale and text, joined), query_id, example_id and label of each example.

    Queries stand once, in the dictionary of query_key.
    """
    labels = pa.array(LABEL_KEYS, pa.large_string())
    batches = []
    for batch in read_examples(path):
        columns = batch.columns
        locale = columns["product_locale"]
        label = pc.fill_null(pc.index_in(columns["esci_label"], labels), UNLABELED)
        kept = {
            "query_key": _join(locale, columns["query"]).dictionary_encode(),
            "product_key": _join(locale, columns["product_id"]),
            "query_id": columns["query_id"],
            "example_id": columns["example_id"],
            "label": label.cast(pa.int8()),
        }
        batches.append(pa.record_batch(kept))
    if not batches:
        raise ImportProblem(path, "at least one example", value="no rows")
    return pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()[0]


def _number(path: Path, columns: pa.RecordBatch, catalog: Catalog) -> Pool:
    product, only_named = _number_products(catalog.keys, columns["product_key"])
    query, label = _numpy(columns["query_key"].indices), _numpy(columns["label"])
    rows = _first_of_each_pair(path, query, product, label)
    locales, names = _split(only_named)
    return Pool(
        examples=len(columns),
        queries=_queries(columns["query_key"], columns["query_id"]),
        only_named=pa.record_batch({"external_id": names, "locale": locales}),
        query=query[rows].astype(np.int64),
        product=product[rows],
        label=label[rows],
        row=rows,
        example_id=columns["example_id"].take(pa.array(rows)),
    )


def _number_products(keys: pa.Array, wanted: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Return where each wanted product stands in `keys`, counting on in those that it has not, and the latter."""
    found = pc.index_in(wanted, value_set=keys).cast(pa.int64())
    only_named = wanted.filter(found.is_null()).unique()
    if not len(only_named):
        return _numpy(found), only_named
    further = pc.add(pc.index_in(wanted, value_set=only_named).cast(pa.int64()), len(keys))
    return _numpy(pc.coalesce(found, further)), only_named


def _queries(keys: pa.DictionaryArray, external_ids: pa.Array) -> pa.RecordBatch:
    locales, texts = _split(keys.dictionary)
    numbers = _numpy(keys.indices)
    # Of several rows that are assigned to one place the last one stays: here the first of the file.
    first = np.zeros(len(texts), np.int64)
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]
    columns = {
        "external_id": external_ids.take(pa.array(first)),
        "text": texts,
        "locale": locales,
        "digest": row_digests([locales, texts]),
    }
    return pa.record_batch(columns)


def _first_of_each_pair(
    path: Path, query: NDArray[Any], product: NDArray[Any], label: NDArray[Any]
) -> NDArray[np.int64]:
    """Return one row for each pair, by query and product: the first with a label, or else the first.

    Raises ImportProblem where two rows give one pair different labels.
    """
    order = np.lexsort((label == UNLABELED, product, query))
    query, product, label = query[order], product[order], label[order]
    starts = np.ones(len(order), bool)
    starts[1:] = (query[1:] != query[:-1]) | (product[1:] != product[:-1])
    kept = np.flatnonzero(starts)[np.cumsum(starts) - 1]
    conflicts = np.flatnonzero((label != label[kept]) & (label != UNLABELED))
    if len(conflicts):
        at = conflicts[order[conflicts].argmin()]
        expected = f"the same label as in row {order[kept[at]] + 1:,}, which is the same query and product"
        value = repr(LABEL_KEYS[label[at]])
        raise ImportProblem(path, expected, row=int(order[at]) + 1, column="esci_label", value=value)
    return order[starts].astype(np.int64)
