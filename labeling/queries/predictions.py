"""What the champion says of the pool."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Avg, Exists, F, Max, Min, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from numpy.typing import NDArray

from labeling.models import Adapter, Consensus, Pair, Prediction, Product, Project, Query, QueueEntry, Split, Stream
from labeling.queries.columns import IDS, fetch_columns, in_ranges
from labeling.queries.pairs import touching
from labeling.queries.projects import labels_of
from modeling.sampling.contract import Pool, Text


def champion_of(project: Project) -> Adapter | None:
    """Return the adapter in use, if there is one."""
    return Adapter.objects.filter(project=project, state=Adapter.State.CHAMPION).first()


def former_champion(project: Project) -> Adapter | None:
    """Return the adapter that was in use before the champion, if there is one and it was not pruned."""
    retired = Adapter.objects.filter(project=project, state=Adapter.State.RETIRED, pruned_at__isnull=True)
    return retired.order_by("-promoted_at").first()


def challenger_with_predictions(project: Project) -> Adapter | None:
    """Return the newest adapter that wants to be champion and has scored the pool, if there is one."""
    waiting = Adapter.objects.filter(project=project, state=Adapter.State.CHALLENGER, pruned_at__isnull=True)
    newest = waiting.order_by("-number").first()
    return newest if newest is not None and has_predictions(newest) else None


def candidates(project: Project, champion: Adapter | None, rival: Adapter | None = None) -> Pool:
    """Return the untouched pairs in the order of their ids, with what both adapters say: what a round is drawn from.

    Pairs of holdout queries are for the random part only, since they can never be learned from, and only what was
    drawn at random may be measured on; so are pairs that the champion has not scored with their current text. What
    the rival has not scored has the champion's probabilities. An adapter that has scored nothing counts as none.
    Memory grows with 26 + 4k bytes a pair, and 4k more of a rival.
    """
    labels = labels_of(project)
    pair_ids, query_ids = _untouched(project)
    random_only = np.isin(query_ids, _ids_of(Query.objects.filter(project=project, split=Split.HOLDOUT), "id"))
    current = _ids_of(Product.objects.filter(project=project, revision__isnull=False), "revision_id")
    probabilities, scored = _said(champion, pair_ids, current, len(labels))
    rivals, known = _said(rival, pair_ids, current, len(labels))
    if probabilities is None:
        rivals = None
    elif rivals is not None and known is not None:
        rivals[~known] = probabilities[~known]
    return Pool(
        pair_ids=pair_ids,
        query_ids=query_ids,
        labels=tuple(label.key for label in labels),
        gains=np.array([label.gain for label in labels]),
        probabilities=probabilities,
        rival=rivals,
        random_only=random_only if scored is None else random_only | ~scored,
        texts=texts_of,
    )


def texts_of(pair_ids: NDArray[np.int64]) -> list[Text]:
    """Return the pairs' queries and the current titles of their products, in the same order."""
    # One parameter: of twenty thousand, psycopg would take longer to read the statement than the server to run it.
    wanted = RawSQL("SELECT unnest(%s::bigint[])", [pair_ids.tolist()])
    rows = Pair.objects.filter(pk__in=wanted).values_list("pk", "query__text", "product__revision__title")
    found = {pk: Text(query, title or "") for pk, query, title in rows}
    return [found[pair_id] for pair_id in pair_ids.tolist()]


def _untouched(project: Project) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ids (n,) of the untouched pairs, in their order, and those of their queries: as untouched_pairs does.

    What was touched is looked up here: the server would do so again for each range of pairs.
    """
    pairs = Pair.objects.filter(project=project).order_by()
    ends = pairs.aggregate(first=Min("id"), last=Max("id"))
    if ends["first"] is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    parts = [
        fetch_columns(part.values_list("id", "query_id"), IDS, IDS)
        for part in in_ranges(pairs, "id", ends["first"], ends["last"])
    ]
    ids, queries = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    touched = [_ids_of(rows.filter(project=project), "pair_id") for rows in touching()]
    left = np.flatnonzero(~np.isin(ids, np.concatenate(touched)))
    order = left[np.argsort(ids[left], kind="stable")]  # in next to no time where they come in order
    return ids[order], queries[order]


def _ids_of(rows: QuerySet[Any], name: str) -> NDArray[np.int64]:
    (ids,) = fetch_columns(rows.order_by().values_list(name), IDS)
    return ids


def _said(
    adapter: Adapter | None, pair_ids: NDArray[np.int64], current: NDArray[np.int64], labels: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | tuple[None, None]:
    """Return the adapter's probabilities (n, labels) of the sorted pairs' current texts, and which are known.

    `current` are the revisions that are any product's text now: a revision is of one product, so a prediction on one
    of them is on its own product's. Nothing where it has scored none of the pairs, and without an adapter.
    """
    if adapter is None or not len(pair_ids):
        return None, None
    probabilities = np.zeros((len(pair_ids), labels), dtype=np.float32)
    revisions = np.zeros(len(pair_ids), dtype=np.int64)
    predictions = Prediction.objects.filter(adapter=adapter).order_by()
    for part in in_ranges(predictions, "pair_id", int(pair_ids[0]), int(pair_ids[-1])):
        values = part.values_list("pair_id", "revision_id", "probabilities")
        pairs, read, said = fetch_columns(values, IDS, IDS, labels)
        at = np.minimum(np.searchsorted(pair_ids, pairs), len(pair_ids) - 1)
        mine = pair_ids[at] == pairs
        probabilities[at[mine]] = said[mine]
        revisions[at[mine]] = read[mine]
    known = np.isin(revisions, current)
    return (probabilities, known) if known.any() else (None, None)


def pool_predictions(project: Project, champion: Adapter) -> QuerySet[Prediction]:
    """Return the champion's predictions, on the products' current text, of pairs that people have not settled."""
    settled = Consensus.objects.filter(pair=OuterRef("pair_id")).exclude(state=Consensus.State.OPEN)
    return Prediction.objects.filter(
        ~Exists(settled), adapter=champion, pair__project=project, revision=F("pair__product__revision")
    )


@dataclass(frozen=True)
class MeanConfidence:
    """The champion's mean confidence in the pool, the open round's queue, and the queue's active part."""

    pool: float | None
    queue: float | None
    active: float | None


def mean_confidence(project: Project, champion: Adapter) -> MeanConfidence:
    """Return the means; None where there is nothing to average."""
    queued = QueueEntry.objects.filter(pair=OuterRef("pair_id"), round__project=project, round__state="open")
    predictions = Prediction.objects.filter(adapter=champion)

    def mean(rows: QuerySet[Prediction]) -> float | None:
        value: float | None = rows.aggregate(mean=Avg("confidence"))["mean"]
        return value

    return MeanConfidence(
        pool=mean(pool_predictions(project, champion)),
        queue=mean(predictions.filter(Exists(queued))),
        active=mean(predictions.filter(Exists(queued.filter(stream=Stream.ACTIVE)))),
    )


def has_predictions(adapter: Adapter) -> bool:
    """Say whether anything that an adapter said of the pool is kept."""
    return Prediction.objects.filter(adapter=adapter).exists()
