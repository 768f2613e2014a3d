"""The race benchmark, small."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.usefixtures("own_broker")
def test_races_ends_with_its_counts() -> None:
    environment = os.environ | {"DATABASE_URL": settings.DATABASE_URL, "REDIS_URL": settings.REDIS_URL}
    command = [sys.executable, "-m", "benchmarks.races", "--annotators", "4", "--pairs", "10"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    line = json.loads(done.stdout.splitlines()[-1])
    assert {name: line[name] for name in ("over_overlap", "twice", "lost", "stranded", "value")} == {
        "over_overlap": 0,
        "twice": 0,
        "lost": 0,
        "stranded": 0,
        "value": 0,
    }
    assert line["acknowledged"] >= 20
