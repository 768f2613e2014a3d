"""Makes a large scored pool, or draws a batch from it with all rules on and prints what that took as JSON.

`python -m tests.load.selecting make PAIRS` works on the empty database of the environment, `draw SIZE` on what is
there then; benchmarks/select.py gives it one.
"""

import argparse
import json
import os
import resource
import time
from collections import Counter
from dataclasses import replace
from typing import Any

if __name__ == "__main__":  # before anything that needs the models
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

import numpy as np

from labeling.models import Adapter, Pair, Prediction, SetAside
from labeling.queries.columns import IDS, fetch_columns, in_ranges
from labeling.queries.predictions import candidates
from modeling.sampling.ambiguity import expected_parting
from modeling.sampling.batch import Batch, draw_batch
from modeling.sampling.contract import Pool
from modeling.sampling.rules import Rules
from tests.labeling.acting import make_adapter
from tests.load.scored_pool import fill_scored_pool
from tests.making import make_project

MIX = {"margin": 0.4, "gain_loss": 0.2, "entropy": 0.2, "typical": 0.2}
MAX_PER_QUERY = 3
LABEL_FLOOR = 0.05
NEAR_DUPLICATES = 0.8


class Clock:
    """Seconds of each part, one after another."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._last = time.perf_counter()

    def end(self, part: str) -> None:
        now = time.perf_counter()
        self.parts[part] = round(now - self._last, 2)
        self._last = now


def draw(size: int) -> dict[str, Any]:
    """Draw a batch for the only project as a worker does, from reading the pool to the reasons; return the figures."""
    champion = Adapter.objects.select_related("project").get()
    rules = Rules(
        size=size,
        random_share=0.25,
        max_per_query=MAX_PER_QUERY,
        mix=MIX,
        label_floor=LABEL_FLOOR,
        near_duplicates=NEAR_DUPLICATES,
    )
    clock = Clock()
    pool = candidates(champion.project, champion)
    clock.end("read_s")
    assert pool.probabilities is not None
    # Where people part is fitted to a made-up fifth of five thousand pairs.
    judged = pool.probabilities[:5000]
    pool = replace(pool, ambiguity=expected_parting(judged, np.arange(len(judged)) % 5 == 0, pool.probabilities))
    clock.end("ambiguity_s")
    batch = draw_batch(pool, rules, seed=1)
    why = [str(reason) for reason in batch.reason]
    clock.end("draw_s")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    check(pool, batch, rules)
    return {
        "seconds": round(sum(clock.parts.values()), 2),
        **clock.parts,
        "peak_memory_mb": round(memory / 1e6),
        "pool": len(pool),
        "drawn": len(batch.index),
        "mix": dict(Counter(batch.strategy.tolist())),
        "reason": why[-1],
    }


def check(pool: Pool, batch: Batch, rules: Rules) -> None:
    """Look whether the batch keeps the rules: a fast draw that breaks them is worth nothing."""
    active = batch.index[batch.stream == "active"]
    assert pool.random_only is not None
    assert pool.probabilities is not None
    assert pool.texts is not None
    assert len(set(batch.index.tolist())) == len(batch.index) == len(batch.reason)
    assert not pool.random_only[active].any()
    assert max(Counter(pool.query_ids[active].tolist()).values()) <= rules.max_per_query
    said = np.bincount(pool.probabilities[active].argmax(axis=1), minlength=4)
    assert len(pool) < 1000 or said.min() >= int(rules.label_floor * len(active)) - 1, said
    titles = [text.title for text in pool.texts(pool.pair_ids[active])]
    assert len(set(titles)) == len(titles)
    aside = SetAside.objects.values_list("pair_id", flat=True)
    assert not np.isin(pool.pair_ids[batch.index], list(aside)).any()


def read_only() -> dict[str, Any]:
    """What reading alone takes: the same columns of the server, thrown away as they come."""
    champion = Adapter.objects.select_related("project").get()
    pairs = Pair.objects.filter(project=champion.project).order_by()
    said = Prediction.objects.filter(adapter=champion).order_by()
    last = pairs.count()
    clock = Clock()
    rows = 0
    for part in in_ranges(pairs, "id", 1, last):
        rows += sum(column.nbytes for column in fetch_columns(part.values_list("id", "query_id"), IDS, IDS))
    for part in in_ranges(said, "pair_id", 1, last):
        values = part.values_list("pair_id", "revision_id", "probabilities")
        rows += sum(column.nbytes for column in fetch_columns(values, IDS, IDS, 4))
    clock.end("floor_s")
    return {**clock.parts, "read_mb": round(rows / 1e6, 1)}


def make(pairs: int) -> dict[str, Any]:
    """Make the pool."""
    project = make_project()
    clock = Clock()
    fill_scored_pool(project, make_adapter(project), pairs)
    clock.end("made_s")
    return clock.parts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("step", choices=("make", "draw", "read"))
    parser.add_argument("number", type=int, nargs="?", default=0)
    options = parser.parse_args()
    steps = {"make": lambda: make(options.number), "draw": lambda: draw(options.number), "read": read_only}
    print(json.dumps(steps[options.step]()))  # noqa: T201


if __name__ == "__main__":
    main()
