"""What an adapter learns from, as a reproducible query."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet, Value

from labeling.models import Consensus, ImportedLabel, Judgment, Project, Ruling, SetAside, Split, Stream


@dataclass(frozen=True)
class LabeledPair:
    """A pair with a label that can be learned from or measured on, and the product's current text.

    `origin` is "people" or "imported"; people's labels have the method and the confidence of their consensus.
    """

    pair_id: int
    query_id: int
    split: str
    query: str
    title: str
    description: str
    bullets: str
    brand: str
    colour: str
    label_id: int
    origin: str = "people"
    method: str = ""
    confidence: float | None = None


TEXT = {
    "query_text": F("pair__query__text"),
    "split": F("pair__query__split"),
    "title": F("pair__product__revision__title"),
    "description": F("pair__product__revision__description"),
    "bullets": F("pair__product__revision__bullets"),
    "brand": F("pair__product__revision__brand"),
    "colour": F("pair__product__revision__colour"),
}
COLUMNS = ("pair_id", "pair__query_id", "split", "query_text", "title", "description", "bullets", "brand", "colour")


def labeled_pairs(project: Project) -> Iterator[LabeledPair]:
    """Yield what settled_pairs and imported_pairs leave, with the texts, each by pair id.

    The same labels of the same texts give the same pairs, whenever it is asked: an adapter's manifest has their hash.
    """
    settled = settled_pairs(project).annotate(**TEXT).order_by("pair_id")
    columns = (*COLUMNS, "label_id")
    rows: Iterator[tuple[Any, ...]]
    rows = settled.values_list(*columns, Value("people"), "method", "confidence").iterator()
    for row in rows:
        yield LabeledPair(*row)
    rows = imported_pairs(project).annotate(**TEXT).values_list(*columns, Value("imported")).iterator()
    for row in rows:
        yield LabeledPair(*row)


def settled_pairs(project: Project) -> QuerySet[Consensus]:
    """Return what people settled, or an expert ruled, that can be learned from or measured on.

    Holdout pairs come only if the random stream served them: accuracy is measured on a fair sample of the pool. So
    their labels may be of any confidence, where others have at least what the project asks for. Judgments, or a
    ruling, of a text that has since changed do not count: those pairs are left out, and so are those that wait for
    the lead because people skipped them, or that an expert or the lead found not to be judged.
    """
    settled = Consensus.objects.filter(project=project, state=Consensus.State.RESOLVED)
    ruled = Consensus.Method.ADJUDICATED
    judged_before = (
        Judgment.objects.filter(project=project, retired_at__isnull=True)
        .exclude(revision=F("pair__product__revision"))
        .values("pair_id")
    )
    ruled_before = (
        Ruling.objects.filter(project=project, retired_at__isnull=True)
        .exclude(revision=F("pair__product__revision"))
        .values("pair_id")
    )
    stale = Q(pair__in=judged_before) & ~Q(method=ruled) | Q(pair__in=ruled_before)
    aside = SetAside.objects.filter(project=project).exclude(state=SetAside.State.RETURNED).values("pair_id")
    random = Judgment.objects.filter(project=project, retired_at__isnull=True, stream=Stream.RANDOM).values("pair_id")
    held_out = Q(pair__query__split=Split.HOLDOUT)
    sure = Q(confidence__gte=project.least_confidence) | Q(method=ruled)
    return settled.exclude(stale).exclude(pair__in=aside).filter(held_out & Q(pair__in=random) | ~held_out & sure)


def drawn_at_random(project: Project) -> set[int]:
    """Return the pairs that people judged because the random stream served them."""
    judged = Judgment.objects.filter(project=project, retired_at__isnull=True, stream=Stream.RANDOM)
    return set(judged.order_by().values_list("pair_id", flat=True).distinct())


def imported_pairs(project: Project) -> QuerySet[ImportedLabel]:
    """Return imported labels, one a pair, where people gave none: outside the holdout, if the project wants them."""
    if project.imported_labels != Project.ImportedLabels.TRAIN:
        return ImportedLabel.objects.none()
    return chosen_labels(project).filter(pair__consensus__isnull=True).exclude(pair__query__split=Split.HOLDOUT)


def chosen_labels(project: Project) -> QuerySet[ImportedLabel]:
    """Return one imported label a pair, of the source whose name comes first, by pair id."""
    imported = ImportedLabel.objects.filter(pair__project=project)
    return imported.order_by("pair_id", "source__name").distinct("pair_id")
