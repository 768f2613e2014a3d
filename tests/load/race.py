"""A race of annotators for the pairs of one round, and what must be zero at its end.

`python -m tests.load.race` plays one on the database of the environment and prints its counts as JSON;
benchmarks/races.py gives it a database of its own.
"""

import argparse
import json
import os
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

if __name__ == "__main__":  # before anything that needs the models
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from django.db import connection

from labeling.actions.queue import take_back
from labeling.actions.set_aside import decide_set_aside
from labeling.models import GoldPair, Judgment, Membership, Project, Role, SetAside, Slot
from labeling.queries.projects import labels_of
from tests.load.annotators import Annotator, Record
from tests.load.counts import lost, over_overlap, stranded, twice
from tests.making import make_member, make_pairs, make_project, make_round

GOLD = 20
SECOND_TABS = 16


@dataclass(frozen=True)
class Result:
    """What must be zero, and what happened on the way."""

    over_overlap: int
    twice: int
    lost: int
    stranded: int
    acknowledged: int
    judgments: int
    seconds: float
    events: dict[str, int]

    @property
    def total(self) -> int:
        return self.over_overlap + self.twice + self.lost + self.stranded


def run_race(annotators: int, pairs: int, seed: int) -> Result:
    """Let so many annotators judge so many pairs against each other; overlap 2, at most 3, some gold among them."""
    project = make_project(overlap=2, max_overlap=3, gold_share=0.05, pass_mark=0.01)
    for pair in make_pairs(project, GOLD):
        GoldPair.objects.create(project=project, pair=pair, label=labels_of(project)[0], use="check", origin="race")
    make_round(project, make_pairs(project, pairs))
    members = [make_member(project) for _ in range(annotators)]
    lead = make_member(project, Role.LEAD)
    record, started = Record(), time.perf_counter()
    with ThreadPoolExecutor(SECOND_TABS) as others, ThreadPoolExecutor(annotators) as threads:
        people = [Annotator(member, record, others, seed + number) for number, member in enumerate(members)]
        over = threading.Event()
        leading = others.submit(lead_race, lead, record, over, seed)
        try:
            for running in [threads.submit(person.work) for person in people]:
                running.result()
        finally:
            over.set()
        leading.result()
        while sum(threads.map(Annotator.finish, people)):
            """What one has answered may have made work for another."""
    return result_of(project, members, record, time.perf_counter() - started)


def lead_race(lead: Membership, record: Record, over: threading.Event, seed: int) -> None:
    """Take pairs off desks, decide on those set aside, and look all the time whether any has more than its overlap."""
    rng, project = random.Random(seed), lead.project
    try:
        while not over.wait(0.2):
            record.over_overlap = max(record.over_overlap, over_overlap(project))
            held = Slot.objects.filter(round__project=project, annotator__isnull=False, judged=False)
            for slot in held.order_by("?")[:1]:
                take_back(project, slot.pk, lead.user)
                record.note("taken back")
            for aside in SetAside.objects.filter(project=project, state="waiting")[:1]:
                decide_set_aside(project, aside.pk, rng.choice(list(SetAside.State)[1:]), lead.user)
                record.note("decided")
    finally:
        connection.close()


def result_of(project: Project, members: Sequence[Membership], record: Record, seconds: float = 0) -> Result:
    """Count what must be zero."""
    return Result(
        over_overlap=max(record.over_overlap, over_overlap(project)),
        twice=twice(project) + record.two_tabs_apart,
        lost=lost(record.submitted),
        stranded=stranded(project, members),
        acknowledged=len(record.submitted),
        judgments=Judgment.objects.filter(project=project).count(),
        seconds=round(seconds, 1),
        events=dict(sorted(record.events.items())),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--annotators", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    result = run_race(options.annotators, options.pairs, options.seed)
    print(json.dumps(vars(result)))  # noqa: T201


if __name__ == "__main__":
    main()
