"""What a claim costs at 1,000,000 pairs in the pool, compared with 10,000; at most 1.2 times as much.

Two databases made for this run hold a pool each and a round with the same batch. Claims are timed where they happen,
in the action behind the page, and turns are taken, so that whatever else the machine does is shared by both.
"""

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from benchmarks.database import ROOT, Server, manage, own_server, say
from benchmarks.result import bound_line

BOUND = 1.2
WARM_UP = 20


class Pool:
    """A process that claims in a database of its own."""

    def __init__(self, environment: dict[str, str], pairs: int, batch: int) -> None:
        command = [sys.executable, "-m", "tests.load.claiming", str(pairs), "--batch", str(batch)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.seconds: list[float] = []

    def claim(self, count: int) -> list[float]:
        """Claim and judge so many pairs; return the seconds of each claim."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        seconds: list[float] = json.loads(self.process.stdout.readline())
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=claim_growth", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--claims", type=int, default=20, help="claims a turn")
    parser.add_argument("--bound", type=float, default=BOUND)
    options = parser.parse_args()
    server = own_server()
    with contextlib.ExitStack() as ending:
        pools = [
            ending.enter_context(_pool(server, name, getattr(options, name), options.batch))
            for name in ("small", "large")
        ]
        for pool in pools:
            pool.claim(WARM_UP)
        for _ in range(options.turns):
            for pool in pools:
                pool.seconds += pool.claim(options.claims)
    small, large = (median(pool.seconds) * 1000 for pool in pools)
    growth = round(large / small, 3)
    medians = {"small_ms": round(small, 2), "large_ms": round(large, 2)}
    print(bound_line("claim_growth", growth, "times", **vars(options) | medians))
    if growth > options.bound:
        sys.exit(1)


@contextlib.contextmanager
def _pool(server: Server, name: str, pairs: int, batch: int) -> Iterator[Pool]:
    with server.database(name) as environment:
        manage(environment, "migrate", "--no-input", "--verbosity", "0")
        say(f"Making {pairs:,} pairs.")
        pool = Pool(environment, pairs, batch)
        try:
            pool.claim(1)  # once the pool is there
            yield pool
        finally:
            pool.process.communicate()


if __name__ == "__main__":
    main()
