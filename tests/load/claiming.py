"""Times claims on a pool of its own: reads how many from each line of standard input and prints their seconds as JSON.

`python -m tests.load.claiming PAIRS` works on the empty database of the environment; benchmarks/claim_growth.py gives
it one.
"""

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator

if __name__ == "__main__":  # before anything that needs the models
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from labeling.actions.judgments import Answer, submit_answer
from labeling.actions.queue import claim_slot
from labeling.queries.projects import published_guideline
from tests.load.pool import fill_pool, spread, tell_planner
from tests.making import PATHS, make_member, make_project, make_round

PEOPLE = 4


def claims(pairs: int, batch: int) -> Iterator[float]:
    """Yield the seconds of each claim; every pair is judged before the next is claimed."""
    project = make_project(overlap=2)
    fill_pool(project, pairs)
    make_round(project, spread(project, batch))
    tell_planner()
    version, members = published_guideline(project), [make_member(project) for _ in range(PEOPLE)]
    for member in itertools.cycle(members):
        started = time.perf_counter()
        slot = claim_slot(project, member.user)
        yield time.perf_counter() - started
        assert slot is not None, "the batch is too small for so many claims"
        submit_answer(project, member.user, Answer(slot.pair_id, slot.key, version, PATHS["E"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("pairs", type=int)
    parser.add_argument("--batch", type=int, default=1000)
    options = parser.parse_args()
    timed = claims(options.pairs, options.batch)
    for line in sys.stdin:
        print(json.dumps(list(itertools.islice(timed, int(line)))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
