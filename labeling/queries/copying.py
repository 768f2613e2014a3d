"""Millions of rows out of the database, as arrays."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray
from psycopg import sql

from labeling.exchange.row_stream import read_rows


def copy_rows(rows: QuerySet[Any, Any], columns: Mapping[str, int]) -> Iterator[NDArray[np.void]]:
    """Yield the rows of a queryset of plain values through COPY, some ten thousand at a time, as read_rows does.

    Django would make some Python objects of each row, which takes ten times as long. `columns` names the queryset's
    values in their order and says what each is. ValueError as read_rows.
    """
    query, parameters = rows.query.sql_with_params()
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(sql.SQL(query))
    with connection.cursor() as cursor, cursor.copy(statement, parameters) as stream:
        yield from read_rows(stream, columns)
