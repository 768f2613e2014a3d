"""Imports that commit: several at once, and one in a process of its own whose memory is measured."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connection, connections

from labeling.actions.imports import ImportReport
from tests.labeling.actions.test_imports import NOTHING, example, product, run, write
from tests.making import make_project

pytestmark = pytest.mark.usefixtures("committed")


def test_imports_into_one_project_at_once_store_everything_once(tmp_path: Path) -> None:
    project = make_project()
    examples = [example(f"q{n % 40}", f"P{n}") for n in range(2_000)]
    paths = write(tmp_path, examples, [product(f"P{n}") for n in range(2_000)])
    reports: list[ImportReport] = []

    def one() -> None:
        reports.append(run(project, paths))
        connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(reports, key=lambda report: report.pairs) == [
        NOTHING,
        NOTHING,
        ImportReport(40, 2_000, 2_000, 2_000, 2_000, 0),
    ]
    assert project.pairs.count() == 2_000


PEAK = """
import os, resource, sys
from pathlib import Path
import django
django.setup()
from labeling.actions.imports import import_esci
from labeling.models import Project
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
project = Project.objects.get(slug=sys.argv[1])
report = import_esci(project, Path(sys.argv[2]), Path(sys.argv[3]), None, lambda done, total: None)
print(report.revisions, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def test_import_esci_takes_little_memory_for_large_texts(tmp_path: Path) -> None:
    project = make_project()
    paths = write(tmp_path, [example("q", "P1")], [product("P1")])
    products = [product(f"P{n}", description=f"{n:05} " * 300) for n in range(120_000)]
    schema = pq.read_schema(paths[1])
    with pq.ParquetWriter(paths[1], schema) as writer:
        writer.write_table(pa.Table.from_pylist(products, schema=schema), row_group_size=len(products))
    text = sum(len(row["product_description"]) for row in products) >> 20
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = os.environ | {
        "DATABASE_URL": database,
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": "for-tests-only-and-nowhere-else-0123456789",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }

    command = [sys.executable, "-c", PEAK, project.slug, *map(str, paths)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    revisions, peak = map(int, printed.split())

    assert text > 200
    assert (revisions, peak < 150) == (120_000, True), f"{peak} MiB for {text} MiB of text"
