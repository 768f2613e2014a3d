"""Querysets that Django compiles once: what comes thousands of times a minute differs in its parameters only.

Building a queryset and compiling it to SQL took more of a request than everything else. A prepared query is built once,
with values that nobody uses in place of its arguments; where they come out among the parameters, the arguments go in.
"""

import copy
import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import QuerySet

Row = TypeVar("Row")
Argument = int | str | uuid.UUID | dt.datetime


@dataclass(frozen=True)
class _Compiled:
    """A compiled queryset; of each parameter of its SQL the value, or the number of the argument that goes there."""

    queryset: Any
    compiler: Any
    sql: str
    parameters: tuple[tuple[int | None, Any], ...]


class Prepared(Generic[Row]):
    """A function that returns a queryset, called with plain arguments; the call returns the rows, fetched.

    The queryset's form must not depend on the arguments: numbers, texts, UUIDs and times, which stand in it as they
    are.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Row]]) -> None:
        self._build = build
        self._compiled: _Compiled | None = None
        update_wrapper(self, build)

    def __call__(self, *arguments: Argument) -> list[Row]:
        """Run the query and return its rows."""
        if self._compiled is None:
            self._compiled = _compile(self._build, arguments)
        compiled = self._compiled
        values = tuple(value if at is None else arguments[at] for at, value in compiled.parameters)
        compiler = copy.copy(compiled.compiler)
        compiler.connection = connections[compiler.using]
        compiler.as_sql = lambda *_, **__: (compiled.sql, values)
        queryset = copy.copy(compiled.queryset)
        queryset._query = copy.copy(queryset.query)
        queryset._query.get_compiler = lambda *_, **__: compiler
        return list(queryset._iterable_class(queryset))

    def first(self, *arguments: Argument) -> Row | None:
        """Run the query, which must have a limit, and return its first row; None where there is none."""
        rows = self(*arguments)
        return rows[0] if rows else None


def _compile(build: Callable[..., QuerySet[Any, Any]], arguments: tuple[Argument, ...]) -> _Compiled:
    stand_ins = [_stand_in(argument, number) for number, argument in enumerate(arguments)]
    queryset = build(*stand_ins)
    compiler = queryset.query.get_compiler(using=queryset.db)
    sql, values = compiler.as_sql()
    parameters = tuple((stand_ins.index(value) if value in stand_ins else None, value) for value in values)
    missing = set(range(len(arguments))) - {at for at, _ in parameters}
    if missing:
        raise TypeError(f"{build.__name__}: argument {min(missing)} is no parameter of the query: {sql}")
    return _Compiled(queryset, compiler, sql, parameters)


def _stand_in(argument: Argument, number: int) -> Argument:
    """Return a value of the argument's type that no query has of its own, another one for each argument."""
    if isinstance(argument, dt.datetime):
        return dt.datetime(1, 1, 2, microsecond=number, tzinfo=dt.UTC)
    if isinstance(argument, uuid.UUID):
        return uuid.uuid4()
    if isinstance(argument, str):
        return f"argument {number} {uuid.uuid4()}"
    if type(argument) is int:
        return 2**62 + number
    raise TypeError(f"{argument!r} cannot be an argument of a prepared query")
