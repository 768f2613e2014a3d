"""Store a million predictions, usable by what reads them; the peer is the binary COPY of the same rows, bare.

Both start from numpy arrays in memory and end with all rows committed, in a database made for this run. Ours is what a
scoring job does: shards of the project's size, each with its predictions in one transaction into the adapter's own
partition with its index, one transaction more a shard for the job's progress, and the planner's statistics at the end.
The peer sends the very bytes, made before, in one COPY into a table of the same columns without index or constraint.
They take turns, and the medians count.
"""

import argparse
import json
import subprocess
import sys
from statistics import median

from benchmarks.database import ROOT, manage, own_server, say
from benchmarks.result import result_line


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="make bench NAME=store_predictions", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--predictions", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with own_server().database("predictions") as environment:
        manage(environment, "migrate", "--no-input", "--verbosity", "0")
        say(f"{options.rounds} rounds of {options.predictions:,} predictions each.")
        command = [sys.executable, "-m", "tests.load.storing", str(options.predictions), str(options.rounds)]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout)
    ours, bare = median(found["stored"]), median(found["copied"])
    print(
        result_line(
            "store_predictions",
            round(options.predictions / ours),
            "predictions/s",
            peer="binary COPY into a bare table",
            peer_value=round(options.predictions / bare),
            predictions=options.predictions,
            seconds=[round(one, 2) for one in found["stored"]],
            peer_seconds=[round(one, 2) for one in found["copied"]],
            shards=found["shards"],
            bytes_a_row=round(found["bytes"] / options.predictions),
            peer_bytes_a_row=round(found["peer_bytes"] / options.predictions),
        )
    )


if __name__ == "__main__":
    main()
