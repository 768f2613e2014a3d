"""What is to be scored, and how it goes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Count, Exists, Func, IntegerField, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Least
from numpy.typing import NDArray

from labeling.models import Adapter, Job, Pair, Prediction, Project, ScoringShard
from labeling.queries.pairs import unlabeled_pairs

TEXTS = ("title", "description", "bullets", "brand", "colour")
BYTES_A_TOKEN = 4
DEFAULT_TOKENS = 256  # of an adapter whose manifest does not say how much it reads
PAIR_COSTS = 32  # bytes of text that cost as much as what each pair costs besides


def unscored_pairs(project: Project, *adapters: Adapter) -> QuerySet[Pair]:
    """Return the unlabeled pairs that one of the adapters has not scored with their product's current text."""
    missing = Q()
    for adapter in adapters:
        current = {"pair": OuterRef("pk"), "revision": OuterRef("product__revision")}
        missing |= Q(~Exists(Prediction.objects.filter(adapter=adapter, **current)))
    return unlabeled_pairs(project).filter(missing, product__revision__isnull=False)


@dataclass(frozen=True)
class Run:
    """A run of so many pairs in the order of (query, pair), both ends included."""

    pairs: int
    first: tuple[int, int]
    last: tuple[int, int]


def runs_of_unscored(project: Project, adapters: Sequence[Adapter], size: int) -> list[Run]:
    """Cut what the adapters have not scored into runs that cost about the same, of `size` pairs on average.

    The cost of a pair is the length of its texts, as far as they are read. A query's pairs stay together, so that what
    they share is made once; a query that costs more than a run should is cut into runs of its own. The work is
    PostgreSQL's: one pass over the pairs, their products and their predictions, each joined by hashing, then one row a
    query, sorted. It grows with the pairs; what comes back are the runs.
    """
    pool, values = _costs(unscored_pairs(project, *adapters), adapters)
    with connection.cursor() as cursor:
        cursor.execute(_RUNS.format(pool=pool), [*values, size])
        groups = cursor.fetchall()
        fair = groups[0][-1] if groups else 0.0
        large = [first for first, _, _, is_large, _ in groups if is_large]
        pieces: dict[int, list[tuple[int, int]]] = {query: [] for query in large}
        if large:
            pool, values = _costs(unscored_pairs(project, *adapters).filter(query__in=large), adapters)
            cursor.execute(_PIECES.format(pool=pool), [fair, *values])
            for query, begins, pairs in cursor:
                pieces[query].append((begins, pairs))
    runs = []
    for first, last, pairs, is_large, _ in groups:
        runs += _cut(first, pieces[first]) if is_large else [Run(pairs, (first, 0), (last, ScoringShard.LAST_PAIR))]
    return runs


# Queries whose cost, summed up in their order, begins in the same fair share make a run; but a large one is alone.
_RUNS = """
WITH queries AS (
    SELECT query_id, count(*) AS pairs, sum(cost)::float AS cost FROM ({pool}) AS pool GROUP BY query_id
), whole AS (
    SELECT sum(cost) / ceil(sum(pairs)::float / %s) AS fair FROM queries
), placed AS (
    SELECT query_id, pairs, fair, cost > fair * 1.000001 AS is_large,
        floor((sum(cost) OVER (ORDER BY query_id) - cost) / fair) AS place
    FROM queries, whole
)
SELECT min(query_id), max(query_id), sum(pairs)::bigint, is_large, max(fair)
FROM placed GROUP BY place, is_large ORDER BY 1
"""
_PIECES = """
SELECT query_id, min(id), count(*) FROM (
    SELECT query_id, id,
        floor((sum(cost) OVER (PARTITION BY query_id ORDER BY id) - cost)::float / %s) AS place
    FROM ({pool}) AS pool
) AS placed GROUP BY query_id, place ORDER BY 1, 2
"""


def _cut(query: int, pieces: Sequence[tuple[int, int]]) -> list[Run]:
    """The runs of one query, from where each begins and how many pairs it has: together they are the whole query."""
    begins = [0, *(pair for pair, _ in pieces[1:])]
    ends = [*(pair - 1 for pair in begins[1:]), ScoringShard.LAST_PAIR]
    return [
        Run(pairs, (query, begin), (query, end)) for begin, end, (_, pairs) in zip(begins, ends, pieces, strict=True)
    ]


class _Octets(Func):
    """A text's length in bytes, which PostgreSQL knows without reading the text."""

    function = "octet_length"
    output_field = IntegerField()


def _costs(pairs: QuerySet[Pair], adapters: Sequence[Adapter]) -> tuple[str, tuple[Any, ...]]:
    """The SQL of query_id, id and cost of pairs, and its values. A cost is in bytes of text."""
    most = BYTES_A_TOKEN * max(_tokens_read(adapter) for adapter in adapters)
    octets = _Octets("query__text")
    for column in TEXTS:
        octets = octets + _Octets("product__revision__" + column)  # type: ignore[assignment]  # as Django's are combined
    priced = pairs.annotate(cost=PAIR_COSTS + Least(octets, most))
    return priced.values("query_id", "id", "cost").query.sql_with_params()


def _tokens_read(adapter: Adapter) -> int:
    """How much an adapter reads of a pair, in tokens."""
    spec: Mapping[str, Any] = adapter.manifest.get("spec", {})
    return int(spec.get("max_length", DEFAULT_TOKENS))


@dataclass(frozen=True)
class PairText:
    """A pair with its query's and its product's current text."""

    pair_id: int
    revision_id: int
    query: str
    title: str
    description: str
    bullets: str
    brand: str
    colour: str


def shard_texts(shard: ScoringShard, adapters: Sequence[Adapter]) -> list[PairText]:
    """Return what one of the adapters has still to score of a shard, by query and pair."""
    inside = Q(query__gt=shard.first_query) | Q(pk__gte=shard.first_pair)
    inside &= Q(query__lt=shard.last_query) | Q(pk__lte=shard.last_pair)
    rows: Iterator[tuple[Any, ...]] = (
        unscored_pairs(shard.job.project, *adapters)
        .filter(inside, query__gte=shard.first_query, query__lte=shard.last_query)
        .order_by("query", "pk")
        .values_list("pk", "product__revision_id", "query__text", *("product__revision__" + name for name in TEXTS))
        .iterator()
    )
    return [PairText(*row) for row in rows]


def revisions_said(adapter: Adapter, pair_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each pair the revision that the adapter has scored, (n,); 0 where it has not scored the pair."""
    found = Prediction.objects.filter(adapter=adapter, pair_id__in=pair_ids.tolist())
    said = dict(found.values_list("pair_id", "revision_id"))
    return np.array([said.get(pair, 0) for pair in pair_ids.tolist()], dtype=np.int64)


def adapters_of_job(job: Job) -> list[Adapter]:
    """Return the adapters that a scoring job scores with, in their order; none before it is planned."""
    found = Adapter.objects.select_related("project").in_bulk(job.params.get("adapters", []))
    return [found[pk] for pk in job.params.get("adapters", []) if pk in found]


@dataclass(frozen=True)
class Tally:
    """What the workers of a scoring job have done: seconds are theirs, added up, and `left` the unfinished shards."""

    shards: int
    pairs: int
    predictions: int
    seconds: float
    workers: int
    left: int


def tally_of(job: Job) -> Tally:
    """Count what the shards of a job say. One pass over its shards: one for some thousand pairs."""
    finished = Q(finished_at__isnull=False)
    found = ScoringShard.objects.filter(job=job).aggregate(
        shards=Count("pk"),
        pairs=Sum("scored", default=0),
        predictions=Sum("predictions", default=0),
        seconds=Sum("seconds", default=0.0),
        workers=Count("worker", filter=finished, distinct=True),
        left=Count("pk", filter=~finished),
    )
    return Tally(**found)
