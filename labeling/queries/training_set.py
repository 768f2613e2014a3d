"""What an adapter learns from, as a reproducible query."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F, Q

from labeling.models import Consensus, ImportedLabel, Judgment, Project, Ruling, SetAside, Split, Stream


@dataclass(frozen=True)
class LabeledPair:
    """A pair with a label that can be learned from or measured on, and the product's current text."""

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
    """Yield what people settled, then, if the project wants them, imported labels of other pairs, each by pair id.

    What an expert ruled is settled. Holdout pairs come only if the random stream served them: accuracy is measured on a
    fair sample of the pool. Judgments, or a ruling, of a text that has since changed do not count: those pairs are left
    out, and so are those that an expert or the lead found not to be judged.
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
    excluded = SetAside.objects.filter(project=project, state=SetAside.State.EXCLUDED).values("pair_id")
    random = Judgment.objects.filter(project=project, retired_at__isnull=True, stream=Stream.RANDOM).values("pair_id")
    people = settled.exclude(stale).exclude(pair__in=excluded)
    fair = people.exclude(pair__query__split=Split.HOLDOUT) | people.filter(pair__in=random)
    rows = fair.annotate(**TEXT).order_by("pair_id").values_list(*COLUMNS, "label_id")
    people_rows: Iterator[tuple[Any, ...]] = rows.iterator()
    for row in people_rows:
        yield LabeledPair(*row)
    if project.imported_labels == Project.ImportedLabels.TRAIN:
        yield from _imported(project)


def _imported(project: Project) -> Iterator[LabeledPair]:
    rows = (
        ImportedLabel.objects.filter(pair__project=project, pair__consensus__isnull=True)
        .exclude(pair__query__split=Split.HOLDOUT)
        .annotate(**TEXT)
        .order_by("pair_id", "source__name")
        .distinct("pair_id")
        .values_list(*COLUMNS, "label_id")
    )
    imported_rows: Iterator[tuple[Any, ...]] = rows.iterator()
    for row in imported_rows:
        yield replace(LabeledPair(*row), origin="imported")
