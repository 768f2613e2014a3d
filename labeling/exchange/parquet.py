"""Parquet files read in small batches of checked text columns: memory does not grow with the file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labeling.exchange.problem import ImportProblem

BATCH_BYTES = 4 << 20
MAX_BATCH_ROWS = 32_768


@dataclass(frozen=True, slots=True)
class Column:
    """What a column must hold; it is read as text.

    `given` refuses nulls and blanks; otherwise both are read as an empty text. `limit` is in characters.
    NUL characters, which PostgreSQL cannot store, are refused where `given`, and left out elsewhere.
    `plain` takes numbers of every kind and truth values, too, as they are written.
    """

    name: str
    limit: int
    given: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file: its columns as large_string without nulls, and the number of the first row, from 1."""

    first_row: int
    columns: pa.RecordBatch


def open_parquet(path: Path, names: Sequence[str]) -> pq.ParquetFile:
    """Open the file and see that it has each of these columns once.

    Raises ImportProblem for a file that is missing, no Parquet file, or without a column.
    """
    if not path.is_file():
        raise ImportProblem(path, "a file at this path", value=str(path))
    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        raise ImportProblem(path, "a Parquet file that can be read", value=_first_line(error)) from error
    found = file.schema_arrow.names
    for name in names:
        if found.count(name) != 1:
            what = "the column is there twice" if name in found else f"only {', '.join(found)}"
            raise ImportProblem(path, "this column once", column=name, value=what)
    return file


def read_batches(path: Path, columns: Sequence[Column]) -> Iterator[Batch]:
    """Yield the rows of a Parquet file in order, each column as its Column says.

    Text and whole numbers are read, and dictionaries of them. Raises ImportProblem at the first row that is wrong.
    """
    file = open_parquet(path, [column.name for column in columns])
    readers = [_reader(path, column, file.schema_arrow.field(column.name).type) for column in columns]
    names = [column.name for column in columns]
    first_row = 1
    try:
        for batch in file.iter_batches(batch_size=_batch_rows(file), columns=names):
            arrays = [read(batch.column(name), first_row) for name, read in zip(names, readers, strict=True)]
            yield Batch(first_row, pa.RecordBatch.from_arrays(arrays, names=names))
            first_row += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise ImportProblem(path, "a whole Parquet file", row=first_row, value=_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _batch_rows(file: pq.ParquetFile) -> int:
    """Return how many rows make about BATCH_BYTES, by the file's own figures."""
    metadata = file.metadata
    size: int = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    rows: int = metadata.num_rows
    return max(1_000, min(MAX_BATCH_ROWS, BATCH_BYTES * rows // max(size, 1)))


def _reader(path: Path, column: Column, kind: pa.DataType) -> Callable[[pa.Array, int], pa.Array]:
    """Return a function from the file's array and its first row to checked text."""
    value_kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    readable = (
        pa.types.is_string(value_kind)
        or pa.types.is_large_string(value_kind)
        or pa.types.is_string_view(value_kind)
        or (pa.types.is_integer(value_kind) and column.given)
        or (pa.types.is_null(value_kind) and not column.given)
        or (column.plain and (pa.types.is_primitive(value_kind) or pa.types.is_decimal(value_kind)))
    )
    if not readable:
        expected = "text or numbers" if column.plain else "text or whole numbers" if column.given else "text"
        raise ImportProblem(path, expected, column=column.name, value=f"the type {kind}")

    def read(array: pa.Array, first_row: int) -> pa.Array:
        text = array.cast(value_kind).cast(pa.large_string())
        _refuse(path, column, first_row, text, _invalid_utf8(text), "text in UTF-8")
        check = _check_given if column.given else _mend_optional
        text = check(path, column, first_row, text)
        too_long = pc.greater(pc.utf8_length(text), column.limit) if _may_exceed(text, column.limit) else None
        _refuse(path, column, first_row, text, too_long, f"at most {column.limit:,} characters")
        return text

    return read


def _check_given(path: Path, column: Column, first_row: int, text: pa.Array) -> pa.Array:
    blank = pc.or_(pc.equal(text, ""), pc.utf8_is_space(text))
    _refuse(path, column, first_row, text, pc.fill_null(blank, True), "a value")
    if _may_have_nul(text):
        _refuse(path, column, first_row, text, pc.match_substring(text, "\0"), "text without NUL characters")
    return text


def _mend_optional(_path: Path, _column: Column, _first_row: int, text: pa.Array) -> pa.Array:
    text = pc.fill_null(text, "")
    return pc.replace_substring(text, "\0", "") if _may_have_nul(text) else text


def _bytes(text: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return the bytes of all texts of an array, one after the other, without a copy."""
    _, offsets, values = text.buffers()
    if values is None or not len(text):
        return np.empty(0, np.uint8)
    first, last = np.frombuffer(offsets, np.int64)[[text.offset, text.offset + len(text)]]
    return np.frombuffer(values, np.uint8)[first:last]


def _may_have_nul(text: pa.Array) -> bool:
    values = _bytes(text)
    return bool(values.size) and not values.min()


def _may_exceed(text: pa.Array, limit: int) -> bool:
    longest = pc.max(pc.binary_length(text)).as_py()
    return longest is not None and longest > limit


def _invalid_utf8(text: pa.Array) -> pa.Array | None:
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        values = text.cast(pa.large_binary()).to_pylist()
        return pa.array([value is not None and not _is_utf8(value) for value in values])
    return None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _refuse(path: Path, column: Column, first_row: int, text: pa.Array, wrong: pa.Array | None, expected: str) -> None:
    """Raise ImportProblem for the first row where `wrong` is true."""
    if wrong is None or not pc.any(wrong).as_py():
        return
    index = pc.index(wrong, True).as_py()
    raw = text[index].cast(pa.large_binary()).as_py()
    value = "nothing" if raw is None else repr(raw.decode() if _is_utf8(raw) else raw)
    raise ImportProblem(path, expected, row=first_row + index, column=column.name, value=value)
