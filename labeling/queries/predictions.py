"""What the champion says of the pool."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from django.db.models import Avg, Exists, F, OuterRef, QuerySet
from numpy.typing import NDArray

from labeling.models import Adapter, Consensus, Pair, Prediction, Project, Query, QueueEntry, Split, Stream
from labeling.queries.pairs import untouched_pairs
from labeling.queries.projects import labels_of
from modeling.sampling.contract import Pool, Text

CHUNK = 50_000


def champion_of(project: Project) -> Adapter | None:
    """Return the adapter in use, if there is one."""
    return Adapter.objects.filter(project=project, state=Adapter.State.CHAMPION).first()


def former_champion(project: Project) -> Adapter | None:
    """Return the adapter that was in use before the champion, if there is one and it was not pruned."""
    retired = Adapter.objects.filter(project=project, state=Adapter.State.RETIRED, pruned_at__isnull=True)
    return retired.order_by("-promoted_at").first()


def candidates(project: Project, champion: Adapter | None, rival: Adapter | None = None) -> Pool:
    """Return the untouched pairs in the order of their ids, with what both adapters say: what a round is drawn from.

    Pairs of holdout queries are for the random part only, since they can never be learned from, and only what was
    drawn at random may be measured on; so are pairs that the champion has not scored with their current text. What
    the rival has not scored has the champion's probabilities. An adapter that has scored nothing counts as none.
    Memory grows with 17 + 4k bytes a pair.
    """
    labels = labels_of(project)
    rows = _int_table(untouched_pairs(project).order_by("id").values_list("id", "query_id"))
    held = Query.objects.filter(project=project, split=Split.HOLDOUT).values_list("id", flat=True)
    random_only = np.isin(rows[:, 1], np.fromiter(held.iterator(chunk_size=CHUNK), dtype=np.int64))
    probabilities, scored = _said(champion, rows[:, 0], len(labels))
    rivals, known = _said(rival, rows[:, 0], len(labels))
    if probabilities is None:
        rivals = None
    elif rivals is not None and known is not None:
        rivals[~known] = probabilities[~known]
    return Pool(
        pair_ids=rows[:, 0],
        query_ids=rows[:, 1],
        labels=tuple(label.key for label in labels),
        gains=np.array([label.gain for label in labels]),
        probabilities=probabilities,
        rival=rivals,
        random_only=random_only if scored is None else random_only | ~scored,
        texts=texts_of,
    )


def texts_of(pair_ids: NDArray[np.int64]) -> list[Text]:
    """Return the pairs' queries and the current titles of their products, in the same order."""
    rows = Pair.objects.filter(pk__in=pair_ids.tolist()).values_list("pk", "query__text", "product__revision__title")
    found = {pk: Text(query, title or "") for pk, query, title in rows}
    return [found[pair_id] for pair_id in pair_ids.tolist()]


def _said(
    adapter: Adapter | None, pair_ids: NDArray[np.int64], labels: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | tuple[None, None]:
    """Return the adapter's probabilities (n, labels) of the sorted pairs' current texts, and which are known.

    Neither where it has scored none of them, and without an adapter.
    """
    probabilities = np.zeros((len(pair_ids), labels), dtype=np.float32)
    known = np.zeros(len(pair_ids), dtype=np.bool_)
    current = Prediction.objects.filter(adapter=adapter, revision=F("pair__product__revision")).order_by("pair_id")
    rows = current.values_list("pair_id", "probabilities").iterator(chunk_size=CHUNK)
    while len(pair_ids) and (chunk := list(islice(rows, CHUNK))):
        pairs = np.array([pair for pair, _ in chunk], dtype=np.int64)
        at = np.minimum(np.searchsorted(pair_ids, pairs), len(pair_ids) - 1)
        mine = pair_ids[at] == pairs
        probabilities[at[mine]] = np.array([values for _, values in chunk], dtype=np.float32)[mine]
        known[at[mine]] = True
    return (probabilities, known) if known.any() else (None, None)


def _int_table(rows: Any) -> NDArray[np.int64]:
    return np.fromiter((row for row in rows.iterator(chunk_size=CHUNK)), dtype=np.dtype((np.int64, 2)))


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
