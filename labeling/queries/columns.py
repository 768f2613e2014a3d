"""Millions of rows out of the database, as columns: the server puts each column together, and numpy takes it whole.

A row by itself costs client and server more than what is in it. So rows are asked for some hundred thousand at a time,
and each time one row comes back: columns of ids as their bytes, columns of reals as one array of two dimensions, in
the binary format that COPY has. Its form: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"; that
of an array is its send function's: dimensions, whether it has nulls, element type, length and lower bound of each
dimension, then each element with its length.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray
from psycopg import sql

from labeling.exchange.copy_stream import HEADER

# Ids that are asked for at a time: bounds the memory of both sides to some tens of megabytes.
IDS_AT_ONCE = 250_000

IDS = 0

_AGGREGATE = {
    "ids": sql.SQL("string_agg(int8send({}), '')"),
    "reals": sql.SQL("array_agg({})"),
}


def fetch_columns(rows: QuerySet[Any, Any], *kinds: int) -> list[NDArray[Any]]:
    """Return the columns of a queryset of plain values, in any order of the rows, but the same in each column.

    `kinds` says of each value what it is: IDS, which become int64 (n,), or how many reals its array has, which become
    float32 (n, so many). Nothing in them may be NULL: ValueError. So is an array of another length.
    """
    query, parameters = rows.query.sql_with_params()
    names = [sql.Identifier(f"c{number}") for number in range(len(kinds))]
    whole = [
        _AGGREGATE["ids" if kind == IDS else "reals"].format(name) for kind, name in zip(kinds, names, strict=True)
    ]
    statement = sql.SQL("COPY (SELECT count(*), {} FROM ({}) AS rows ({})) TO STDOUT (FORMAT BINARY)").format(
        sql.SQL(", ").join(whole), sql.SQL(query), sql.SQL(", ").join(names)
    )
    with connection.cursor() as wrapped, connection.wrap_database_errors:
        cursor = wrapped.cursor  # psycopg's own: the wrapper of a debugging site takes no parameters
        with cursor.copy(statement, parameters) as stream:
            count, *values = _only_row(b"".join(stream))
    n = int.from_bytes(count, "big")
    return [
        _ids(value, n) if kind == IDS else _reals(value, n, kind) for kind, value in zip(kinds, values, strict=True)
    ]


def in_ranges(rows: QuerySet[Any, Any], name: str, first: int, last: int) -> Iterator[QuerySet[Any, Any]]:
    """Cut a queryset by an id with an index, from the first to the last of them."""
    for start in range(first, last + 1, IDS_AT_ONCE):
        yield rows.filter(**{f"{name}__gte": start, f"{name}__lt": min(start + IDS_AT_ONCE, last + 1)})


def _only_row(data: bytes) -> list[bytes]:
    """The values of the only row of COPY data; NULL is empty."""
    at = len(HEADER)
    columns = int.from_bytes(data[at : at + 2], "big")
    at += 2
    values = []
    for _ in range(columns):
        length = max(0, int.from_bytes(data[at : at + 4], "big", signed=True))
        values.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return values


def _ids(value: bytes, n: int) -> NDArray[np.int64]:
    if len(value) != 8 * n:
        raise ValueError(f"expected {n} ids, got {len(value) // 8}: one of them is NULL")
    return np.frombuffer(value, ">i8").astype(np.int64)


_DIMENSIONS = np.dtype([("dimensions", ">i4"), ("nulls", ">i4"), ("type", ">i4"), ("bounds", ">i4", (2, 2))])
_ELEMENT = np.dtype([("length", ">i4"), ("value", ">f4")])
_REAL = 700  # the type's number in pg_type, the same everywhere


def _reals(value: bytes, n: int, length: int) -> NDArray[np.float32]:
    if n == 0:
        return np.empty((0, length), dtype=np.float32)
    head = np.frombuffer(value[: _DIMENSIONS.itemsize], _DIMENSIONS)[0]
    shape = tuple(head["bounds"][:, 0].tolist()) if head["dimensions"] == 2 else ()
    if shape != (n, length) or head["nulls"] or head["type"] != _REAL:
        raise ValueError(f"expected {n} arrays of {length} reals without NULL, got an array of shape {shape}")
    elements = np.frombuffer(value, _ELEMENT, offset=_DIMENSIONS.itemsize)
    return elements["value"].astype(np.float32).reshape(n, length)
