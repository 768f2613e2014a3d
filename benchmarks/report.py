"""Computing alone of the report of agreement: 1,000,000 judgments, 1,000 bootstrap draws, in at most 10 s and 1 GiB.

It measures `modeling.labels.report.measure`, from arrays in memory: 50 people, 400,000 pairs of 20,000
queries, the seven questions of the ESCI tree, 80 values of slices, repeats and drift. Each round is a process of its
own, started as the worker is, so that its peak memory is that of the judgments and their report; medians count.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from statistics import median

from benchmarks.database import ROOT
from benchmarks.judgments import GAINS, make_judgments
from benchmarks.result import bound_line
from modeling.labels.report import measure

BOUND = 10.0
MAX_MEMORY = 1 << 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=report", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--judgments", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bound", type=float, default=BOUND)
    parser.add_argument("--once", action="store_true", help="measure once, in this process")
    options = parser.parse_args()
    if options.once:
        print(json.dumps(_once(options)))
        return
    rounds = [_in_a_process() for _ in range(options.rounds)]
    seconds = round(median(one["seconds"] for one in rounds), 2)
    memory = max(int(one["memory"]) for one in rounds)
    if memory > MAX_MEMORY:
        sys.exit(f"The report took {memory >> 20:,} MiB of memory; expected at most {MAX_MEMORY >> 20:,}.")
    sizes = {name: getattr(options, name) for name in ("judgments", "queries", "people", "draws")}
    every = [round(one["seconds"], 2) for one in rounds]
    more = sizes | {"units": rounds[0]["units"], "seconds": every, "peak_memory_mb": round(memory / 1e6)}
    print(bound_line("report", seconds, "s", bound=options.bound, **more))
    if seconds > options.bound:
        sys.exit(1)


def _in_a_process() -> dict[str, float]:
    """The same command once more, in a process of its own; its seconds, its peak memory in bytes, and its units."""
    command = [sys.executable, "-m", "benchmarks.report", "--once", *sys.argv[1:]]
    environment = {"OPENBLAS_NUM_THREADS": "1"} | os.environ  # as worker/app.py sets it
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _once(options: argparse.Namespace) -> dict[str, float]:
    made = make_judgments(options.judgments, options.queries, options.people, seed=1)
    start = time.perf_counter()
    report = measure(
        made.judged,
        made.walks,
        GAINS,
        slices=made.slices,
        repeats=made.repeats,
        lately=made.lately,
        draws=options.draws,
        seed=1,
    ).to_dict()
    seconds = time.perf_counter() - start
    assert report["judgments"] == options.judgments
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "memory": memory, "units": report["units"]}


if __name__ == "__main__":
    main()
