"""The official ESCI files: what is read, and how each fault is told by file, row and column."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labeling.exchange.esci import (
    EXAMPLE_COLUMNS,
    MAX_QUERY,
    MAX_TEXT,
    attribute_columns,
    count_rows,
    read_attributes,
    read_examples,
    read_product_keys,
    read_product_texts,
)
from labeling.exchange.parquet import MAX_BATCH_ROWS, Batch
from labeling.exchange.problem import ImportProblem

SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "esci_sample"

EXAMPLE = {
    "example_id": 7,
    "query": "red hat",
    "query_id": 3,
    "product_id": "P1",
    "product_locale": "us",
    "esci_label": "E",
    "split": "train",
}
PRODUCT = {
    "product_id": "P1",
    "product_title": "Red felt hat",
    "product_description": "<b>Warm</b>",
    "product_bullet_point": "Felt\nRed",
    "product_brand": "Hatter",
    "product_color": None,
    "product_locale": "us",
}


def write(path: Path, *rows: dict[str, Any], schema: pa.Schema | None = None) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    return path


def rows(batches: Iterator[Batch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.columns.to_pylist()]


def problem(batches: Iterator[Batch]) -> ImportProblem:
    with pytest.raises(ImportProblem) as caught:
        rows(batches)
    return caught.value


def test_read_examples_gives_text_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", EXAMPLE, EXAMPLE | {"product_id": "P2", "esci_label": "Substitute"})

    assert rows(read_examples(path)) == [
        {
            "example_id": "7",
            "query": "red hat",
            "query_id": "3",
            "product_id": product,
            "product_locale": "us",
            "esci_label": label,
        }
        for product, label in (("P1", "E"), ("P2", "S"))
    ]


def test_read_products_gives_keys_and_texts_row_by_row(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", PRODUCT)

    assert rows(read_product_keys(path)) == [{"product_id": "P1", "product_locale": "us"}]
    assert rows(read_product_texts(path)) == [
        {
            "product_title": "Red felt hat",
            "product_description": "<b>Warm</b>",
            "product_bullet_point": "Felt\nRed",
            "product_brand": "Hatter",
            "product_color": "",
        }
    ]


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("E", "E"),
        ("s", "S"),
        ("Complement", "C"),
        (" irrelevant ", "I"),
        ("exact", "E"),
        ("", ""),
        ("  ", ""),
        (None, ""),
    ],
)
def test_read_examples_knows_labels_by_key_and_name(tmp_path: Path, spelling: str | None, key: str) -> None:
    path = write(tmp_path / "e.parquet", EXAMPLE, EXAMPLE | {"esci_label": spelling})

    assert [row["esci_label"] for row in rows(read_examples(path))] == ["E", key]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("query_id", pa.string()),
        ("query_id", pa.int32()),
        ("query_id", pa.uint64()),
        ("product_locale", pa.dictionary(pa.int8(), pa.string())),
        ("esci_label", pa.dictionary(pa.int32(), pa.large_string())),
        ("query", pa.string_view()),
    ],
)
def test_read_examples_takes_every_usable_type(tmp_path: Path, name: str, kind: pa.DataType) -> None:
    table = pa.Table.from_pylist([EXAMPLE, EXAMPLE])
    column = table[name].cast(pa.string())
    encoded = column.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else column.cast(kind)
    pq.write_table(table.set_column(table.schema.get_field_index(name), name, encoded), tmp_path / "e.parquet")

    assert [row[name] for row in rows(read_examples(tmp_path / "e.parquet"))] == [str(EXAMPLE[name])] * 2


def test_read_examples_takes_a_label_column_without_any_value(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", EXAMPLE | {"esci_label": None})

    assert pq.read_schema(path).field("esci_label").type == pa.null()
    assert [row["esci_label"] for row in rows(read_examples(path))] == [""]


@pytest.mark.parametrize(
    ("change", "column", "value", "expected"),
    [
        ({"query": None}, "query", "nothing", "a value"),
        ({"query": ""}, "query", "''", "a value"),
        ({"query": " \u3000"}, "query", "' \\u3000'", "a value"),
        ({"query": "a\0b"}, "query", "'a\\x00b'", "text without NUL characters"),
        ({"query": "x" * 2_001}, "query", "'" + "x" * 79 + "…", "at most 2,000 characters"),
        ({"query_id": None}, "query_id", "nothing", "a value"),
        ({"example_id": None}, "example_id", "nothing", "a value"),
        ({"product_id": None}, "product_id", "nothing", "a value"),
        ({"product_id": " "}, "product_id", "' '", "a value"),
        ({"product_id": "P" * 101}, "product_id", "'" + "P" * 79 + "…", "at most 100 characters"),
        ({"product_locale": None}, "product_locale", "nothing", "a value"),
        ({"product_locale": "u\x1fs"}, "product_locale", "'u\\x1fs'", "a locale of letters"),
        ({"product_locale": "us "}, "product_locale", "'us '", "a locale of letters"),
        ({"esci_label": "Q"}, "esci_label", "'Q'", "E, S, C, I, one of their names"),
    ],
)
def test_read_examples_names_row_and_column(
    tmp_path: Path, change: dict[str, Any], column: str, value: str, expected: str
) -> None:
    good = [EXAMPLE] * 40_000
    found = problem(read_examples(write(tmp_path / "e.parquet", *good, EXAMPLE | change, EXAMPLE)))

    assert (found.file, found.row, found.column, found.value) == ("e.parquet", 40_001, column, value)
    assert found.expected.startswith(expected)
    assert str(found).startswith(f"e.parquet, row 40,001, column {column}: found {value}; expected {expected}")


def test_read_examples_counts_limits_in_characters(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", EXAMPLE | {"query": "帽" * MAX_QUERY})

    assert rows(read_examples(path))[0]["query"] == "帽" * MAX_QUERY


@pytest.mark.parametrize("name", [column.name for column in EXAMPLE_COLUMNS])
def test_read_examples_needs_each_of_its_columns(tmp_path: Path, name: str) -> None:
    row = {key: value for key, value in EXAMPLE.items() if key != name}
    found = problem(read_examples(write(tmp_path / "e.parquet", row)))

    assert (found.file, found.row, found.column) == ("e.parquet", None, name)
    assert found.value is not None
    assert "split" in found.value


def test_read_examples_refuses_a_column_that_is_there_twice(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([EXAMPLE])
    pq.write_table(table.append_column("query", table["query"]), tmp_path / "e.parquet")

    found = problem(read_examples(tmp_path / "e.parquet"))

    assert (found.column, found.value) == ("query", "the column is there twice")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("query", pa.float64()),
        ("query_id", pa.float64()),
        ("product_id", pa.bool_()),
        ("esci_label", pa.list_(pa.int8())),
    ],
)
def test_read_examples_refuses_other_types(tmp_path: Path, name: str, kind: pa.DataType) -> None:
    table = pa.Table.from_pylist([EXAMPLE])
    column = pa.array([None], kind)
    pq.write_table(table.set_column(table.schema.get_field_index(name), name, column), tmp_path / "e.parquet")

    found = problem(read_examples(tmp_path / "e.parquet"))

    assert (found.row, found.column) == (None, name)
    assert "found the type " in str(found)


def test_read_products_leaves_nul_characters_out_of_texts(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", PRODUCT, PRODUCT | {"product_title": "\0Red\0 hat\0"})

    assert [row["product_title"] for row in rows(read_product_texts(path))] == ["Red felt hat", "Red hat"]


def test_read_products_refuses_a_text_that_is_too_long(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", PRODUCT, PRODUCT | {"product_description": "x" * (MAX_TEXT + 1)})
    found = problem(read_product_texts(path))

    assert (found.row, found.column, found.expected) == (2, "product_description", "at most 1,000,000 characters")


@pytest.mark.parametrize("broken", [b"caf\xe9", b"\xed\xa0\x80", b"\xc0\xaf", b"\xff"])
def test_read_products_refuses_text_that_is_no_utf8(tmp_path: Path, broken: bytes) -> None:
    titles = pa.array([b"fine", None, broken], pa.binary())
    columns = {key: pa.array([value] * 3, pa.string()) for key, value in PRODUCT.items()}
    unchecked = pa.Array.from_buffers(pa.string(), 3, titles.buffers())
    pq.write_table(pa.table(columns | {"product_title": unchecked}), tmp_path / "p.parquet")

    found = problem(read_product_texts(tmp_path / "p.parquet"))

    assert (found.row, found.column, found.value) == (3, "product_title", repr(broken))


def test_read_examples_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    found = problem(read_examples(tmp_path / "nowhere.parquet"))

    assert (found.file, found.row, found.expected) == ("nowhere.parquet", None, "a file at this path")


@pytest.mark.parametrize("content", [b"", b"query,product\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_read_examples_refuses_what_is_no_parquet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "e.parquet"
    path.write_bytes(content)

    assert problem(read_examples(path)).expected == "a Parquet file that can be read"


def test_read_products_refuses_a_file_with_damaged_pages(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", *[PRODUCT | {"product_title": f"Hat {n}"} for n in range(5_000)])
    content = bytearray(path.read_bytes())
    content[4:2_000] = b"\xff" * 1_996
    path.write_bytes(content)

    assert problem(read_product_texts(path)).expected == "a whole Parquet file"


def test_read_examples_of_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", schema=pa.Table.from_pylist([EXAMPLE]).schema)

    assert rows(read_examples(path)) == []
    assert count_rows(path, EXAMPLE_COLUMNS) == 0


def test_read_examples_numbers_rows_across_batches(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    pq.write_table(pa.Table.from_pylist([EXAMPLE] * 100_000), path, row_group_size=30_000)

    batches = list(read_examples(path))

    assert len(batches) > 3
    assert all(0 < len(batch.columns) <= MAX_BATCH_ROWS for batch in batches)
    assert [batch.first_row for batch in batches[1:]] == [
        batch.first_row + len(batch.columns) for batch in batches[:-1]
    ]
    assert count_rows(path, EXAMPLE_COLUMNS) == 100_000


PEAK = """
import resource, sys
from pathlib import Path
from labeling.exchange.esci import read_product_texts
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
size = sum(batch.columns.nbytes for batch in read_product_texts(Path(sys.argv[1])))
print(size >> 20, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def test_read_products_takes_memory_that_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    table = pa.Table.from_pylist([PRODUCT | {"product_description": f"{n} " * 300} for n in range(10_000)])
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(pa.concat_tables([table] * 30), row_group_size=300_000)

    printed = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True).stdout
    read_mib, peak_mib = map(int, printed.split())

    assert read_mib > 400
    assert peak_mib < 200


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample of the real data set is not beside the checkout")
def test_real_files_are_read_whole() -> None:
    examples = rows(read_examples(SAMPLE / "shopping_queries_dataset_examples.parquet"))
    keys = rows(read_product_keys(SAMPLE / "shopping_queries_dataset_products.parquet"))
    texts = rows(read_product_texts(SAMPLE / "shopping_queries_dataset_products.parquet"))

    labels = [row["esci_label"] for row in examples]
    assert {key: labels.count(key) for key in "ESCI"} == {"E": 488, "S": 6, "C": 0, "I": 7}
    assert len({row["query"] for row in examples}) == 51
    assert {row["product_id"] for row in examples} <= {row["product_id"] for row in keys}
    assert len(keys) == len(texts) == 501
    assert sum(row["product_brand"] == "" for row in texts) == 39


def attributes(path: Path, *names: str) -> Iterator[Batch]:
    return read_attributes(path, attribute_columns(path, names))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Mice", "Mice"),
        ("  two words\n", "two words"),
        (None, ""),
        ("   ", ""),
        (12, "12"),
        (2.5, "2.5"),
        (True, "true"),
    ],
)
def test_read_attributes_gives_text_and_numbers_as_text(tmp_path: Path, value: object, text: str) -> None:
    path = write(tmp_path / "e.parquet", EXAMPLE | {"category": value})

    assert rows(attributes(path, "category", "split", "category")) == [{"category": text, "split": "train"}]


def test_attribute_that_is_too_long_is_named_by_row_and_column(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", EXAMPLE | {"shelf": "a" * 200}, EXAMPLE | {"shelf": "b" * 201})

    found = problem(attributes(path, "shelf"))
    assert (found.file, found.row, found.column) == ("e.parquet", 2, "shelf")
    assert found.expected == "at most 200 characters"


def test_attribute_that_no_column_has_is_told_with_the_columns_there_are(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", EXAMPLE)

    said = str(problem(attributes(path, "shelf")))
    assert said.startswith("e.parquet, column shelf: found only example_id, query, ")
    assert "split" in said


def test_attribute_of_many_values_or_with_a_name_too_long_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "e.parquet", EXAMPLE | {"tags": ["a", "b"], "n" * 41: "x"})

    assert "expected text or numbers" in str(problem(attributes(path, "tags")))
    with pytest.raises(ImportProblem, match="at most 40 characters"):
        attribute_columns(path, ["n" * 41])
