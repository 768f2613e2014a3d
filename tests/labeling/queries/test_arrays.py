"""Columns out of the database, as arrays."""

import pytest

from labeling.queries.arrays import fetch_arrays

pytestmark = pytest.mark.django_db

NUMBERS = "SELECT string_agg(int8send(n), ''), string_agg(int8send(-n), '') FROM generate_series(%s::bigint, %s) AS n"


def test_fetch_arrays_returns_the_columns_of_the_only_row() -> None:
    assert [column.tolist() for column in fetch_arrays(NUMBERS, [3, 5])] == [[3, 4, 5], [-3, -4, -5]]


def test_fetch_arrays_has_nothing_for_null() -> None:
    assert [column.tolist() for column in fetch_arrays(NUMBERS, [5, 3])] == [[], []]
