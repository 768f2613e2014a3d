"""A second transaction beside the first: committed right after it, or neither of them."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from labeling.actions import second_transaction as module
from labeling.actions.second_transaction import Abandoned, HalfCommitted, SecondTransaction, second_transaction


@pytest.fixture
def other(committed: None) -> Iterator[psycopg.Connection]:
    """A connection that sees what is committed, where there are two tables to fill."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE first_table (value integer); CREATE TABLE second_table (value integer)")
    try:
        url, name = settings.DATABASE_URL, connection.settings_dict["NAME"]
        with psycopg.connect(url, dbname=name, autocommit=True) as elsewhere:
            yield elsewhere
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE first_table, second_table")


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def stored(other: psycopg.Connection) -> list[int]:
    return [value for (value,) in other.execute("TABLE first_table UNION ALL TABLE second_table ORDER BY 1")]


def nothing() -> None:
    """Prepare nothing."""


def write_both(then: Callable[[SecondTransaction], object] = lambda _: None) -> None:
    """Write 1 in the first transaction and 2 in the second one, and do a last thing before the commit."""
    with second_transaction() as second, transaction.atomic():
        assert second.begin(nothing)
        second.submit(execute, "INSERT INTO second_table VALUES (2)")
        execute("INSERT INTO first_table VALUES (1)")
        then(second)


def test_both_are_committed_the_first_one_first(other: psycopg.Connection) -> None:
    seen: list[list[int]] = []
    with second_transaction() as second, transaction.atomic():
        transaction.on_commit(lambda: seen.append(stored(other)))  # right after the first commit
        assert second.begin(nothing)
        second.submit(execute, "INSERT INTO second_table VALUES (2)")
        execute("INSERT INTO first_table VALUES (1)")
        assert stored(other) == []
    assert (seen, stored(other)) == ([[1]], [1, 2])


def test_a_failing_step_rolls_back_both(other: psycopg.Connection) -> None:
    with pytest.raises(ZeroDivisionError):
        write_both(lambda second: second.submit(lambda: 1 // 0).result())
    assert (stored(other), idle_in_transaction(other)) == ([], 0)


def test_what_a_commit_checks_can_fail_before_both(other: psycopg.Connection) -> None:
    other.execute("ALTER TABLE second_table ADD CONSTRAINT once UNIQUE (value) DEFERRABLE INITIALLY DEFERRED")

    def twice(second: SecondTransaction) -> None:
        second.submit(execute, "INSERT INTO second_table VALUES (2)").result()
        second.settle()

    with pytest.raises(IntegrityError):
        write_both(twice)
    assert stored(other) == []


def test_a_failing_first_ends_a_statement_of_the_second_at_once(other: psycopg.Connection) -> None:
    steps: list[Future[None]] = []
    asked: list[SecondTransaction] = []

    def fail(second: SecondTransaction) -> None:
        steps.append(second.submit(execute, "SELECT pg_sleep(60)"))
        asked.append(second)
        time.sleep(0.2)
        raise ZeroDivisionError

    started = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        write_both(fail)
    assert time.monotonic() - started < 20
    assert isinstance(steps[0].exception(), OperationalError)
    with pytest.raises(Abandoned):
        asked[0].go_on()
    assert (stored(other), idle_in_transaction(other)) == ([], 0)


def idle_in_transaction(other: psycopg.Connection) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state ~ 'in transaction'"
    row = other.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_what_cannot_be_prepared_leaves_no_lock(other: psycopg.Connection) -> None:
    with psycopg.connect(settings.DATABASE_URL, dbname=connection.settings_dict["NAME"]) as holder:
        holder.execute("LOCK TABLE second_table IN ACCESS SHARE MODE")
        with second_transaction() as second, transaction.atomic():
            assert not second.begin(
                lambda: execute("LOCK TABLE first_table, second_table IN ACCESS EXCLUSIVE MODE NOWAIT")
            )
            execute("INSERT INTO first_table VALUES (1)")
    assert stored(other) == [1]


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "waits"])
def test_a_connection_that_is_not_to_be_had_is_done_without(
    other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    connect = BaseDatabaseWrapper.connect
    first_is_done = threading.Event()

    def one_only(wrapper: BaseDatabaseWrapper) -> None:
        if threading.current_thread() is not threading.main_thread():
            if refused:
                raise OperationalError("too many clients already")
            assert first_is_done.wait(20)
        connect(wrapper)

    monkeypatch.setattr(BaseDatabaseWrapper, "connect", one_only)
    monkeypatch.setattr(module, "OPEN_LIMIT", 0.2)
    prepared: list[bool] = []

    with second_transaction() as second:
        with transaction.atomic():
            assert not second.begin(lambda: prepared.append(True))
            execute("INSERT INTO first_table VALUES (1)")
        first_is_done.set()

    assert (stored(other), prepared) == ([1], [])
    assert idle_in_transaction(other) == 0


def test_a_lost_second_says_that_the_first_is_stored(other: psycopg.Connection) -> None:
    def lose() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            other.execute("SELECT pg_terminate_backend(%s, 5000)", cursor.fetchone())

    with pytest.raises(HalfCommitted):
        write_both(lambda second: second.submit(lose).result())
    assert stored(other) == [1]


def test_the_second_waits_for_no_lock_for_ever(other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_LIMIT", "100ms")

    def wait(second: SecondTransaction) -> None:
        execute("LOCK TABLE first_table")
        second.submit(execute, "INSERT INTO first_table VALUES (3)").result()

    with pytest.raises(OperationalError, match="lock timeout"):
        write_both(wait)
    assert stored(other) == []
