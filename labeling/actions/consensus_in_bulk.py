"""Resolving all pairs of a project at once, after it was found out anew how people err."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from numpy.typing import NDArray

from labeling.actions.bulk import stage
from labeling.actions.consensus import SURE
from labeling.guidelines.parting import parting
from labeling.models import Consensus, Project
from labeling.queries.agreement import Evidence
from labeling.queries.arrays import fetch_arrays
from labeling.queries.error_models import count_labels
from labeling.queries.projects import labels_of
from modeling.estimates import Floats
from modeling.labels.aggregation import TIE, DawidSkene, majorities
from modeling.labels.stakes import expected_loss

BATCH = 20_000  # pairs in one transaction
SAME = 0.005  # what moves by less is left as it is: each fit moves all of them a little
LATE = dt.timedelta(minutes=1)  # what was written so shortly before may have been committed after the evidence was read
STATES = (Consensus.State.OPEN, Consensus.State.RESOLVED, Consensus.State.DISPUTED)
OPEN, RESOLVED, DISPUTED = range(3)

# Numbers as int8send makes them; of those with a fraction, the bits. No label is 0, no stake -1.
STANDING = """
    SELECT string_agg(int8send(pair_id), ''), string_agg(int8send(coalesce(label_id, 0)), ''),
        string_agg(int8send((state = 'disputed')::integer), ''), string_agg(int8send((method = %s)::integer), ''),
        string_agg(float8send(confidence), ''), string_agg(float8send(coalesce(stake, -1)), ''),
        string_agg(int8send(judgments), '')
    FROM labeling_consensus
    WHERE project_id = %s AND state <> 'open' AND method <> 'adjudicated' AND updated_at < %s
"""
# Rows that somebody is changing at this very moment are passed over: those are resolved anew anyway. A label counts as
# a new one where it, or the state, is another than before.
RESOLVE = """
    WITH free AS (
        SELECT kept.pair_id FROM labeling_consensus kept JOIN staged ON staged.pair = kept.pair_id
        WHERE kept.method <> 'adjudicated' AND kept.state <> 'open' AND kept.judgments = staged.judgments
            AND kept.updated_at < %s
        FOR UPDATE OF kept SKIP LOCKED
    )
    UPDATE labeling_consensus kept
    SET state = staged.state, label_id = staged.label, method = %s, confidence = staged.confidence,
        stake = staged.stake, parts_at = staged.parts_at,
        measured = staged.stake IS NOT NULL AND query.split = 'holdout' AND EXISTS (
            SELECT FROM labeling_judgment said
            WHERE said.pair_id = kept.pair_id AND said.retired_at IS NULL AND said.stream = 'random'),
        updated_at = CASE WHEN (kept.state, kept.label_id) IS DISTINCT FROM (staged.state, staged.label)
            THEN %s ELSE kept.updated_at END
    FROM staged JOIN free ON free.pair_id = staged.pair
        JOIN labeling_pair pair ON pair.id = staged.pair JOIN labeling_query query ON query.id = pair.query_id
    WHERE kept.pair_id = staged.pair
"""


def resolve_again(project: Project, since: dt.datetime, evidence: Evidence, model: DawidSkene) -> int:
    """Bring the consensus of settled pairs up to date with a fit; return how many it changed.

    Where the project resolves by majority, only if it did not until now, or if what a ruling is worth is not known.
    Pairs that are open or ruled stay as they are, and so do those that changed after `since`, when the evidence was
    begun to be read. A label that is not SURE any more is disputed where no judgments are left to ask for; otherwise
    it stands, with its low confidence, and nothing is asked again because of a fit alone.
    """
    if project.resolve_by == Project.ResolveBy.MAJORITY and not _is_of_before(project):
        return 0
    since -= LATE
    method = _method(project)
    found = _find(project, _standing(project, method, since), evidence, model)
    found = found.of(found.changed)
    asked = dict(zip(found.pair.tolist(), _questions(evidence, found.pair), strict=True))
    written = 0
    for start in range(0, len(found.pair), BATCH):
        batch = found.of(np.arange(start, min(start + BATCH, len(found.pair))))
        with transaction.atomic(), connection.cursor() as cursor:
            stage(_staged(batch, asked))
            cursor.execute(RESOLVE, [since, str(method), timezone.now()])
            written += cursor.rowcount
    return written


def _method(project: Project) -> Consensus.Method:
    by_errors = project.resolve_by == Project.ResolveBy.DAWID_SKENE
    return Consensus.Method.DAWID_SKENE if by_errors else Consensus.Method.MAJORITY


def _is_of_before(project: Project) -> bool:
    """Tell whether a project that resolves by majority has labels by errors, or pairs to rule of unknown worth."""
    settled = Consensus.objects.filter(project=project).exclude(state=Consensus.State.OPEN)
    unknown = Q(stake=0, parts_at="")
    return settled.filter(Q(method=Consensus.Method.DAWID_SKENE) | unknown).exists()


@dataclass(frozen=True)
class _Standing:
    """What is settled, as parallel arrays (pairs,).

    `label` is an id or 0, `stake` is -1 where there is nothing to rule. `same_method` says that it was resolved by
    what the project resolves by now.
    """

    pair: NDArray[np.int64]
    label: NDArray[np.int64]
    disputed: NDArray[np.bool_]
    same_method: NDArray[np.bool_]
    confidence: Floats
    stake: Floats
    judgments: NDArray[np.int64]


def _standing(project: Project, method: Consensus.Method, since: dt.datetime) -> _Standing:
    pair, label, disputed, same, confidence, stake, judgments = fetch_arrays(
        STANDING, [str(method), project.pk, since.isoformat()]
    )
    bits = (confidence.view(np.float64), stake.view(np.float64))
    return _Standing(pair, label, disputed == 1, same == 1, *bits, judgments)


@dataclass(frozen=True)
class _Found:
    """What the evidence says of pairs that are settled, as parallel arrays (pairs,), and whether it is another thing.

    `label` is an id or 0, `state` an index into STATES, `stake` is -1 where there is nothing to rule.
    """

    pair: NDArray[np.int64]
    label: NDArray[np.int64]
    state: NDArray[np.int64]
    confidence: Floats
    stake: Floats
    judgments: NDArray[np.int64]
    changed: NDArray[np.bool_]

    def of(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "_Found":
        """Only some of the pairs."""
        return _Found(**{part.name: getattr(self, part.name)[rows] for part in fields(self)})


def _find(project: Project, before: _Standing, evidence: Evidence, model: DawidSkene) -> _Found:
    """Return what settled pairs are by now, those whose judgments have not changed since they were counted."""
    counts = count_labels(evidence, model)
    place = np.searchsorted(model.items, before.pair)
    place = np.minimum(place, max(len(model.items) - 1, 0))
    known = np.zeros(len(before.pair), np.bool_)
    if len(model.items):
        known = (model.items[place] == before.pair) & (counts[place].sum(axis=1) == before.judgments)
    before = _Standing(**{part.name: getattr(before, part.name)[known] for part in fields(before)})
    counts, likely = counts[place[known]], model.posterior[place[known]]

    parts = (counts > 0).sum(axis=1) > 1
    by_errors = _method(project) == Consensus.Method.DAWID_SKENE
    chances = likely if by_errors else counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    confidence = chances.max(axis=1, initial=0)
    leading = chances.argmax(axis=1) if by_errors else majorities(counts)
    sure = confidence >= SURE if by_errors else leading != TIE
    to_rule = parts | ~sure
    stake = np.full(len(parts), -1.0)
    stake[to_rule] = expected_loss(chances[to_rule], evidence.gains)

    full = before.judgments >= project.max_overlap
    unsettled = np.where(before.disputed, DISPUTED, RESOLVED) if by_errors else OPEN
    state = np.where(sure, RESOLVED, np.where(full, DISPUTED, unsettled))
    ids = np.array([label.pk for label in labels_of(project)])
    label = np.where(state == RESOLVED, ids[leading], 0)
    stake[state == OPEN] = -1
    changed = (
        (label != before.label)
        | ((state == DISPUTED) != before.disputed)
        | ~before.same_method
        | (np.abs(confidence - before.confidence) > SAME)
        | (np.abs(stake - before.stake) > SAME)
    )
    return _Found(before.pair, label, state, confidence, stake, before.judgments, changed)


def _questions(evidence: Evidence, pairs: NDArray[np.int64]) -> list[str]:
    """Return at which question the judgments of each of the pairs, which are in order, part; "" where at none."""
    judged = evidence.judged
    wanted = np.flatnonzero(np.isin(judged.pair, pairs))
    rows = wanted[np.lexsort((judged.walk[wanted], judged.pair[wanted]))]
    first = np.searchsorted(judged.pair[rows], pairs)
    last = np.searchsorted(judged.pair[rows], pairs, side="right")
    walks = judged.walk[rows].tolist()
    asked: dict[tuple[int, ...], str] = {}
    found = []
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        key = tuple(walks[start:end])
        if key not in asked:
            parted = parting([evidence.walks[walk] for walk in key])
            asked[key] = parted.question if parted else ""
        found.append(asked[key])
    return found


def _staged(batch: _Found, asked: Mapping[int, str]) -> pa.RecordBatch:
    states = [str(STATES[state]) for state in batch.state.tolist()]
    questions = [
        asked[pair] if stake >= 0 else "" for pair, stake in zip(batch.pair.tolist(), batch.stake.tolist(), strict=True)
    ]
    return pa.record_batch(
        {
            "pair": batch.pair,
            "label": pa.array(batch.label, pa.int64(), mask=batch.label == 0),
            "state": pa.array(states, pa.large_string()),
            "confidence": batch.confidence,
            "stake": pa.array(batch.stake, pa.float64(), mask=batch.stake < 0),
            "parts_at": pa.array(questions, pa.large_string()),
            "judgments": batch.judgments,
        }
    )
