"""Bulk writes beside other connections."""

from collections.abc import Iterator

import psycopg
import pyarrow as pa
import pytest
from django.conf import settings
from django.db import connection, transaction

from labeling.actions.bulk import close_to_writers, copy_into, without_indexes, without_row_checks

TABLE = "bulk_table"


@pytest.fixture
def other(committed: None) -> Iterator[psycopg.Connection]:
    """Another connection to the tests' database, where there is a table to fill."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bulk_table (id bigint PRIMARY KEY)")
    try:
        with psycopg.connect(settings.DATABASE_URL, dbname=connection.settings_dict["NAME"]) as elsewhere:
            elsewhere.execute("SET lock_timeout = '200ms'")
            yield elsewhere
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE bulk_table")


def ids() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM bulk_table")
        return [number for (number,) in cursor.fetchall()]


def test_without_indexes_does_not_wait_for_a_reader(other: psycopg.Connection) -> None:
    other.commit()
    other.execute("SELECT id FROM bulk_table")

    with transaction.atomic(), without_row_checks(), without_indexes(TABLE):
        copy_into(TABLE, pa.record_batch({"id": [1]}))
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_indexes WHERE tablename = %s", [TABLE])
            assert cursor.fetchone() == (1,)

    assert ids() == [1]
    other.rollback()


def test_close_to_writers_lets_readers_in_and_writers_wait(other: psycopg.Connection) -> None:
    other.commit()
    with transaction.atomic():
        close_to_writers([TABLE])
        copy_into(TABLE, pa.record_batch({"id": [1]}))
        assert other.execute("SELECT id FROM bulk_table FOR KEY SHARE").fetchall() == []
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("INSERT INTO bulk_table VALUES (2)")
        other.rollback()

    other.execute("INSERT INTO bulk_table VALUES (2)")
    other.commit()
    assert ids() == [1, 2]
