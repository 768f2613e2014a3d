"""The whole report of agreement over 1,000,000 judgments: fetched, measured with 1,000 draws, stored; in at most 10 s.

In a database made for this run 50 people have judged 400,000 pairs of 20,000 queries. Each measurement is a process of
its own, started as the worker is, so that its peak memory, at most 1 GiB, is that of the judgments and their report;
medians count. Then the page is opened several times, in at most 0.3 s in the median, and once more after one more
judgment, when it must show the same report in that time, too. NAME=report measures computing alone.
"""

import argparse
import json
import subprocess
import sys
from statistics import median
from typing import Any

from benchmarks.database import ROOT, manage, own_server, say
from benchmarks.result import bound_line

BOUND = 10.0
PAGE_BOUND = 0.3
MAX_MEMORY = 1 << 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=agreement", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=int, default=400_000, help="half of them judged twice, half three times")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--views", type=int, default=9)
    parser.add_argument("--bound", type=float, default=BOUND)
    parser.add_argument("--page-bound", type=float, default=PAGE_BOUND)
    options = parser.parse_args()
    sizes = ("--pairs", str(options.pairs), "--people", str(options.people))
    with own_server().database("agreement") as environment:
        environment["DEBUG"] = "false"
        for command in ("migrate", "collectstatic"):
            manage(environment, command, "--no-input", "--verbosity", "0")
        say(f"Making judgments of {options.pairs:,} pairs.")
        _run(environment, "make", *sizes)
        rounds = [_measured(environment) for _ in range(options.rounds)]
        shown = _run(environment, "view", "--views", str(options.views))
    seconds = round(median(one["seconds"] for one in rounds), 2)
    memory = max(int(one["memory"]) for one in rounds)
    page = median(shown["views"])
    more = {
        **{name: rounds[0][name] for name in ("judgments", "units", "draws")},
        "people": options.people,
        "seconds": [round(one["seconds"], 2) for one in rounds],
        "peak_memory_mb": round(memory / 1e6),
        "page_s": round(page, 3),
        "page_after_one_more_s": round(shown["after_one_more"], 3),
        "overview_s": round(shown["overview"], 3),
    }
    print(bound_line("agreement", seconds, "s", bound=options.bound, **more))
    missed = _missed(seconds, memory, page, shown, options)
    if missed:
        sys.exit("\n".join(missed))


def _measured(environment: dict[str, str]) -> dict[str, Any]:
    say("Measuring.")
    return _run(environment | {"OPENBLAS_NUM_THREADS": "1"}, "measure")  # as worker/app.py sets it


def _run(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.load.reporting", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _missed(seconds: float, memory: int, page: float, shown: dict[str, Any], options: argparse.Namespace) -> list[str]:
    """Return what is not as it should be, a sentence each."""
    checks = {
        f"The report took {seconds} s; expected at most {options.bound}.": seconds <= options.bound,
        f"The report took {memory >> 20:,} MiB of memory; expected at most {MAX_MEMORY >> 20:,}.": memory <= MAX_MEMORY,
        f"The page took {page:.3f} s; expected at most {options.page_bound}.": page <= options.page_bound,
        f"After one more judgment the page took {shown['after_one_more']:.3f} s; expected at most "
        f"{options.page_bound}.": shown["after_one_more"] <= options.page_bound,
        "After one more judgment the page measured again.": shown["same_report"],
    }
    return [sentence for sentence, holds in checks.items() if not holds]


if __name__ == "__main__":
    main()
