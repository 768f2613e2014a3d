"""What is known of a whole pool: the labels of its pairs, how each was drawn, and what was said of it before."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from labeling.models import Adapter, Project, Round
from labeling.queries.projects import labels_of
from modeling.estimates import Estimate, Floats
from modeling.evaluation.pool import Draw, estimate_pool, naive_shares, sharpen_pool

FORMAT = 1
FEWEST = 30  # labels of the random share; fewer say nothing

# A pair came in with the entry of its first live judgment; gold pairs and what was set aside are none of the pool's.
LABELED = """
    SELECT said.pair_id, pair.query_id, round.number, entry.stream = 'random', entry.chance, entry.probabilities,
        consensus.label_id, said.labels
    FROM (
        SELECT pair_id, array_agg(label_id ORDER BY slot_id) AS labels, min(slot_id) AS first
        FROM labeling_judgment
        WHERE project_id = %s AND retired_at IS NULL AND stream IN ('random', 'active')
        GROUP BY pair_id
    ) said
    JOIN labeling_slot slot ON slot.id = said.first
    JOIN labeling_queueentry entry ON entry.id = slot.entry_id
    JOIN labeling_round round ON round.id = entry.round_id
    JOIN labeling_pair pair ON pair.id = said.pair_id
    LEFT JOIN labeling_consensus consensus ON consensus.pair_id = said.pair_id
    WHERE NOT EXISTS (
            SELECT FROM labeling_goldpair gold WHERE gold.pair_id = said.pair_id AND gold.retired_at IS NULL)
        AND NOT EXISTS (
            SELECT FROM labeling_setaside aside WHERE aside.pair_id = said.pair_id AND aside.state <> 'returned')
    ORDER BY said.pair_id
"""


@dataclass(frozen=True)
class Labeled:
    """The pairs that people have judged, by id; arrays (n,) and (n, labels).

    `values` are the labels as columns of 0 and 1: of a pair that is not settled the shares of its judgments where it
    has two or more, else nan. `alike` is 1 where its first two judgments have one label, 0 where they have not, nan
    where there is one only. `said` is what the round's adapter said of the pair before it was judged, nan without one.
    """

    query: NDArray[np.int64]
    round: NDArray[np.int64]
    at_random: NDArray[np.bool_]
    chance: Floats
    values: Floats
    alike: Floats
    said: Floats


def fetch_labeled(project: Project) -> Labeled:
    """Read what people judged of the project's pool. One statement; its cost grows with the judgments."""
    place = {label.pk: number for number, label in enumerate(labels_of(project))}
    with connection.cursor() as cursor:
        cursor.execute(LABELED, [project.pk])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    n, k = len(rows), len(place)
    values, said = np.full((n, k), np.nan), np.full((n, k), np.nan)
    alike, chance = np.full(n, np.nan), np.full(n, np.nan)
    for number, (_, _, _, _, drawn, probabilities, settled, judged) in enumerate(rows):
        if settled is not None:
            values[number] = 0
            values[number, place[settled]] = 1
        elif len(judged) > 1:
            values[number] = np.bincount([place[label] for label in judged], minlength=k) / len(judged)
        if len(judged) > 1:
            alike[number] = judged[0] == judged[1]
        if drawn is not None:
            chance[number] = drawn
        if probabilities is not None:
            said[number] = probabilities
    return Labeled(
        query=np.array([row[1] for row in rows], dtype=np.int64),
        round=np.array([row[2] for row in rows], dtype=np.int64),
        at_random=np.array([row[3] for row in rows], dtype=np.bool_),
        chance=chance,
        values=values,
        alike=alike,
        said=said,
    )


def pool_report(project: Project, champion: Adapter | None) -> dict[str, Any]:
    """Return what the whole pool holds as plain JSON: label shares, agreement, and the champion's accuracy.

    Each number is there three times: `naive` of all labels as they are, `plain` from the random share, `sharpened`
    with what adapters said of the pool. Rounds count that were drawn from the pool as it is now: what an import
    brings is not in the rounds before it. They are None before there are labels.
    """
    labeled = fetch_labeled(project)
    rounds = list(Round.objects.filter(project=project).order_by("number"))
    same = [one for one in rounds if one.last_pair == rounds[-1].last_pair]
    found = {"shares": labeled.values, "agreement": labeled.alike[:, None]}
    mean_of = {"shares": "probabilities", "agreement": "alike"}
    said = {"shares": labeled.said, "agreement": (labeled.said**2).sum(axis=1, keepdims=True)}
    report: dict[str, Any] = {
        name: _measured(
            [_draw(one, labeled, values, said[name], one.predicted.get(mean_of[name])) for one in same],
            values,
            labeled,
        )
        for name, values in found.items()
    }
    report["accuracy"] = _accuracy([one for one in same if champion and one.adapter_id == champion.pk], labeled)
    return report | {
        "format": FORMAT,
        "labels": [label.key for label in labels_of(project)],
        "adapter": champion.name if champion else "",
        "rounds": [one.number for one in same],
        "older": len(rounds) - len(same),
        "judged": len(labeled.round),
        "pool": same[-1].pool_size + int((labeled.round < same[-1].number).sum()) if same else 0,
    }


def _draw(drawn: Round, labeled: Labeled, values: Floats, said: Floats, mean: Any) -> Draw:
    """One round's random part as far as it has values, with what had been labeled before as known."""
    has = ~np.isnan(values[:, 0])
    rows = np.flatnonzero(has & labeled.at_random & (labeled.round == drawn.number))
    before = values[has & (labeled.round < drawn.number)]
    means = None if mean is None or np.isnan(said[rows]).any() else np.atleast_1d(np.array(mean, dtype=np.float64))
    return Draw(
        pool=max(drawn.pool_size, len(rows)),
        values=values[rows],
        chances=labeled.chance[rows],
        clusters=labeled.query[rows],
        known=before.sum(axis=0),
        known_count=len(before),
        predicted=None if means is None else said[rows],
        predicted_mean=means,
    )


def _accuracy(rounds: list[Round], labeled: Labeled) -> dict[str, Any] | None:
    """How often the adapter of these rounds gives people's label, of what nobody had judged when they were drawn."""
    if not rounds:
        return None
    known = ~np.isnan(labeled.values[:, 0]) & (np.nan_to_num(labeled.said).sum(axis=1) > 0)
    known &= np.isin(labeled.round, [one.number for one in rounds])
    judged = np.nan_to_num(labeled.said).argmax(axis=1)
    right = np.where(known, np.take_along_axis(labeled.values, judged[:, None], axis=1)[:, 0], np.nan)[:, None]
    sure = labeled.said.max(axis=1, keepdims=True)
    draws = []
    for one in rounds:
        rows = np.flatnonzero(known & labeled.at_random & (labeled.round == one.number))
        mean = one.predicted.get("confidence")
        draws.append(
            Draw(
                pool=max(one.predicted.get("scored", one.pool_size), len(rows)),
                values=right[rows],
                chances=labeled.chance[rows],
                clusters=labeled.query[rows],
                known=np.zeros(1),
                predicted=None if mean is None else sure[rows],
                predicted_mean=None if mean is None else np.array([mean], dtype=np.float64),
            )
        )
    return _measured(draws, right, labeled)


def _measured(draws: list[Draw], values: Floats, labeled: Labeled) -> dict[str, Any] | None:
    """The three estimates of each value; None without a draw."""
    if not draws:
        return None
    has = ~np.isnan(values[:, 0])
    naive = naive_shares(values[has], labeled.query[has])
    return {
        "naive": _as_json(naive),
        "plain": _as_json(estimate_pool(draws)),
        "sharpened": _as_json(sharpen_pool(draws)) if any(draw.predicted is not None for draw in draws) else None,
    }


def _as_json(estimates: tuple[Estimate, ...]) -> list[dict[str, float | int | None]]:
    return [estimate.to_dict() for estimate in estimates]
