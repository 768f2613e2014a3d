"""Tables that are shown on a page and exported as CSV, from one description of both."""

import csv
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import StreamingHttpResponse

from labeling.language import number

FEWEST = 20  # an estimate on less is not shown on a page; exports have it
FORMULA = tuple("=+-@＝＋－＠")


class Kind(enum.Enum):
    """What a column holds. Estimates and differences are as Estimate.to_dict has them; a moment is shown by its day."""

    TEXT = "text"
    LABEL = "label"
    STATE = "state"
    DAY = "day"
    COUNT = "count"
    NUMBER = "number"
    ESTIMATE = "estimate"
    DIFFERENCE = "difference"


WORDS = (Kind.TEXT, Kind.LABEL, Kind.STATE)


@dataclass(frozen=True)
class Column:
    """A column: its `title` on the page, its `name` in an export, with the unit where there is one."""

    title: str
    name: str
    kind: Kind = Kind.TEXT
    unit: str = ""
    exported: bool = False  # only in exports


@dataclass(frozen=True)
class Row:
    """A value for each column, where some of them link to, by the column's name, and whether somebody should look.

    `thin` says that it rests on fewer than FEWEST.
    """

    values: tuple[Any, ...]
    links: Mapping[str, str] = field(default_factory=dict)
    wanting: bool = False
    thin: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under columns; the first column heads the row. A page shows the first `most` rows."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    most: int = 100


def table_context(table: Table) -> dict[str, Any]:
    """Return a table as components/numbers.html wants it."""
    shown = [(place, column) for place, column in enumerate(table.columns) if not column.exported]
    rest = len(table.rows) - table.most
    are = "row is" if rest == 1 else "rows are"
    return {
        "caption": table.caption,
        "columns": [{"text": column.title, "numeric": column.kind not in WORDS} for _, column in shown],
        "rows": [
            {
                "wanting": row.wanting,
                "thin": row.thin,
                "cells": [
                    cell(column.kind, row.values[place]) | {"href": row.links.get(column.name, "")}
                    for place, column in shown
                ],
            }
            for row in table.rows[: table.most]
        ],
        "total": len(table.rows),
        "rest": f"{number(rest)} more {are} in the file." if rest > 0 else "",
        "file": f"All {number(len(table.rows))} as CSV" if rest > 0 else "As CSV",
    }


def cell(kind: Kind, value: Any) -> dict[str, Any]:
    """Return what a page shows of a value: `text`, and `more` beside it, smaller; or a `label`, or a `state`."""
    if value is None:
        return {"text": "", "more": ""}
    if kind in (Kind.LABEL, Kind.STATE):
        return {kind.value: value}
    if kind == Kind.DAY:
        return {"text": f"{value:%Y-%m-%d}".replace("-", "\u2011"), "more": ""}  # on one line
    if kind == Kind.COUNT:
        return {"text": number(value), "more": ""}
    if kind == Kind.NUMBER:
        return {"text": _two_digits(value, ""), "more": ""}
    if kind == Kind.TEXT:
        return {"text": str(value), "more": ""}
    if value["value"] is None:
        return {"text": "", "more": ""}
    if value["n"] < FEWEST:
        return {"text": "", "more": f"needs {FEWEST - value['n']} more"}
    sign = "+" if kind == Kind.DIFFERENCE else ""
    shown, low, high = (
        None if value[part] is None else _two_digits(value[part], sign) for part in ("value", "low", "high")
    )
    return {"text": shown, "more": "" if low is None else f"{low} to {high}"}


def _two_digits(value: float, sign: str) -> str:
    rounded = round(value, 2) + 0.0  # no -0.00
    return f"{rounded:{sign if rounded else ''}.2f}"


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_response(table: Table, filename: str) -> StreamingHttpResponse:
    """Return a table as a CSV file that is sent row by row, all of its rows, with a header that has the units.

    Words that a spreadsheet would take for a formula get an apostrophe before them.
    """
    return csv_file(_lines(table), filename)


def csv_file(lines: Iterable[Sequence[object]], filename: str) -> StreamingHttpResponse:
    """Return lines as a CSV file that is sent line by line, while they are made."""
    writer = csv.writer(_Echo())
    response = StreamingHttpResponse(map(writer.writerow, lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _lines(table: Table) -> Iterator[list[Any]]:
    yield [name for column in table.columns for name in _headers(column)]
    for row in table.rows:
        yield [
            part for column, value in zip(table.columns, row.values, strict=True) for part in _parts(column.kind, value)
        ]


def _headers(column: Column) -> list[str]:
    unit = f" ({column.unit})" if column.unit else ""
    if column.kind not in (Kind.ESTIMATE, Kind.DIFFERENCE):
        return [column.name + unit]
    return [column.name + unit, f"{column.name} low{unit}", f"{column.name} high{unit}", f"{column.name} n"]


def _parts(kind: Kind, value: Any) -> list[Any]:
    if kind in WORDS:
        return [harmless(str(value)) if value is not None else ""]
    if kind == Kind.COUNT:
        return [value]
    if kind == Kind.DAY:
        return [value.isoformat(timespec="seconds")]
    if kind == Kind.NUMBER:
        return [None if value is None else round(value, 6)]
    found = value or {"value": None, "low": None, "high": None, "n": 0}
    return [*(None if found[part] is None else round(found[part], 6) for part in ("value", "low", "high")), found["n"]]


def harmless(text: str) -> str:
    """Return words that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip().startswith(FORMULA) or text[:1] in ("\t", "\r", "\n") else text
