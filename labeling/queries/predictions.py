"""What the champion says of the pool."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Avg, Exists, F, OuterRef, QuerySet
from numpy.typing import NDArray

from labeling.models import Adapter, Consensus, Pair, Prediction, Project, QueueEntry, Split, Stream
from labeling.queries.pairs import untouched_pairs

CHUNK = 50_000


@dataclass(frozen=True)
class Candidates:
    """The pairs a round can be drawn from, in the order of their ids.

    pair_ids and query_ids: int64 (n,); probabilities: float32 (n, labels), or None where there is no champion.
    A pair that the champion has not scored counts as certain, so that only the random share reaches it. So does
    a pair of a holdout query: it can never be learned from, and only what was drawn at random may be measured on.
    """

    pair_ids: NDArray[np.int64]
    query_ids: NDArray[np.int64]
    probabilities: NDArray[np.float32] | None


def champion_of(project: Project) -> Adapter | None:
    """Return the adapter in use, if there is one."""
    return Adapter.objects.filter(project=project, state=Adapter.State.CHAMPION).first()


def former_champion(project: Project) -> Adapter | None:
    """Return the adapter that was in use before the champion, if there is one and it was not pruned."""
    retired = Adapter.objects.filter(project=project, state=Adapter.State.RETIRED, pruned_at__isnull=True)
    return retired.order_by("-promoted_at").first()


def candidates(project: Project, champion: Adapter | None, label_count: int) -> Candidates:
    """Return the untouched pairs with the champion's probabilities. Memory grows with 16 + 4k bytes a pair."""
    rows = untouched_pairs(project).order_by("id").values_list("id", "query_id")
    current = Prediction.objects.filter(adapter=champion, revision=F("pair__product__revision"))
    usable = current.exclude(pair__query__split=Split.HOLDOUT)
    ids = _int_table(rows)
    if champion is None:
        return Candidates(ids[:, 0], ids[:, 1], None)
    probabilities = np.zeros((len(ids), label_count), dtype=np.float32)
    probabilities[:, 0] = 1
    scored = usable.order_by("pair_id").values_list("pair_id", "probabilities")
    chunk: list[tuple[int, list[float]]] = []
    for row in scored.iterator(chunk_size=CHUNK):
        chunk.append(row)
        if len(chunk) == CHUNK:
            _fill(probabilities, ids[:, 0], chunk)
            chunk = []
    _fill(probabilities, ids[:, 0], chunk)
    return Candidates(ids[:, 0], ids[:, 1], probabilities)


def _int_table(rows: Any) -> NDArray[np.int64]:
    return np.fromiter((row for row in rows.iterator(chunk_size=CHUNK)), dtype=np.dtype((np.int64, 2)))


def _fill(table: NDArray[np.float32], ids: NDArray[np.int64], rows: list[tuple[int, list[float]]]) -> None:
    """Write the rows whose pair is among the sorted `ids`."""
    if not rows or not len(ids):
        return
    pairs = np.array([pair for pair, _ in rows], dtype=np.int64)
    at = np.minimum(np.searchsorted(ids, pairs), len(ids) - 1)
    known = ids[at] == pairs
    table[at[known]] = np.array([values for _, values in rows], dtype=np.float32)[known]


def pool_predictions(project: Project, champion: Adapter) -> QuerySet[Prediction]:
    """Return the champion's predictions, on the products' current text, of pairs that people have not settled."""
    settled = Consensus.objects.filter(pair=OuterRef("pair_id")).exclude(state=Consensus.State.OPEN)
    return Prediction.objects.filter(
        ~Exists(settled), adapter=champion, pair__project=project, revision=F("pair__product__revision")
    )


def holdout_pairs(project: Project, pair_ids: NDArray[np.int64]) -> set[int]:
    """Return which of these pairs are of holdout queries."""
    found = Pair.objects.filter(project=project, pk__in=pair_ids.tolist(), query__split=Split.HOLDOUT)
    return set(found.values_list("pk", flat=True))


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
