"""A second transaction beside the one that is open: another connection in another thread, committed right after it.

PostgreSQL works on one connection with one process, so that a large write takes as long as one core needs for it. Two
transactions cannot be committed as one, though. The first is committed only when all the work of both is done, and the
second at once after it: a failure before leaves nothing of either. Only if the process, the server or their connection
ends between the two commits, the first is stored without the second, so that what is stored first must be right by
itself, and the same work again must complete it.

PREPARE TRANSACTION would close that gap, but is off unless a server is started with max_prepared_transactions, and a
crash would leave two transactions that hold their locks until somebody finds and ends them by hand.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import ParamSpec, TypeVar

import psycopg
from django.db import Error, connection, transaction

OPEN_LIMIT = 5.0  # seconds until a connection that does not come is done without
LOCK_LIMIT = "10s"

P = ParamSpec("P")
T = TypeVar("T")


class Abandoned(Exception):
    """What is done beside the first transaction is for nothing: that one has failed."""


class HalfCommitted(Exception):
    """The first transaction is committed, the second one is lost."""


class SecondTransaction:
    """Steps in a transaction of a thread's own connection, one after the other; see second_transaction.

    The thread must not wait for the first transaction, neither for a lock nor otherwise; PostgreSQL could not see that
    circle. Should it come to one all the same, LOCK_LIMIT ends it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "second-transaction")
        self._atomic: transaction.Atomic | None = None  # the thread's
        self._connection: psycopg.Connection | None = None
        self._is_open = False
        self._abandoned = threading.Event()

    def begin(self, prepare: Callable[[], None]) -> bool:
        """Open the transaction and do `prepare` in it, which must not wait for locks; return whether that went.

        To be called inside the first transaction, an outermost one, which is not to wait for locks afterwards.
        """
        self._is_open = True
        try:
            self.submit(self._open, prepare).result(OPEN_LIMIT)
        except (TimeoutError, Error):
            self.abandon()
            return False
        _limit_waits()
        transaction.on_commit(self._commit)
        return True

    def submit(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let the thread do the next step."""
        return self._thread.submit(step, *args, **kwargs)

    def go_on(self) -> None:
        """Raise Abandoned once the first transaction has failed, for a step to ask between its parts."""
        if self._abandoned.is_set():
            raise Abandoned

    def settle(self) -> None:
        """Check now what is else checked at the commit, where the first transaction would be committed already."""
        self.submit(self._check).result()

    def abandon(self) -> None:
        """Roll back, ending the step that is being done, without waiting for that; nothing after the commit."""
        if not self._is_open:
            return
        self._is_open = False
        self._abandoned.set()
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=OPEN_LIMIT)
        self.submit(self._end, Abandoned())

    def close(self) -> None:
        """Abandon the transaction unless it is committed, and wait for the thread's end."""
        self.abandon()
        self._thread.shutdown()

    def _open(self, prepare: Callable[[], None]) -> None:
        atomic = transaction.atomic()
        atomic.__enter__()
        self._atomic = atomic
        self.go_on()
        self._connection = connection.connection
        _limit_waits()
        prepare()

    def _check(self) -> None:
        connection.check_constraints()

    def _commit(self) -> None:
        self._is_open = False
        try:
            self.submit(self._end, None).result()
        except Error as error:
            raise HalfCommitted(str(error).strip()) from error

    def _end(self, error: Exception | None) -> None:
        atomic, self._atomic = self._atomic, None
        try:
            if atomic:
                atomic.__exit__(type(error) if error else None, error, None)
        finally:
            connection.close()


@contextmanager
def second_transaction() -> Iterator[SecondTransaction]:
    """Yield a second transaction that can be begun inside; left with the first one not committed, it is rolled back.

    The first transaction must begin and end inside. Its commit raises HalfCommitted where the second's fails.
    """
    second = SecondTransaction()
    try:
        yield second
    finally:
        second.close()


def _limit_waits() -> None:
    """Wait for no lock for ever, and stay connected however long the other transaction takes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_LIMIT])
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
