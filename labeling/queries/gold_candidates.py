"""Pairs that can become gold, because their label is known."""

import random
from dataclasses import dataclass

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, TextField, Value, Window
from django.db.models.functions import MD5, Cast, Concat, RowNumber

from labeling.models import (
    Consensus,
    GoldPair,
    ImportedLabel,
    Judgment,
    Pair,
    Project,
    Query,
    QueueEntry,
    Round,
    SetAside,
    Split,
    Stream,
)

WITHIN = 40_000  # imported labels are drawn from so many pairs


def fit_for_gold(project: Project) -> QuerySet[Pair]:
    """Return the pairs that may become gold unseen: never gold before, not set aside, not of a holdout query.

    Holdout pairs are left to the random stream: accuracy is measured on a fair sample of them.
    """
    gold = GoldPair.objects.filter(pair=OuterRef("pk"))
    aside = SetAside.objects.filter(pair=OuterRef("pk")).exclude(state=SetAside.State.RETURNED)
    return Pair.objects.filter(~Exists(gold), ~Exists(aside), project=project).exclude(query__split=Split.HOLDOUT)


@dataclass(frozen=True)
class Candidate:
    """A pair whose label is known, from where, and by which walk if that is known."""

    pair_id: int
    label_id: int
    origin: str
    path: str = ""


def imported_candidates(project: Project, each: int, seed: int) -> list[Candidate]:
    """Return up to `each` pairs of every label that an import brought, drawn by the seed.

    From pairs that nobody has judged and that do not wait in the open round. Where two imports contradict each
    other nothing is known. Of millions of labels only those of WITHIN pairs are looked at, in the order of their ids
    from one that the seed draws, and on from the first where they end.
    """
    judged = Consensus.objects.filter(pair=OuterRef("pair"))
    queued = QueueEntry.objects.filter(pair=OuterRef("pair"), round__project=project, round__state=Round.State.OPEN)
    contradicting = ImportedLabel.objects.filter(pair=OuterRef("pair")).exclude(label=OuterRef("label"))
    draw = MD5(Concat(Value(f"{seed}:"), Cast("pair_id", TextField())))
    place = Window(RowNumber(), partition_by=F("label"), order_by=draw)
    rows = (
        ImportedLabel.objects.filter(~Exists(judged), ~Exists(queued), ~Exists(contradicting))
        .filter(_stretch(project, seed), pair__in=fit_for_gold(project))
        .annotate(place=place)
        .filter(place__lte=2 * each)  # a pair is there twice when two imports brought it
        .order_by("place", "label__position", "pair")
        .values_list("pair_id", "label_id", "source__name")
    )
    once = {row[0]: Candidate(row[0], row[1], f"imported: {row[2]}"[:200]) for row in reversed(rows)}
    return list(reversed(once.values()))


def _stretch(project: Project, seed: int) -> Q:
    """Return what leaves the labels of WITHIN labelled pairs: those from a drawn id on, wrapping round."""
    ends = Pair.objects.filter(project=project).aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return Q()
    start = random.Random(seed).randint(ends["first"], ends["last"])  # noqa: S311 - no secret
    labelled = Pair.objects.filter(Exists(ImportedLabel.objects.filter(pair=OuterRef("pk"))), project=project)
    ids = labelled.order_by("pk").values_list("pk", flat=True)
    from_start = list(ids.filter(pk__gte=start)[:WITHIN])
    left = WITHIN - len(from_start)
    if not left:
        return Q(pair__gte=start, pair__lte=from_start[-1])
    wrapped = list(ids.filter(pk__lt=start)[:left])
    return Q(pair__gte=start) | Q(pair__lte=wrapped[-1] if wrapped else 0)


def agreed_candidates(project: Project, seed: int) -> list[Candidate]:
    """Return the settled pairs on which at least three judgments agree, or all of at least two, drawn by the seed.

    With the walk that most of those judgments took.
    """
    draw = MD5(Concat(Value(f"{seed}:"), Cast("pair_id", TextField())))
    settled = Consensus.objects.filter(project=project, state=Consensus.State.RESOLVED, pair__in=fit_for_gold(project))
    for_it = (
        Judgment.objects.filter(pair=OuterRef("pair"), label=OuterRef("label"), retired_at__isnull=True)
        .exclude(stream__in=(Stream.GOLD, Stream.REPEAT))
        .order_by()
    )
    agreeing = for_it.values("label").annotate(n=Count("id")).values("n")
    usual = for_it.values("path").annotate(n=Count("id")).order_by("-n", "path").values("path")[:1]
    rows = (
        settled.annotate(agreeing=Subquery(agreeing), usual=Subquery(usual))
        .filter(Q(agreeing__gte=3) | Q(agreeing__gte=2, judgments=F("agreeing")))
        .order_by(draw)
    )
    return [
        Candidate(row.pk, row.label_id or 0, f"{row.agreeing} of {row.judgments} judgments agreed", row.usual)
        for row in rows
    ]


def search_pairs(project: Project, words: str, most: int) -> list[Pair]:
    """Return pairs whose query has these words, or whose product has this very id."""
    queries = Query.objects.filter(project=project, text__icontains=words).values("pk")
    found = Pair.objects.filter(Q(query__in=queries) | Q(product__external_id=words), project=project)
    return list(found.select_related("query", "product__revision").order_by("query__text", "pk")[:most])
