"""Whole columns out of the database."""

from collections.abc import Sequence

import numpy as np
from django.db import connection
from numpy.typing import NDArray


def fetch_arrays(query: str, parameters: Sequence[int | str | list[int]] = ()) -> list[NDArray[np.int64]]:
    """Return the columns of a query's only row, each as int64, (n,): bytes as int8send makes them, or NULL for none.

    A PostgreSQL array would become a list of Python numbers first, which takes several times the memory.
    """
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        row = cursor.fetchone()
    return [np.frombuffer(value or b"", ">i8").astype(np.int64) for value in row]
