"""Importing a catalog with its queries: files become queries, products, pairs and imported labels."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.bulk import close_to_writers, without_row_checks
from labeling.actions.import_attributes import write_attributes
from labeling.actions.import_pairs import Written, label_ids, write_labels, write_pairs, write_queries
from labeling.actions.import_products import identify_named, identify_products, write_products, write_revisions
from labeling.actions.jobs import fail_job
from labeling.exchange.esci import (
    EXAMPLE_COLUMNS,
    PRODUCT_KEY_COLUMNS,
    PRODUCT_TEXT_COLUMNS,
    attribute_columns,
    count_rows,
)
from labeling.exchange.esci_pool import Catalog, Pool, read_catalog, read_pool, read_pool_attributes
from labeling.models import ImportedLabel, Job, Pair, Product, ProductRevision, Project, Query, User

Report = Callable[[int, int], None]
SILENT = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How many rows an import added, and what it changed. The same files again add and change nothing."""

    queries: int
    products: int
    revisions: int
    pairs: int
    labels: int
    labels_changed: int
    attributes: int = 0
    attributes_changed: int = 0


def start_import(project: Project, actor: User | None, examples_path: Path, products_path: Path) -> Job | None:
    """Make the running job of an import that this process is about to do; None where another one is under way.

    One that has been silent for SILENT was stopped before it was done: it is failed, and is in nobody's way.
    """
    now = timezone.now()
    active = Job.objects.filter(project=project, kind=Job.Kind.IMPORT, state=Job.State.RUNNING)
    for job in active.filter(heartbeat_at__lt=now - SILENT):
        fail_job(job, "The import was stopped before it was done. Nothing was stored: start it again.")
    try:
        with transaction.atomic():
            return Job.objects.create(
                project=project,
                kind=Job.Kind.IMPORT,
                state=Job.State.RUNNING,
                requested_by=actor,
                params={"examples": examples_path.name, "products": products_path.name},
                unit="rows",
                started_at=now,
                heartbeat_at=now,
            )
    except IntegrityError:
        if active.exists():
            return None
        raise


def import_esci(
    project: Project,
    examples_path: Path,
    products_path: Path,
    actor: User | None,
    report: Report,
    attributes: Sequence[str] = (),
) -> ImportReport:
    """Import the two official ESCI files into the project, all or nothing.

    What is stored already stays. A product whose text differs gets a new revision. Labels are kept as imported labels
    whose origin is the examples file's name, and what it says in the columns `attributes` is kept with the pairs.
    `report` is told (done, total), in rows that are dealt with. Imports take turns. Raises ImportProblem, with nothing
    stored, for files that cannot be used.
    """
    further = attribute_columns(examples_path, attributes)
    examples = count_rows(examples_path, EXAMPLE_COLUMNS + further)
    products = count_rows(products_path, PRODUCT_KEY_COLUMNS + PRODUCT_TEXT_COLUMNS)
    # A product is written and gets its text; an example is read, becomes a pair and gets its label and attributes.
    advance = _counter(report, 2 * products + (4 if further else 3) * examples)
    with ThreadPoolExecutor(2) as readers, transaction.atomic():
        catalog = readers.submit(read_catalog, products_path)
        pool = readers.submit(read_pool, examples_path, catalog)
        said = readers.submit(read_pool_attributes, examples_path, further)
        _take_turn(project)
        first = not (project.queries.exists() or project.products.exists())
        with without_row_checks() if first else nullcontext():
            outcome = _write(project, catalog.result(), pool, said, examples_path, products_path, advance)
        record(project, actor, "import.esci", examples_path.name, products=products_path.name, added=asdict(outcome))
    return outcome


def _counter(report: Report, total: int) -> Callable[[int], None]:
    done = 0

    def advance(rows: int) -> None:
        nonlocal done
        done += rows
        report(done, total)

    report(0, total)
    return advance


def _take_turn(project: Project) -> None:
    """Keep out other imports, and whoever would take away what the new rows will refer to."""
    close_to_writers([model._meta.db_table for model in (Product, ProductRevision, Query, Pair, ImportedLabel)])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute("SELECT FROM labeling_project WHERE id = %s FOR KEY SHARE", [project.pk])
        cursor.execute("SELECT FROM labeling_label WHERE scheme_id = %s FOR KEY SHARE", [project.scheme_id])


def _write(
    project: Project,
    catalog: Catalog,
    reading: Future[Pool],
    said: Future[Mapping[str, pa.Array]],
    examples_path: Path,
    products_path: Path,
    advance: Callable[[int], None],
) -> ImportReport:
    """Write the texts first: what others may want to read is closed to them only for the short rest."""

    def texts_written(rows: int) -> None:
        for future in (reading, said):
            if future.done():
                future.result()  # A problem with the examples need not wait for all the texts.
        advance(rows)

    now = timezone.now()
    found = identify_products(project, catalog)
    revisions = write_revisions(catalog, found, products_path, now, texts_written)
    pool, attributes = reading.result(), said.result()
    advance(pool.examples)
    labels = label_ids(project, pool, examples_path)
    named = identify_named(project, pool, examples_path, catalog)
    write_products(project, catalog, found)
    advance(len(catalog.products))
    queries = write_queries(project, pool)
    products = Written(np.append(found.ids, named), np.append(found.is_new, np.zeros(len(named), bool)))
    pairs = write_pairs(project, pool, queries, products)
    advance(pool.examples)
    new_labels, changed_labels = write_labels(project, pairs, labels, examples_path.name)
    advance(pool.examples)
    new_attributes, changed_attributes = write_attributes(pool, pairs, attributes)
    advance(pool.examples if attributes else 0)
    return ImportReport(
        queries=int(queries.is_new.sum()),
        products=int(found.is_new.sum()),
        revisions=revisions,
        pairs=int(pairs.is_new.sum()),
        labels=new_labels,
        labels_changed=changed_labels,
        attributes=new_attributes,
        attributes_changed=changed_attributes,
    )
