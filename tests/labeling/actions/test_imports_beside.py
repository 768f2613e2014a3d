"""The first import of all, over two connections, in a database of these tests' own whose tables are empty."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection, connections, transaction
from pytest_django.plugin import DjangoDbBlocker

from labeling.actions.imports import ImportReport, import_esci
from labeling.actions.second_transaction import HalfCommitted, SecondTransaction
from labeling.models import (
    AuditLogEntry,
    ImportedLabel,
    Job,
    Pair,
    PairAttribute,
    Product,
    ProductRevision,
    Project,
    Query,
)
from tests.labeling.actions.test_imports import NOTHING, contents, definitions, example, product, run, write
from tests.making import make_pair, make_project

COUNT = 40_000
STORED = ImportReport(100, COUNT, COUNT, COUNT, COUNT, 0)
# A database that makes the tables by itself: the tests' own may have rows from other tests.
OPEN_TRANSACTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""
NAME = f"test_winnow_{os.getpid()}_empty"


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Point every thread's connection at another database, which is dropped at the end."""
    with django_db_blocker.unblock():
        usual = connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")
        connections.close_all()
        connection.settings_dict["NAME"] = NAME
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = usual
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
            connections.close_all()


@pytest.fixture
def project(database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Project]:
    """A project where no project has anything."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE labeling_product, labeling_query CASCADE")
        yield make_project()
        connections.close_all()


@pytest.fixture
def elsewhere(project: Project) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.DATABASE_URL, dbname=NAME, autocommit=True) as other:
        yield other


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each import had its second transaction."""
    answers: list[bool] = []
    begin = SecondTransaction.begin

    def spy(second: SecondTransaction, *prepare: Any) -> bool:
        answers.append(begin(second, *prepare))
        return answers[-1]

    monkeypatch.setattr(SecondTransaction, "begin", spy)
    return answers


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write(tmp_path_factory.mktemp("files"), examples(), products())


def examples() -> list[dict[str, Any]]:
    return [example(f"q{n % 100}", f"P{n}", "ESCI"[n % 4], number=n) for n in range(COUNT)]


def products() -> list[dict[str, Any]]:
    return [product(f"P{n}", description=f"{n:05} " * 20) for n in range(COUNT)]


def stored(project: Project) -> dict[str, set[Any]]:
    """What is stored, without numbers that depend on the order of writing."""
    pairs = project.pairs.values_list(
        "external_id",
        "query__text",
        "query__split",
        "product__external_id",
        "product__revision__title",
        "product__revision__number",
        "imported_labels__label__key",
        "imported_labels__source__name",
    )
    return {"pairs": set(pairs), "products": set(project.products.values_list("external_id", "revision__product_id"))}


def assert_untouched(other: psycopg.Connection, before: list[tuple[str, ...]]) -> None:
    """Nothing is stored, nothing is still open, and the tables are as they were."""
    assert other.execute(OPEN_TRANSACTIONS).fetchone() == (0,)
    for model in (Product, ProductRevision, Query, Pair, ImportedLabel, PairAttribute):
        assert not model.objects.exists()
    assert definitions() == before


def test_it_stores_the_same_as_one_connection(project: Project, files: tuple[Path, Path], begun: list[bool]) -> None:
    before = definitions()
    told: list[tuple[int, int]] = []

    outcome = import_esci(project, *files, None, lambda *at: told.append(at))

    assert (outcome, begun) == (STORED, [True])
    assert told == sorted(told)
    assert (told[0][0], told[-1][0]) == (0, told[0][1])
    assert definitions() == before
    connection.check_constraints()
    assert AuditLogEntry.objects.get(project=project, verb="import.esci").data["added"]["pairs"] == COUNT
    both = stored(project)
    assert run(project, files) == NOTHING
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE labeling_product, labeling_query CASCADE")
    with transaction.atomic():
        assert run(project, files) == STORED
    one = stored(project)
    assert (len(one["pairs"]), one["pairs"]) == (COUNT, both["pairs"])
    assert begun == [True]


def test_it_keeps_further_columns(project: Project, tmp_path: Path, begun: list[bool]) -> None:
    rows = [example("q", f"P{n}") | {"shelf": f"shelf {n}"} for n in range(3)]
    paths = write(tmp_path, rows, [product(f"P{n}") for n in range(3)])

    assert import_esci(project, *paths, None, lambda *_: None, ["shelf"]).attributes == 3

    assert begun == [True]
    assert set(PairAttribute.objects.values_list("pair__product__external_id", "value")) == {
        (f"P{n}", f"shelf {n}") for n in range(3)
    }


@pytest.mark.parametrize(
    ("wrong_examples", "wrong_products", "message"),
    [
        ([example("q1", "GONE")], [], f"row {COUNT + 1:,}, column product_id: found 'GONE'"),
        ([example("q1", "P1", "E")], [], f"row {COUNT + 1:,}, column esci_label: found 'E'"),
        ([], [product("P1", "Other")], f"row {COUNT + 1:,}, column product_id: found 'P1'"),
        ([example("q1", "GONE")], [product("P1", "Other")], f"row {COUNT + 1:,}, column product_id"),
    ],
    ids=["unknown product", "two labels", "two texts", "both files"],
)
def test_a_problem_in_either_file_leaves_nothing(
    project: Project,
    elsewhere: psycopg.Connection,
    tmp_path: Path,
    begun: list[bool],
    wrong_examples: list[dict[str, Any]],
    wrong_products: list[dict[str, Any]],
    message: str,
) -> None:
    before = definitions()
    paths = write(tmp_path, examples() + wrong_examples, products() + wrong_products)

    with pytest.raises(CommandError, match=message):
        call_command("import_esci", *map(str, paths), "--project", project.slug)

    assert begun == [True]
    assert Job.objects.get(project=project).state == Job.State.FAILED
    assert_untouched(elsewhere, before)


@pytest.mark.parametrize("beside", [False, True], ids=["while texts are written", "while pairs are written"])
def test_it_stops_where_the_report_says_so(
    project: Project, elsewhere: psycopg.Connection, files: tuple[Path, Path], begun: list[bool], beside: bool
) -> None:
    before, main = definitions(), threading.get_ident()

    def report(done: int, total: int) -> None:
        if done and (threading.get_ident() != main) == beside:
            raise CommandError("cancelled")

    with pytest.raises(CommandError, match="cancelled"):
        import_esci(project, *files, None, report)

    assert begun == [True]
    assert_untouched(elsewhere, before)


CRASH = """
import os, sys
from pathlib import Path
import django
django.setup()
from labeling.actions.imports import import_esci
from labeling.actions.second_transaction import SecondTransaction
from labeling.models import Project
SecondTransaction._commit = lambda second: os._exit(3)
import_esci(Project.objects.get(slug=sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), None, lambda done, total: None)
"""


def test_a_crash_between_the_two_commits_is_mended_by_the_same_import(
    project: Project, elsewhere: psycopg.Connection, files: tuple[Path, Path], begun: list[bool]
) -> None:
    environment = os.environ | {
        "DATABASE_URL": urlsplit(settings.DATABASE_URL)._replace(path=f"/{NAME}").geturl(),
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": "for-tests-only-and-nowhere-else-0123456789",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    crash = subprocess.run([sys.executable, "-c", CRASH, project.slug, *map(str, files)], env=environment, check=False)
    assert crash.returncode == 3
    wait_for_sessions_to_end(elsewhere)
    assert (project.products.count(), project.pairs.count(), project.queries.count()) == (COUNT, 0, 0)
    assert not AuditLogEntry.objects.filter(project=project, verb="import.esci").exists()
    assert not Product.objects.filter(revision__product__isnull=True).exists()

    assert run(project, files) == ImportReport(100, 0, 0, COUNT, COUNT, 0)

    assert begun == []
    assert len(stored(project)["pairs"]) == COUNT
    assert contents(project)["revisions"][0][2] == 1
    connection.check_constraints()
    assert run(project, files) == NOTHING


def wait_for_sessions_to_end(other: psycopg.Connection) -> None:
    deadline = time.monotonic() + 20
    while other.execute(OPEN_TRANSACTIONS).fetchone() != (0,):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_who_deletes_products_between_the_two_commits_is_refused(
    project: Project, elsewhere: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = SecondTransaction._commit
    refused: list[psycopg.Error] = []

    def delete() -> None:
        try:
            with elsewhere.transaction():
                elsewhere.execute("DELETE FROM labeling_productrevision")
                elsewhere.execute("DELETE FROM labeling_product")
        except psycopg.Error as error:
            refused.append(error)

    deleter = threading.Thread(target=delete)

    def late(second: SecondTransaction) -> None:
        deleter.start()
        deleter.join(0.5)
        commit(second)

    monkeypatch.setattr(SecondTransaction, "_commit", late)
    with psycopg.connect(settings.DATABASE_URL, dbname=NAME) as reader:
        reader.execute("SELECT FROM labeling_pair")  # so that the table is not closed to everybody for its indexes
        assert run(project, write(tmp_path, [example("q", "P1")], [product("P1")])).pairs == 1
    deleter.join(20)

    assert [type(error) for error in refused] == [psycopg.errors.ForeignKeyViolation]
    connection.check_constraints()


def test_a_lost_second_commit_says_what_is_stored(
    project: Project, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(second: SecondTransaction) -> None:
        raise HalfCommitted("the connection was closed")

    with monkeypatch.context() as patch:
        patch.setattr(SecondTransaction, "_commit", lose)
        with pytest.raises(CommandError, match="products were stored, but no pairs: the connection was closed"):
            call_command("import_esci", *map(str, files), "--project", project.slug)

    job = Job.objects.get(project=project)
    assert (job.state, "Nothing was stored" in job.message) == (Job.State.FAILED, False)
    assert (project.products.count(), project.pairs.count()) == (COUNT, 0)
    call_command("import_esci", *map(str, files), "--project", project.slug)
    assert project.pairs.count() == COUNT


def test_without_a_second_connection_it_takes_one(
    project: Project, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(second: SecondTransaction, *_: Any) -> None:
        raise OperationalError("too many clients already")

    monkeypatch.setattr(SecondTransaction, "_open", none_left)
    assert run(project, files) == STORED


def test_where_others_hold_a_lock_it_takes_one_connection(
    project: Project, elsewhere: psycopg.Connection, files: tuple[Path, Path], begun: list[bool]
) -> None:
    with elsewhere.transaction():
        elsewhere.execute("LOCK TABLE labeling_pair IN ROW SHARE MODE")
        assert run(project, files) == STORED
    assert begun == [False]
    connection.check_constraints()


def test_it_is_for_empty_tables_only(project: Project, tmp_path: Path, begun: list[bool]) -> None:
    make_pair(make_project())
    paths = write(tmp_path, [example("q", "P1")], [product("P1")])
    assert run(project, paths) == ImportReport(1, 1, 1, 1, 1, 0)
    assert begun == []


def test_imports_into_several_projects_at_once_store_everything_once(
    project: Project, files: tuple[Path, Path], begun: list[bool]
) -> None:
    others = [project, project, make_project()]
    reports: list[ImportReport] = []

    def one(into: Project) -> None:
        reports.append(run(into, files))
        connections.close_all()

    threads = [threading.Thread(target=one, args=[into]) for into in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert sorted(reports, key=lambda report: report.pairs) == [NOTHING, STORED, STORED]
    assert begun == [True]
    connection.check_constraints()


def test_the_report_is_told_by_one_thread_at_a_time(project: Project, files: tuple[Path, Path]) -> None:
    busy, threads = threading.Lock(), set()

    def report(done: int, total: int) -> None:
        assert busy.acquire(blocking=False)
        time.sleep(0.01)
        threads.add(threading.get_ident())
        busy.release()

    import_esci(project, *files, None, report)
    assert len(threads) == 2
