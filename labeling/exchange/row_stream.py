"""Rows out of PostgreSQL's binary COPY format, where each is as long as the next: numpy reads them as they come.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"; that of an array is its send
function's: dimensions, whether it has nulls, element type, then length and lower bound of each dimension.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from labeling.exchange.copy_stream import HEADER, TRAILER

ROWS_AT_ONCE = 50_000

_REAL = 700  # the type's number in pg_type, the same everywhere

BIGINT = 0


def read_rows(blocks: Iterable[bytes | memoryview], columns: Mapping[str, int]) -> Iterator[NDArray[np.void]]:
    """Yield structured arrays of about 50,000 rows each, with a field a column.

    `blocks` are the stream's bytes, cut anywhere. `columns` says what each column is: BIGINT, or how many elements
    its array of reals has. Columns of bigints are fields of int64, those of arrays of (n,) float32, all in network
    order. ValueError where a row has other columns than these, a NULL, or an array of another length.
    """
    layout, fixed = _layout(columns)
    source = iter(blocks)
    data = b""
    while len(data) < len(HEADER) and (block := next(source, b"")):
        data += block
    _check_header(data[: len(HEADER)])
    data = data[len(HEADER) :]
    # The server sends a block a row: they are put together without a look at each.
    while more := b"".join(islice(source, ROWS_AT_ONCE)):
        data += more
        end = len(data) - len(TRAILER)
        end -= end % layout.itemsize
        if end > 0:
            yield _rows(data[:end], layout, fixed, columns)
            data = data[end:]
    if len(data) > len(TRAILER):
        yield _rows(data[: -len(TRAILER)], layout, fixed, columns)
    if data[-len(TRAILER) :] != TRAILER:
        raise ValueError(f"the rows do not have the columns {dict(columns)}, or their stream was cut off")


def _check_header(header: bytes) -> None:
    if header != HEADER:
        raise ValueError(f"expected PostgreSQL's binary COPY format, got a stream that begins with {header!r}")


def _rows(
    data: bytes, layout: np.dtype[np.void], fixed: Mapping[str, int], columns: Mapping[str, int]
) -> NDArray[np.void]:
    if len(data) % layout.itemsize:
        raise ValueError(f"the rows do not have the columns {dict(columns)}, or their stream was cut off")
    rows = np.frombuffer(data, dtype=layout)
    for name, value in fixed.items():
        if not (rows[name] == value).all():
            raise ValueError(f"a row does not have the columns {dict(columns)}: its {name} is not {value}")
    return rows


def _layout(columns: Mapping[str, int]) -> tuple[np.dtype[np.void], dict[str, int]]:
    """The bytes of a row, without gaps; and the fields that are the same in each row, with their values."""
    fields: list[tuple[str, object]] = [("number of columns", ">i2")]
    fixed = {"number of columns": len(columns)}
    for name, length in columns.items():
        fields.append((f"{name} length", ">i4"))
        if length == BIGINT:
            fields.append((name, ">i8"))
            fixed[f"{name} length"] = 8
            continue
        head = {"dimensions": 1, "nulls": 0, "type": _REAL, "elements": length, "lower bound": 1}
        fields += [(f"{name} {part}", ">i4") for part in head]
        fixed |= {f"{name} length": 20 + 8 * length} | {f"{name} {part}": value for part, value in head.items()}
        fields.append((f"{name} items", (np.dtype([("length", ">i4"), ("value", ">f4")]), (length,))))
    return np.dtype(fields), fixed


def reals(rows: NDArray[np.void], name: str) -> NDArray[np.float32]:
    """The values (n, length) of a column of arrays."""
    values: NDArray[np.float32] = rows[f"{name} items"]["value"].astype(np.float32)
    return values
