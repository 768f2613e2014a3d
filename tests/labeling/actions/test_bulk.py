"""Whole columns into the database."""

import datetime as dt
import uuid

import numpy as np
import pyarrow as pa
import pytest
from django.db import IntegrityError, connection, transaction

from labeling.actions.bulk import (
    close_to_writers,
    copy_into,
    reserve_ids,
    stage,
    timestamp,
    without_indexes,
    without_row_checks,
)
from labeling.models import Product, Query
from labeling.queries.arrays import fetch_arrays
from tests.making import make_project

pytestmark = pytest.mark.django_db


def execute(statement: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture
def shelf() -> str:
    """A table with every kind of index, and one that refers to it."""
    execute(
        "CREATE TABLE shelf (id bigint PRIMARY KEY, place integer, text text, CONSTRAINT shelf_place UNIQUE (place))"
    )
    execute("CREATE INDEX shelf_text ON shelf (text) WHERE place > 0")
    execute("CREATE TABLE book (id bigint PRIMARY KEY, shelf_id bigint REFERENCES shelf (id) DEFERRABLE)")
    return "shelf"


def indexes(table: str) -> set[str]:
    return {str(name) for (name,) in execute(f"SELECT indexname FROM pg_indexes WHERE tablename = '{table}'")}  # noqa: S608


def rows(*ids: int) -> pa.RecordBatch:
    return pa.record_batch({"id": list(ids), "place": pa.array(ids, pa.int32())})


def test_copy_into_writes_what_the_database_reads() -> None:
    execute("CREATE TABLE kinds (big bigint, small integer, text text, uuid uuid, moment timestamptz, share float8)")
    key, moment = uuid.uuid4(), dt.datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=dt.UTC)
    columns = {
        "moment": [timestamp(moment), None],
        "big": [2**62, None],
        "small": pa.array([-7, None], pa.int32()),
        "text": pa.array(["帽\t\\N", None], pa.large_string()),
        "uuid": pa.array([key.bytes, None], pa.binary(16)),
        "share": [0.1, None],
    }

    copy_into("kinds", pa.record_batch({name: pa.array(values) for name, values in columns.items()}))

    assert execute("SELECT big, small, text, uuid, moment, share FROM kinds ORDER BY big") == [
        (2**62, -7, "帽\t\\N", key, moment, 0.1),
        (None,) * 6,
    ]


def test_stage_holds_the_last_rows_that_were_staged() -> None:
    for start in (0, 100):
        stage(
            pa.record_batch(
                {"place": np.arange(start, start + 3), "text": pa.array(["a", "b", "c"], pa.large_string())}
            )
        )

    places, negative = fetch_arrays(
        "SELECT string_agg(int8send(place), ''), string_agg(int8send(-place), '') FROM staged WHERE text > %s", ["a"]
    )
    assert (places.tolist(), negative.tolist()) == ([101, 102], [-101, -102])
    assert fetch_arrays("SELECT string_agg(int8send(place), '') FROM staged WHERE place < 0")[0].tolist() == []


def test_reserve_ids_are_nobody_elses() -> None:
    project, table = make_project(), Product._meta.db_table
    close_to_writers([table])
    before = Product.objects.create(project=project, external_id="a", locale="us").pk

    first, second = reserve_ids(table, 1_000), reserve_ids(table, 1)
    after = Product.objects.create(project=project, external_id="b", locale="us").pk

    assert first.tolist() == list(range(before + 1, before + 1_001))
    assert [*second.tolist(), after] == [before + 1_001, before + 1_002]
    assert reserve_ids(table, 0).tolist() == []


def test_without_row_checks_leaves_them_out_inside_only() -> None:
    dangling = pa.record_batch(
        {
            "project_id": [-1],
            "external_id": pa.array(["x"], pa.large_string()),
            "text": pa.array(["x"], pa.large_string()),
            "locale": pa.array(["us"], pa.large_string()),
            "digest": pa.array([bytes(16)], pa.binary(16)),
            "split": pa.array(["train"], pa.large_string()),
        }
    )
    with transaction.atomic():
        with without_row_checks():
            copy_into(Query._meta.db_table, dangling)
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert Query.objects.filter(project_id=-1).exists()
        transaction.set_rollback(True)

    copy_into(Query._meta.db_table, dangling)
    with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
        execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("DELETE FROM labeling_query WHERE project_id = -1")


def test_without_indexes_builds_them_again_as_they_were(shelf: str) -> None:
    before = execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'shelf' ORDER BY 1")

    with without_row_checks(), without_indexes(shelf):
        assert indexes(shelf) == {"shelf_pkey"}
        copy_into(shelf, rows(1, 2, 3))

    assert execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'shelf' ORDER BY 1") == before
    assert execute("SELECT conname FROM pg_constraint WHERE conrelid = 'shelf'::regclass AND contype = 'u'") == [
        ("shelf_place",)
    ]


def test_without_indexes_takes_a_primary_key_that_nothing_refers_to(shelf: str) -> None:
    with without_row_checks(), without_indexes("book"):
        assert indexes("book") == set()
    assert indexes("book") == {"book_pkey"}


def test_without_indexes_refuses_rows_that_are_there_twice(shelf: str) -> None:
    double = pa.record_batch({"id": [1, 2], "place": pa.array([5, 5], pa.int32())})

    with pytest.raises(IntegrityError, match="shelf_place"), transaction.atomic(), without_row_checks():  # noqa: SIM117
        with without_indexes(shelf):
            copy_into(shelf, double)

    assert indexes(shelf) == {"shelf_pkey", "shelf_place", "shelf_text"}
    assert execute("SELECT id FROM shelf") == []


def test_without_indexes_leaves_a_table_with_rows_as_it_is(shelf: str) -> None:
    copy_into(shelf, rows(1))

    with without_row_checks(), without_indexes(shelf):
        assert indexes(shelf) == {"shelf_pkey", "shelf_place", "shelf_text"}


def test_without_indexes_leaves_a_table_with_row_checks_as_it_is(shelf: str) -> None:
    with without_indexes(shelf):
        assert indexes(shelf) == {"shelf_pkey", "shelf_place", "shelf_text"}
