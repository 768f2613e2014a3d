"""What is wrong with a file that was to be read."""

from pathlib import Path

MAX_SHOWN = 80


class ImportProblem(Exception):
    """A file cannot be used: which file, where in it, what is there, and what was expected.

    `row` counts data rows from 1. `value` is what is there, in words or as a literal; its beginning is kept.
    `row`, `column` and `value` are None where the problem has none.
    """

    def __init__(
        self,
        file: Path | str,
        expected: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        self.file = Path(file).name
        self.row = row
        self.column = column
        self.value = value if value is None or len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}…"
        self.expected = expected
        super().__init__(str(self))

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f", row {self.row:,}"
        if self.column is not None:
            place += f", column {self.column}"
        found = "" if self.value is None else f"found {self.value}; "
        return f"{place}: {found}expected {self.expected}."
