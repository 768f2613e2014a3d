"""Drawing a round: what strategies want to know of a pool, the rules of the settings, and what is kept of it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from labeling.actions.rounds import Drawn, open_round
from labeling.models import Consensus, Job, Project, Round, Stream
from labeling.queries.mix import next_mix
from labeling.queries.pool import fetch_labeled
from labeling.queries.predictions import candidates, challenger_with_predictions, champion_of
from modeling.evaluation.pool import predicted_means
from modeling.sampling.ambiguity import expected_parting
from modeling.sampling.batch import ACTIVE, RANDOM, Batch, draw_batch
from modeling.sampling.contract import Pool
from modeling.sampling.rules import Rules
from modeling.sampling.shelves import draw_queries

# What the setting "mixed" picks: what the judge hesitates at, and before there is a judge what stands for many others.
WITH_JUDGE, WITHOUT = {"margin": 1.0}, {"typical": 1.0}
SIMILAR = 0.8  # titles that agree so far are nearly equal
NOTHING = "uniform"  # what a round is called that no strategy could work on


def draw_round(job: Job) -> str:
    """Draw and open a round for the job's project; return what was done in plain words.

    `job.params["strategy"]` overrides the project's setting.
    """
    project = job.project
    champion = champion_of(project)
    pool = know_the_people(project, candidates(project, champion, challenger_with_predictions(project)))
    if not len(pool):
        return "Every pair of the pool has been judged: there is nothing left to select."
    strategy = job.params.get("strategy") or project.strategy
    rules = rules_of(project, strategy, pool)
    seed = secrets.randbits(48)
    batch = (draw_queries if project.desk == Project.Desk.SHELF else draw_batch)(pool, rules, seed)
    picked = int((batch.stream == ACTIVE).sum())
    drawn = drawn_of(project, pool, batch)
    opened = open_round(
        project,
        drawn,
        strategy=strategy if picked else NOTHING,
        seed=seed,
        pool_size=int(pool.new().sum()),
        adapter=champion if pool.probabilities is not None else None,
        actor=job.requested_by,
        rules=asdict(rules) | {"mix": dict(rules.mix), "usual": project.random_share},
        predicted=None if pool.probabilities is None else predicted_means(pool.probabilities),
    )
    return _told(opened, drawn, int(pool.new().sum()))


def know_the_people(project: Project, pool: Pool) -> Pool:
    """Add what people have shown: where they are likely to part, and which pairs they have judged."""
    judged = Consensus.objects.filter(project=project).values_list("pair_id", flat=True)
    asked = np.fromiter(judged.iterator(chunk_size=50_000), dtype=np.int64)
    pool = replace(pool, asked=asked)
    if pool.probabilities is None:
        return pool
    labeled = fetch_labeled(project)
    known = ~np.isnan(labeled.alike) & (np.nan_to_num(labeled.said).sum(axis=1) > 0)
    parting = expected_parting(labeled.said[known], labeled.alike[known] == 0, pool.probabilities)
    return replace(pool, ambiguity=parting)


def rules_of(project: Project, strategy: str, pool: Pool) -> Rules:
    """The rules that a project's settings make."""
    mixed = WITHOUT if pool.probabilities is None else WITH_JUDGE
    return Rules(
        size=project.batch_size,
        random_share=next_mix(project).random_share if strategy == Project.MIXED else project.random_share,
        max_per_query=project.max_per_query,
        mix=mixed if strategy == Project.MIXED else {strategy: 1.0},
        label_floor=min(project.label_floor, 1 / len(pool.labels)),
        near_duplicates=SIMILAR if project.titles_apart else None,
    )


def drawn_of(project: Project, pool: Pool, batch: Batch) -> list[Drawn]:
    """The pairs of a batch with why each was chosen and what the champion said of it."""
    whole = project.desk == Project.Desk.SHELF
    return [
        Drawn(
            pair_id=int(pool.pair_ids[index]),
            stream=str(batch.stream[row]),
            chance=float(batch.chance[row]) if batch.stream[row] == RANDOM else None,
            score=None if np.isnan(batch.score[row]) else float(batch.score[row]),
            query_id=int(pool.query_ids[index]) if whole else None,
            reason=_plain(str(batch.strategy[row]), batch.reason[row].words, batch.reason[row].values),
            probabilities=None if pool.probabilities is None else pool.probabilities[index].tolist(),
        )
        for row, index in enumerate(batch.index)
    ]


def _plain(strategy: str, words: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A reason as JSON: numpy's numbers become Python's."""
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    return {"strategy": strategy, "words": words, "values": plain}


def _told(opened: Round, drawn: Sequence[Drawn], of: int) -> str:
    """Return what a round is made of, in plain words, as its page counts it."""
    pairs = set(opened.entries.values_list("pair", flat=True))
    streams = [one.stream for one in drawn if one.pair_id in pairs]  # but for those that were judged meanwhile
    active, carried = streams.count(Stream.ACTIVE), len(pairs) - len(streams)
    words = f"{opened}: {len(pairs):,} pairs. {len(streams):,} drawn of {of:,}, "
    words += f"{active:,} picked and {len(streams) - active:,} at random"
    return f"{words}; {carried:,} carried over from before." if carried else f"{words}."
