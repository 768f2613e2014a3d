"""The two official files of the ESCI data set, streamed.

Source of the format: Reddy et al., "Shopping Queries Dataset", 2022, arXiv 2206.06588, and
github.com/amazon-science/esci-data. Columns that are not named here are not read.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labeling.exchange.parquet import Batch, Column, open_parquet, read_batches
from labeling.exchange.problem import ImportProblem

MAX_ID = 100
MAX_LOCALE = 20
MAX_QUERY = 2_000
MAX_TEXT = 1_000_000
MAX_ATTRIBUTE_NAME = 40
MAX_ATTRIBUTE = 200

LABEL_NAMES = {"E": "Exact", "S": "Substitute", "C": "Complement", "I": "Irrelevant"}

EXAMPLE_COLUMNS = (
    Column("example_id", MAX_ID, given=True),
    Column("query", MAX_QUERY, given=True),
    Column("query_id", MAX_ID, given=True),
    Column("product_id", MAX_ID, given=True),
    Column("product_locale", MAX_LOCALE, given=True),
    Column("esci_label", MAX_ID),
)
PRODUCT_KEY_COLUMNS = (
    Column("product_id", MAX_ID, given=True),
    Column("product_locale", MAX_LOCALE, given=True),
)
PRODUCT_TEXT_COLUMNS = (
    Column("product_title", MAX_TEXT),
    Column("product_description", MAX_TEXT),
    Column("product_bullet_point", MAX_TEXT),
    Column("product_brand", MAX_TEXT),
    Column("product_color", MAX_TEXT),
)

_KEYS_BY_SPELLING = {spelling.casefold(): key for key, name in LABEL_NAMES.items() for spelling in (key, name)}


def count_rows(path: Path, columns: tuple[Column, ...]) -> int:
    """Return the number of rows of a file that has these columns. Raises ImportProblem where it has not."""
    file = open_parquet(path, [column.name for column in columns])
    return int(file.metadata.num_rows)


def read_examples(path: Path) -> Iterator[Batch]:
    """Yield the rows of the examples file: EXAMPLE_COLUMNS, with labels as E, S, C, I, or empty where there is none.

    Raises ImportProblem at the first row that cannot be used.
    """
    for batch in read_batches(path, EXAMPLE_COLUMNS):
        _check_locales(path, batch)
        labels = _label_keys(path, batch)
        position = len(EXAMPLE_COLUMNS) - 1
        yield Batch(batch.first_row, batch.columns.set_column(position, "esci_label", labels))


def attribute_columns(path: Path, names: Sequence[str]) -> tuple[Column, ...]:
    """Return further columns of the examples file, each once. Raises ImportProblem for a name that is too long."""
    for name in names:
        if len(name) > MAX_ATTRIBUTE_NAME:
            expected = f"the name of a column that is an attribute to have at most {MAX_ATTRIBUTE_NAME} characters"
            raise ImportProblem(path, expected, column=name, value=f"{len(name)}")
    return tuple(Column(name, MAX_ATTRIBUTE, plain=True) for name in dict.fromkeys(names))


def read_attributes(path: Path, columns: Sequence[Column]) -> Iterator[Batch]:
    """Yield what the examples file says in these columns: text, or numbers as text, without spaces at its ends.

    Raises ImportProblem at the first row that cannot be used.
    """
    for batch in read_batches(path, columns):
        trimmed = [pc.utf8_trim_whitespace(column) for column in batch.columns.columns]
        yield Batch(batch.first_row, pa.RecordBatch.from_arrays(trimmed, names=batch.columns.schema.names))


def read_product_keys(path: Path) -> Iterator[Batch]:
    """Yield what identifies the products of the products file: PRODUCT_KEY_COLUMNS."""
    for batch in read_batches(path, PRODUCT_KEY_COLUMNS):
        _check_locales(path, batch)
        yield batch


def read_product_texts(path: Path) -> Iterator[Batch]:
    """Yield the texts of the products file, row by row as read_product_keys: PRODUCT_TEXT_COLUMNS."""
    return read_batches(path, PRODUCT_TEXT_COLUMNS)


def _check_locales(path: Path, batch: Batch) -> None:
    # The locale is joined with other texts into keys; a plain one cannot be mistaken for a part of them.
    locales = batch.columns.column("product_locale")
    distinct = locales.unique()
    plain = pc.match_substring_regex(distinct, "^[A-Za-z0-9_-]+$")
    if pc.all(plain).as_py():
        return
    wrong = distinct.filter(pc.invert(plain))[0]
    row = batch.first_row + pc.index(locales, wrong).as_py()
    expected = "a locale of letters, digits, - and _, such as us"
    raise ImportProblem(path, expected, row=row, column="product_locale", value=repr(wrong.as_py()))


def _label_keys(path: Path, batch: Batch) -> pa.Array:
    encoded = batch.columns.column("esci_label").dictionary_encode()
    spellings = encoded.dictionary.to_pylist()
    keys = [_KEYS_BY_SPELLING.get(text.strip().casefold(), None if text.strip() else "") for text in spellings]
    if None in keys:
        index = int(np.argmax(np.asarray(encoded.indices) == keys.index(None)))
        expected = f"{', '.join(LABEL_NAMES)}, one of their names {', '.join(LABEL_NAMES.values())}, or nothing"
        value = repr(spellings[keys.index(None)])
        raise ImportProblem(path, expected, row=batch.first_row + index, column="esci_label", value=value)
    return pa.array(keys, pa.large_string()).take(encoded.indices)
