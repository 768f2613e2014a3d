"""Whole columns into the database: COPY, staged columns to join with, ids in blocks, indexes built at the end."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
from django.db import OperationalError, connection, transaction
from numpy.typing import NDArray
from psycopg import sql

from labeling.exchange.ahead import map_ahead
from labeling.exchange.copy_stream import HEADER, TRAILER, copy_rows

COPY_ROWS = 32_768
POSTGRES_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

_SQL_TYPES = {
    pa.int64(): "bigint",
    pa.int32(): "integer",
    pa.float64(): "double precision",
    pa.large_string(): "text",
    pa.binary(16): "uuid",
}


def copy_into(table: str, rows: pa.RecordBatch) -> None:
    """Write rows to a table through binary COPY; columns are matched by name, their types by copy_rows."""
    copy_all_into(table, [rows])


def copy_all_into(table: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Write batches of rows as copy_into does. While one block is being sent, the next is put into COPY's format.

    Between blocks the connection is free, so that making a batch may use it.
    """
    blocks = (batch.slice(at, COPY_ROWS) for batch in batches for at in range(0, len(batch), COPY_ROWS))
    with connection.cursor() as cursor:
        for names, rows in map_ahead(lambda block: (block.schema.names, copy_rows(block)), blocks):
            columns = sql.SQL(", ").join(map(sql.Identifier, names))
            into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), columns)
            with cursor.copy(into) as copy:
                for part in (HEADER, rows, TRAILER):
                    copy.write(part)


def stage(rows: pa.RecordBatch) -> None:
    """Make the temporary table `staged` of these rows, for the next statement of this transaction to join with."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(_SQL_TYPES[field.type])) for field in rows.schema
    )
    create = sql.SQL("CREATE TEMPORARY TABLE staged ({}) ON COMMIT DROP").format(columns)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.staged")
        cursor.execute(create.as_string(cursor.connection))
        copy_into("staged", rows)
        cursor.execute("ANALYZE staged")


def close_to_writers(tables: Sequence[str], *, at_once: bool = False, and_references: bool = False) -> None:
    """Let nobody else write to these tables until the transaction ends; reading goes on.

    So does referring to their rows, and with it asking whether rows refer to another one, unless `and_references`.
    `at_once` raises OperationalError where that would have to wait for others.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    mode = sql.SQL("EXCLUSIVE" if and_references else "SHARE ROW EXCLUSIVE")
    wait = sql.SQL("NOWAIT" if at_once else "")
    with connection.cursor() as cursor:
        lock = sql.SQL("LOCK TABLE {} IN {} MODE {}").format(names, mode, wait)
        cursor.execute(lock.as_string(cursor.connection))


def reserve_ids(table: str, count: int) -> NDArray[np.int64]:
    """Take `count` new ids of a table, consecutive ones. The table must be closed to other writers."""
    if not count:
        return np.empty(0, np.int64)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
        cursor.execute(
            "SELECT setval(%(ids)s, nextval(%(ids)s) + %(more)s)", {"ids": cursor.fetchone()[0], "more": count - 1}
        )
        last = cursor.fetchone()[0]
    return np.arange(last - count + 1, last + 1)


def timestamp(moment: dt.datetime) -> int:
    """Return a moment as copy_rows wants it: microseconds since 2000."""
    return (moment - POSTGRES_EPOCH) // dt.timedelta(microseconds=1)


def may_skip_row_checks() -> bool:
    """Whether the connection's role may do what without_row_checks does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
        return bool(cursor.fetchone()[0])


@contextmanager
def without_row_checks() -> Iterator[None]:
    """Let no triggers fire inside, which are what checks foreign keys, row by row; uniqueness is still checked.

    Only for rows that cannot but be right, since all that they refer to is written, or locked, in this transaction, or
    in one that is committed before it (see second_transaction).
    Where the connection's role may not do this, the checks go on, and the same work takes several times as long.
    """
    if not may_skip_row_checks():
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")


# A table's indexes but for those that foreign keys rest on: how to drop each, and how to make it again.
INDEXES = """
    SELECT CASE WHEN rule.oid IS NULL THEN format('DROP INDEX %%s', kept.indexrelid::regclass)
                ELSE format('ALTER TABLE %%s DROP CONSTRAINT %%I', kept.indrelid::regclass, rule.conname) END,
           CASE WHEN rule.oid IS NULL THEN pg_get_indexdef(kept.indexrelid)
                ELSE format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s',
                            kept.indrelid::regclass, rule.conname, pg_get_constraintdef(rule.oid)) END
    FROM pg_index kept
    LEFT JOIN pg_constraint rule ON rule.conindid = kept.indexrelid AND rule.contype IN ('p', 'u')
    WHERE kept.indrelid = %s::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint key WHERE key.conindid = kept.indexrelid AND key.contype = 'f')
      AND (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = kept.indrelid)
"""


@contextmanager
def without_indexes(table: str) -> Iterator[None]:
    """Build the indexes of a table that is filled inside afterwards, at once, which is several times as fast.

    Only for a table that is empty and that nobody is reading, and inside without_row_checks, since checks that wait
    would keep the table as it is; otherwise nothing is different. It keeps everybody else from the table until the
    transaction ends. If that fails, the indexes are as they were.
    """
    statements = _drop_indexes(table)
    yield
    if statements:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
            for make in statements:
                cursor.execute(make)


def _drop_indexes(table: str) -> list[str]:
    """Drop a table's indexes where that can be done at once; return the statements that make them again."""
    name = sql.Identifier(table)
    can = sql.SQL("SELECT current_setting('session_replication_role') = 'replica' AND NOT EXISTS (SELECT FROM {})")
    lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT")
    with connection.cursor() as cursor:
        cursor.execute(can.format(name).as_string(cursor.connection))
        if not cursor.fetchone()[0]:
            return []
        try:
            with transaction.atomic():
                cursor.execute(lock.format(name).as_string(cursor.connection))
        except OperationalError:
            return []
        cursor.execute(INDEXES, [table])
        statements = cursor.fetchall()
        for drop, _ in statements:
            cursor.execute(drop)
        return [make for _, make in statements]
