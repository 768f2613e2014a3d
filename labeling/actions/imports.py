"""Importing a catalog with its queries: files become queries, products, pairs and imported labels."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from numpy.typing import NDArray

from labeling.actions.audit_log import record
from labeling.actions.bulk import close_to_writers, may_skip_row_checks, without_row_checks
from labeling.actions.import_attributes import write_attributes
from labeling.actions.import_pairs import Written, count_labels, label_ids, write_labels, write_pairs, write_queries
from labeling.actions.import_products import (
    identify_named,
    identify_products,
    refuse_unknown,
    write_products,
    write_revisions,
)
from labeling.actions.jobs import fail_job
from labeling.actions.second_transaction import SecondTransaction, second_transaction
from labeling.exchange.esci import (
    EXAMPLE_COLUMNS,
    PRODUCT_KEY_COLUMNS,
    PRODUCT_TEXT_COLUMNS,
    attribute_columns,
    count_rows,
)
from labeling.exchange.esci_pool import Catalog, Pool, read_catalog, read_pool, read_pool_attributes
from labeling.models import ImportedLabel, Job, Pair, PairAttribute, Product, ProductRevision, Project, Query, User

Report = Callable[[int, int], None]
Advance = Callable[[int], None]
PRODUCT_TABLES = [model._meta.db_table for model in (Product, ProductRevision)]
PAIR_TABLES = [model._meta.db_table for model in (Query, Pair, ImportedLabel, PairAttribute)]
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


@dataclass(frozen=True, slots=True)
class _Files:
    """The two files, and what is being read of them."""

    examples: Path
    products: Path
    catalog: Future[Catalog]
    pool: Future[Pool]
    attributes: Future[Mapping[str, pa.Array]]


def start_import(project: Project, actor: User | None, examples_path: Path, products_path: Path) -> Job | None:
    """Make the running job of an import that this process is about to do; None where another one is under way.

    One that has been silent for SILENT was stopped before it was done: it is failed, and is in nobody's way.
    """
    now = timezone.now()
    active = Job.objects.filter(project=project, kind=Job.Kind.IMPORT, state=Job.State.RUNNING)
    for job in active.filter(heartbeat_at__lt=now - SILENT):
        fail_job(job, "The import was stopped before it was done: start it again.")
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
    `report` is told (done, total), in rows that are dealt with, by one thread at a time. Imports take turns. Raises
    ImportProblem, with nothing stored, for files that cannot be used.

    The first import of all is written over two connections at once: products and their texts over one, the rest over
    the other. See second_transaction for the gap between the two commits: should one end there, the products are
    stored, but no pairs; HalfCommitted is raised if this process outlives that. The same import again stores the rest.
    It is so only outside any other transaction, for a role that without_row_checks has an effect for, and where the
    tables are empty, and nobody else holds a lock there.
    """
    further = attribute_columns(examples_path, attributes)
    examples = count_rows(examples_path, EXAMPLE_COLUMNS + further)
    products = count_rows(products_path, PRODUCT_KEY_COLUMNS + PRODUCT_TEXT_COLUMNS)
    # A product is written and gets its text; an example is read, becomes a pair and gets its label and attributes.
    advance = _counter(report, 2 * products + (4 if further else 3) * examples)
    is_outermost = transaction.get_autocommit()
    with ThreadPoolExecutor(2) as readers, second_transaction() as second, transaction.atomic():
        catalog = readers.submit(read_catalog, products_path)
        files = _Files(
            examples_path,
            products_path,
            catalog,
            readers.submit(read_pool, examples_path, catalog),
            readers.submit(read_pool_attributes, examples_path, further),
        )
        _take_turn(project)
        alone = not (Product.objects.exists() or Query.objects.exists())
        if is_outermost and alone and may_skip_row_checks() and second.begin(partial(_take_turn_beside, project)):
            outcome = _write_beside(second, project, files, advance)
            second.submit(_record, project, actor, files, outcome).result()
            second.settle()
        else:
            close_to_writers(PAIR_TABLES)
            first = not (project.queries.exists() or project.products.exists())
            with without_row_checks() if first else nullcontext():
                outcome = _write(project, files, advance)
            _record(project, actor, files, outcome)
    return outcome


def _counter(report: Report, total: int) -> Advance:
    done, turn = 0, Lock()

    def advance(rows: int) -> None:
        nonlocal done
        with turn:
            done += rows
            report(done, total)

    report(0, total)
    return advance


def _record(project: Project, actor: User | None, files: _Files, outcome: ImportReport) -> None:
    added = asdict(outcome)
    record(project, actor, "import.esci", files.examples.name, products=files.products.name, added=added)


def _take_turn(project: Project) -> None:
    """Keep out other imports, and whoever would take away what the new rows will refer to."""
    close_to_writers(PRODUCT_TABLES)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute("SELECT FROM labeling_project WHERE id = %s FOR KEY SHARE", [project.pk])
        cursor.execute("SELECT FROM labeling_label WHERE scheme_id = %s FOR KEY SHARE", [project.scheme_id])


def _take_turn_beside(project: Project) -> None:
    """Do the same for the second transaction, at once or not at all.

    Pairs are closed also to those who ask whether a row may be deleted: they cannot see yet that it is referred to.
    """
    close_to_writers(PAIR_TABLES, at_once=True, and_references=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM labeling_project WHERE id = %s FOR KEY SHARE NOWAIT", [project.pk])
        cursor.execute("SELECT FROM labeling_label WHERE scheme_id = %s FOR KEY SHARE NOWAIT", [project.scheme_id])


def _write(project: Project, files: _Files, advance: Advance) -> ImportReport:
    """Write the texts first: what others may want to read is closed to them only for the short rest."""

    def texts_written(rows: int) -> None:
        for future in (files.pool, files.attributes):
            if future.done():
                future.result()  # A problem with the examples need not wait for all the texts.
        advance(rows)

    catalog = files.catalog.result()
    found = identify_products(project, catalog)
    revisions = write_revisions(catalog, found, files.products, timezone.now(), texts_written)
    pool = files.pool.result()
    labels = label_ids(project, pool, files.examples)
    named = identify_named(project, pool, files.examples, catalog)
    files.attributes.result()
    write_products(project, catalog, found)
    advance(len(catalog.products))
    products = Written(np.append(found.ids, named), np.append(found.is_new, np.zeros(len(named), bool)))
    rest = _write_pairs(project, files, products, labels, advance)
    return ImportReport(products=int(found.is_new.sum()), revisions=revisions, **rest)


def _write_beside(second: SecondTransaction, project: Project, files: _Files, advance: Advance) -> ImportReport:
    """Write products and texts here, and the rest in the second transaction."""

    def advance_beside(rows: int) -> None:
        second.go_on()
        advance(rows)

    def write_rest() -> dict[str, int]:
        pool = files.pool.result()
        labels = label_ids(project, pool, files.examples)
        refuse_unknown(pool, np.zeros(len(pool.only_named), np.int64), files.examples, catalog)
        files.attributes.result()
        with without_row_checks():
            return _write_pairs(project, files, Written(found.ids, found.is_new), labels, advance_beside)

    def texts_written(rows: int) -> None:
        if rest.done():
            rest.result()
        advance(rows)

    catalog = files.catalog.result()
    found = identify_products(project, catalog)
    rest = second.submit(write_rest)
    with without_row_checks():
        revisions = write_revisions(catalog, found, files.products, timezone.now(), texts_written)
        write_products(project, catalog, found)
    advance(len(catalog.products))
    return ImportReport(products=int(found.is_new.sum()), revisions=revisions, **rest.result())


def _write_pairs(
    project: Project, files: _Files, products: Written, labels: NDArray[np.int64], advance: Advance
) -> dict[str, int]:
    """Write all but the products. `products` and `labels` go by the pool's numbers of products and pairs."""
    pool, attributes = files.pool.result(), files.attributes.result()
    advance(pool.examples)
    queries = write_queries(project, pool)
    pairs = write_pairs(project, pool, queries, products)
    advance(pool.examples)
    new_labels, changed_labels = write_labels(project, pairs, labels, files.examples.name)
    if new_labels or changed_labels:
        count_labels(project, pool, queries, labels)
    advance(pool.examples)
    new_attributes, changed_attributes = write_attributes(pool, pairs, attributes)
    advance(pool.examples if attributes else 0)
    return {
        "queries": int(queries.is_new.sum()),
        "pairs": int(pairs.is_new.sum()),
        "labels": new_labels,
        "labels_changed": changed_labels,
        "attributes": new_attributes,
        "attributes_changed": changed_attributes,
    }
