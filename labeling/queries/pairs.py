"""The pool."""

import random
from typing import Any

from django.db.models import Exists, Max, Min, OuterRef, QuerySet

from labeling.models import (
    Consensus,
    GoldPair,
    GuidelineVersion,
    Pair,
    ProductRevision,
    Project,
    QueueEntry,
    Round,
    SetAside,
)
from labeling.queries.prepared import Prepared


def unlabeled_pairs(project: Project) -> QuerySet[Pair]:
    """Return the pairs that people have not settled: no consensus, or one that is still open."""
    settled = Consensus.objects.filter(pair=OuterRef("pk")).exclude(state=Consensus.State.OPEN)
    return Pair.objects.filter(~Exists(settled), project=project)


def untouched_pairs(project: Project) -> QuerySet[Pair]:
    """Return the pairs that nobody has judged, that are not gold and not set aside: what a round is drawn from."""
    touched = [Exists(rows.filter(pair=OuterRef("pk"))) for rows in touching()]
    return Pair.objects.filter(*(~one for one in touched), project=project)


def touching() -> tuple[QuerySet[Any], ...]:
    """Return the rows that keep their pair out of rounds: what people said of it, gold, set aside."""
    return (
        Consensus.objects.all(),
        GoldPair.objects.filter(retired_at__isnull=True),
        SetAside.objects.exclude(state=SetAside.State.RETURNED),
    )


def unqueued_pairs(project: Project) -> QuerySet[Pair]:
    """Return the untouched pairs that are not waiting in the open round."""
    queued = QueueEntry.objects.filter(pair=OuterRef("pk"), round__project=project, round__state=Round.State.OPEN)
    return untouched_pairs(project).filter(~Exists(queued))


def any_pair(project: Project, seed: int) -> Pair | None:
    """Return some pair of the pool with its texts, by the seed; None of an empty pool. One look at an index."""
    pairs = Pair.objects.filter(project=project).select_related("query", "product__revision").order_by("pk")
    ends = pairs.order_by().aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return None
    return pairs.filter(pk__gte=random.Random(seed).randint(ends["first"], ends["last"])).first()  # noqa: S311 - no secret


@Prepared
def shown_pair(pair_id: int) -> QuerySet[Any]:
    """The pair with its texts, and as `guideline_id` the version that it is judged by now."""
    published = GuidelineVersion.objects.filter(project=OuterRef("project"), published_at__isnull=False)
    return (
        Pair.objects.select_related("query", "product__revision")
        .annotate(guideline_id=published.order_by("-number").values("pk")[:1])
        .filter(pk=pair_id)
    )


def current_revision(pair: Pair) -> int:
    """Return the id of the product's current text. An import gives every product one."""
    revision = pair.product.revision_id
    if revision is None:
        raise ValueError(f"Product {pair.product} has no text; import its products file again.")
    return revision


def shown_revision(pair: Pair, revision_id: int | None) -> int:
    """Return the revision that was on the desk: the given one, or the current one where none is given.

    ValueError where it is none of the pair's product.
    """
    current = current_revision(pair)
    if revision_id is None or revision_id == current:
        return current
    if not ProductRevision.objects.filter(pk=revision_id, product=pair.product_id).exists():
        raise ValueError(f"Revision {revision_id} is none of product {pair.product}.")
    return revision_id
