"""Labels out."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from labeling.exchange.rows import FORMATS, write_rows
from labeling.management.arguments import project_of
from labeling.queries.judgments import EXPORT_COLUMNS, exported_judgments


class Command(BaseCommand):
    help = "Write a project's live judgments, one row each, to standard output or a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--output", type=Path, help="a file; without it, standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = exported_judgments(project_of(options["project"]))
        path: Path | None = options["output"]
        if path is None:
            write_rows(sys.stdout, EXPORT_COLUMNS, rows, options["format"])
            return
        with path.open("w", encoding="utf-8", newline="") as file:
            count = write_rows(file, EXPORT_COLUMNS, rows, options["format"])
        self.stdout.write(f"{count} judgments written to {path}.")
