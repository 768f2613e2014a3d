"""The import benchmark, small."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.usefixtures("own_broker")
def test_import_pairs_ends_with_its_line_and_leaves_no_database() -> None:
    environment = os.environ | {"DATABASE_URL": settings.DATABASE_URL, "REDIS_URL": settings.REDIS_URL}
    command = [sys.executable, "-m", "benchmarks.import_pairs", "--pairs", "300", "--rounds", "2"]

    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        output, errors = process.communicate()

    assert process.returncode == 0, errors[-2000:]
    line = json.loads(output.splitlines()[-1])
    assert (line["name"], line["unit"], line["pairs"]) == ("import_pairs", "pairs/s", 300)
    assert len(line["seconds"]) == len(line["peer_seconds"]) == 2
    assert line["ratio"] == pytest.approx(line["value"] / line["peer_value"], abs=0.001)
    assert 0 < line["peak_memory_mb"] < 1_000
    with psycopg.connect(settings.DATABASE_URL) as connection:
        own = f"winnow_bench_{process.pid}%"
        assert connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [own]).fetchall() == []
