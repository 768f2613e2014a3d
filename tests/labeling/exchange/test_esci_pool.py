"""Numbering queries, products and pairs of two ESCI files."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labeling.exchange.digests import row_digests
from labeling.exchange.esci_pool import (
    LABEL_KEYS,
    UNLABELED,
    Catalog,
    Pool,
    read_catalog,
    read_pool,
)
from labeling.exchange.problem import ImportProblem

TEXTS = {f"product_{name}": None for name in ("title", "description", "bullet_point", "brand", "color")}

Row = tuple[str, str, str, str | None]  # query, product, locale, label


def read(folder: Path, examples: list[Row], products: list[tuple[str, str]]) -> tuple[Catalog, Pool]:
    names = ("query", "product_id", "product_locale", "esci_label")
    rows: list[dict[str, Any]] = [
        {"example_id": 100 + number, "query_id": len(row[0]), **dict(zip(names, row, strict=True))}
        for number, row in enumerate(examples)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "e.parquet")
    listed = [{"product_id": name, "product_locale": locale, **TEXTS} for name, locale in products]
    pq.write_table(pa.Table.from_pylist(listed), folder / "p.parquet")
    catalog = read_catalog(folder / "p.parquet")
    return catalog, read_pool(folder / "e.parquet", done(catalog))


def done(catalog: Catalog) -> Future[Catalog]:
    future: Future[Catalog] = Future()
    future.set_result(catalog)
    return future


def pairs(catalog: Catalog, pool: Pool) -> list[Row]:
    products = [*catalog.products["external_id"].to_pylist(), *pool.only_named["external_id"].to_pylist()]
    locales = [*catalog.products["locale"].to_pylist(), *pool.only_named["locale"].to_pylist()]
    queries = pool.queries["text"].to_pylist()
    return [
        (queries[query], products[product], locales[product], None if label == UNLABELED else LABEL_KEYS[label])
        for query, product, label in zip(pool.query, pool.product, pool.label, strict=True)
    ]


def test_pool_numbers_queries_by_first_appearance(tmp_path: Path) -> None:
    examples: list[Row] = [
        ("b", "P1", "us", "E"),
        ("a", "P1", "us", "S"),
        ("b", "P2", "us", "I"),
        ("b", "P1", "jp", "C"),
    ]

    catalog, pool = read(tmp_path, examples, [("P2", "us"), ("P1", "us"), ("P1", "jp")])

    assert pool.queries.select(["text", "locale", "external_id"]).to_pylist() == [
        {"text": "b", "locale": "us", "external_id": "1"},
        {"text": "a", "locale": "us", "external_id": "1"},
        {"text": "b", "locale": "jp", "external_id": "1"},
    ]
    assert pool.queries["digest"].to_pylist() == row_digests([pool.queries["locale"], pool.queries["text"]]).to_pylist()
    assert pairs(catalog, pool) == [examples[2], examples[0], examples[1], examples[3]]
    assert pool.row.tolist() == [2, 0, 1, 3]
    assert pool.example_id.to_pylist() == ["102", "100", "101", "103"]


def test_pool_numbers_products_that_only_examples_name_after_the_catalog(tmp_path: Path) -> None:
    examples: list[Row] = [
        ("q", "X", "us", None),
        ("q", "P", "us", None),
        ("q", "P", "es", None),
        ("r", "X", "us", None),
    ]

    _, pool = read(tmp_path, examples, [("P", "us")])

    assert pool.only_named.to_pylist() == [
        {"external_id": "X", "locale": "us"},
        {"external_id": "P", "locale": "es"},
    ]
    assert pool.product.tolist() == [0, 1, 2, 1]


def test_catalog_knows_rows_that_repeat_a_product(tmp_path: Path) -> None:
    catalog, pool = read(tmp_path, [("q", "P", "us", "E")], [("Q", "us"), ("P", "us"), ("Q", "us"), ("P", "us")])

    assert catalog.first_row.tolist() == [0, 1, 0, 1]
    assert catalog.is_first.tolist() == [True, True, False, False]
    assert pool.product.tolist() == [1]


def test_pool_takes_a_repeated_pair_once_with_its_label(tmp_path: Path) -> None:
    examples: list[Row] = [("q", "P", "us", None), ("q", "P", "us", "S"), ("q", "P", "us", "S"), ("q", "P", "us", None)]

    catalog, pool = read(tmp_path, examples, [("P", "us")])

    assert pairs(catalog, pool) == [("q", "P", "us", "S")]
    assert pool.row.tolist() == [1]


def test_pool_refuses_a_pair_with_two_labels(tmp_path: Path) -> None:
    examples: list[Row] = [("q", "P", "us", None), ("q", "P", "us", "S"), ("q", "Q", "us", "E"), ("q", "P", "us", "I")]

    with pytest.raises(ImportProblem) as caught:
        read(tmp_path, examples, [("P", "us"), ("Q", "us")])

    assert str(caught.value) == (
        "e.parquet, row 4, column esci_label: found 'I'; "
        "expected the same label as in row 2, which is the same query and product."
    )


def test_pool_refuses_files_without_rows(tmp_path: Path) -> None:
    empty = pa.array([], pa.string())
    pq.write_table(pa.table({"product_id": empty, "product_locale": empty}), tmp_path / "p.parquet")
    names = ("example_id", "query", "query_id", "product_id", "product_locale", "esci_label")
    pq.write_table(pa.table(dict.fromkeys(names, empty)), tmp_path / "e.parquet")

    with pytest.raises(ImportProblem, match=r"p\.parquet.*at least one product"):
        read_catalog(tmp_path / "p.parquet")
    with pytest.raises(ImportProblem, match=r"e\.parquet.*at least one example"):
        read_pool(tmp_path / "e.parquet", Future())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.sampled_from("PQRS"), st.sampled_from(["us", "es"])),
        st.sampled_from(["E", "S", "C", "I", None]),
        min_size=1,
    ),
    st.lists(st.tuples(st.sampled_from("PQR"), st.sampled_from(["us", "es"])), min_size=1),
    st.randoms(use_true_random=False),
)
def test_pool_holds_the_pairs_of_the_file_whatever_their_order(
    tmp_path: Path, labels: dict[tuple[str, str, str], str | None], products: list[tuple[str, str]], random: Any
) -> None:
    examples: list[Row] = [(*pair, label) for pair, label in labels.items()]
    repeated = examples + random.sample(examples, len(examples) // 2)
    random.shuffle(repeated)

    catalog, pool = read(tmp_path, repeated, products)

    assert sorted(pairs(catalog, pool), key=str) == sorted(examples, key=str)
    assert [repeated[row][:2] for row in pool.row] == [pair[:2] for pair in pairs(catalog, pool)]
    assert (catalog.is_first[pool.product[pool.product < len(catalog.products)]]).all()
