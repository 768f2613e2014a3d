"""Benchmarks as `make bench` runs them, small."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


def bench(name: str, *arguments: str) -> dict[str, Any]:
    """Run a benchmark and return its last line."""
    environment = os.environ | {"DATABASE_URL": settings.DATABASE_URL, "REDIS_URL": settings.REDIS_URL}
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    line: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert line["name"] == name
    return line
