"""Import the official ESCI files."""

import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from tqdm import tqdm

from labeling.actions.imports import ImportReport, Report, import_esci, start_import
from labeling.actions.jobs import fail_job, finish_job, report_progress
from labeling.actions.second_transaction import HalfCommitted
from labeling.exchange.problem import ImportProblem
from labeling.management.arguments import project_of
from labeling.models import Job

BEAT = 2.0  # seconds between two writes of the progress


class Command(BaseCommand):
    help = "Import the two official ESCI Parquet files into a project, all or nothing. Twice is the same as once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("examples", type=Path, metavar="EXAMPLES.parquet")
        parser.add_argument("products", type=Path, metavar="PRODUCTS.parquet")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument(
            "--attribute",
            action="append",
            default=[],
            metavar="COLUMN",
            help="keep what EXAMPLES says in this further column with each pair, such as a category; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_of(options["project"])
        examples, products = options["examples"], options["products"]
        job = start_import(project, None, examples, products)
        if job is None:
            raise CommandError(f"An import into {project.slug} is already under way.")
        try:
            with _progress(job) as report:
                outcome = import_esci(project, examples, products, None, report, options["attribute"])
        except ImportProblem as problem:
            fail_job(job, str(problem))
            raise CommandError(f"{problem} Nothing was stored.") from problem
        except HalfCommitted as problem:
            message = f"The products were stored, but no pairs: {problem}. Start the import again: it stores the rest."
            fail_job(job, message)
            raise CommandError(message) from problem
        except BaseException as error:
            fail_job(job, f"{type(error).__name__}: {error}. Nothing was stored.")
            raise
        finish_job(job, _summary(outcome), **asdict(outcome))
        self.stdout.write(_summary(outcome))


def _summary(outcome: ImportReport) -> str:
    counts = {name.replace("_", " "): count for name, count in asdict(outcome).items() if count}
    if not counts:
        return "Everything in these files was there already."
    return "Added: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()) + "."


@contextmanager
def _progress(job: Job) -> Iterator[Report]:
    """Show a bar on standard error and write the job's progress, over a connection that is not in the transaction.

    The function to report with raises CommandError when the job was cancelled.
    """
    ended, cancelled = threading.Event(), threading.Event()
    with tqdm(unit=" rows", unit_scale=True, desc=str(job)) as bar:

        def beat() -> None:
            while not ended.wait(BEAT):
                if not report_progress(job, int(bar.n), int(bar.total or 0)):
                    cancelled.set()
            connection.close()

        def report(done: int, total: int) -> None:
            if cancelled.is_set():
                raise CommandError("The import was cancelled. Nothing was stored.")
            bar.total = total
            bar.update(done - bar.n)

        beater = threading.Thread(target=beat, daemon=True)
        beater.start()
        try:
            yield report
        finally:
            ended.set()
            beater.join()
