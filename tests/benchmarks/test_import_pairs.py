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


def databases() -> set[str]:
    with psycopg.connect(settings.DATABASE_URL) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}


@pytest.mark.usefixtures("own_broker")
def test_import_pairs_ends_with_its_line_and_leaves_no_database() -> None:
    environment = os.environ | {"DATABASE_URL": settings.DATABASE_URL, "REDIS_URL": settings.REDIS_URL}
    before = databases()
    command = [sys.executable, "-m", "benchmarks.import_pairs", "--pairs", "300", "--rounds", "2"]

    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr[-2000:]
    line = json.loads(ended.stdout.splitlines()[-1])
    assert (line["name"], line["unit"], line["pairs"]) == ("import_pairs", "pairs/s", 300)
    assert len(line["seconds"]) == len(line["peer_seconds"]) == 2
    assert line["ratio"] == pytest.approx(line["value"] / line["peer_value"], abs=0.001)
    assert 0 < line["peak_memory_mb"] < 1_000
    assert databases() <= before
