"""Rows as CSV or JSON lines."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any

FORMATS = ("csv", "jsonl")


def write_rows(file: IO[str], columns: Sequence[str], rows: Iterable[Mapping[str, Any]], form: str) -> int:
    """Write rows, one at a time, and return how many. `form` is one of FORMATS; ValueError for another one.

    CSV has a header line; values that are None are empty there and null in JSON.
    """
    if form not in FORMATS:
        raise ValueError(f"{form!r} is not a format. Formats are: {', '.join(FORMATS)}.")
    write = _writer(file, columns, form)
    count = 0
    for row in rows:
        write(row)
        count += 1
    return count


def _writer(file: IO[str], columns: Sequence[str], form: str) -> Callable[[Mapping[str, Any]], object]:
    if form == "csv":
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        return table.writerow

    def write_line(row: Mapping[str, Any]) -> None:
        file.write(json.dumps({name: row[name] for name in columns}, ensure_ascii=False, default=str) + "\n")

    return write_line
