"""Draw a batch of 5,000 out of 10,000,000 predictions with all rules on: at most 60 s and 4 GB on 2 cores.

In a database made for this run. Timed is what the worker does: reading the pool and its predictions from PostgreSQL,
expecting where people part, scoring by four strategies, and drawing: a quarter at random, few a query, near-duplicate
titles apart, a floor for each label, set-aside and holdout pairs left out, a reason for each pair. Each draw is a
process of its own with one thread for its arithmetic, beside the server's; medians count. Every batch is checked
against the rules. `floor_s` is the reading of the same rows alone, thrown away as they come.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from statistics import median
from typing import Any

from benchmarks.database import ROOT, manage, own_server, say
from benchmarks.result import bound_line

BOUND = 60.0
MEMORY_BOUND_MB = 4000


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=select", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=int, default=10_000_000)
    parser.add_argument("--size", type=int, default=5_000, help="pairs of the batch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bound", type=float, default=BOUND, help="seconds")
    options = parser.parse_args()
    server = own_server()
    with server.database("select") as environment:
        manage(environment, "migrate", "--no-input", "--verbosity", "0")
        say(f"Making {options.pairs:,} pairs with their predictions.")
        made = _step(environment, "make", options.pairs)
        rounds = []
        for number in range(options.rounds):
            say(f"Drawing, {number + 1} of {options.rounds}.")
            rounds.append(_step(environment, "draw", options.size))
        floor = _step(environment, "read")
    seconds = [one["seconds"] for one in rounds]
    memory = max(one["peak_memory_mb"] for one in rounds)
    parts = {name: median(one[name] for one in rounds) for name in ("read_s", "ambiguity_s", "draw_s")}
    last = {name: rounds[-1][name] for name in ("pool", "drawn", "mix", "reason")}
    known = {"pairs": options.pairs, "size": options.size, "all_seconds": seconds, "cores": os.cpu_count()}
    more: dict[str, Any] = {**known, **parts, **floor, **made, "peak_memory_mb": memory, **last}
    print(bound_line("select", median(seconds), "s", bound=options.bound, **more))
    if median(seconds) > options.bound or memory > MEMORY_BOUND_MB:
        sys.exit(1)


def _step(environment: Mapping[str, str], step: str, number: int = 0) -> dict[str, Any]:
    """Run one step in a process of its own, and return what it says."""
    command = [sys.executable, "-m", "tests.load.selecting", step, str(number)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        command, cwd=ROOT, env={**environment, **threads}, stdout=subprocess.PIPE, text=True, check=True
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
