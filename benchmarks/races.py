"""64 annotators race for 5,000 pairs while requests, connections and leases break; counts what must be zero.

Real threads, each with a connection of its own, through the actions behind the pages, in a database made for this
run. tests/load/race.py plays it, in a process of its own: it is also a test, in a smaller size.
"""

import argparse
import json
import subprocess
import sys

from benchmarks.database import ROOT, manage, own_server
from benchmarks.result import bound_line

COUNTS = ("over_overlap", "twice", "lost", "stranded")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=races", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--annotators", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    arguments = [word for name, value in vars(options).items() for word in (f"--{name}", str(value))]
    with own_server().database("races") as environment:
        manage(environment, "migrate", "--no-input", "--verbosity", "0")
        command = [sys.executable, "-m", "tests.load.race", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    value = sum(result[count] for count in COUNTS)
    print(bound_line("races", value, "violations", bound=0, **vars(options), **result))
    if value:
        sys.exit(1)


if __name__ == "__main__":
    main()
