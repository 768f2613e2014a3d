"""The holdout pairs behind a number of an adapter, or of two of them side by side."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import F, FloatField, OuterRef, QuerySet, Subquery
from numpy.typing import NDArray

from labeling.models import Adapter, HoldoutPrediction, Judgment
from labeling.queries.slices import in_slice


@dataclass(frozen=True)
class Wanted:
    """Which of the pairs that an adapter was measured on. What is empty or None does not matter.

    People gave the label `said` (a key) and the adapter `judged`; `right`: whether the two are one. Its confidence is
    above `least` and at most `most`. They are in `value` of the slice `slice`. `beside` is another adapter, measured
    on the pair, too: `beside_right` says whether that one is right, `differ` whether the two give different labels.
    """

    said: str = ""
    judged: str = ""
    right: bool | None = None
    least: float | None = None
    most: float | None = None
    slice: str = ""
    value: str = ""
    beside: Adapter | None = None
    beside_right: bool | None = None
    differ: bool | None = None


def holdout_pairs(adapter: Adapter, wanted: Wanted) -> QuerySet[HoldoutPrediction]:
    """Return what an adapter said of such pairs, the surest first, with what to show of each pair.

    Where another adapter is named, `beside_judged` is the id of its label and `beside_confidence` how sure it was.
    ValueError for a slice, or a value of one, that there is not.
    """
    found = HoldoutPrediction.objects.filter(adapter=adapter)
    if wanted.said:
        found = found.filter(label__key=wanted.said)
    if wanted.judged:
        found = found.filter(judged__key=wanted.judged)
    if wanted.right is not None:
        found = found.filter(judged=F("label")) if wanted.right else found.exclude(judged=F("label"))
    if wanted.least is not None and wanted.least > 0:
        found = found.filter(confidence__gt=wanted.least)
    if wanted.most is not None:
        found = found.filter(confidence__lte=wanted.most)
    if wanted.slice == "stream":
        raise ValueError("There is no slice 'stream' of the holdout: all of it is of the random stream.")
    if wanted.slice:
        found = found.filter(in_slice(wanted.slice, wanted.value))
    if wanted.beside is not None:
        found = _beside(found, wanted.beside, wanted)
    joined = ("label", "judged", "pair__query", "pair__product__revision", "pair__consensus__label")
    return found.select_related(*joined).order_by("-confidence", "pair_id")


def _beside(found: QuerySet[HoldoutPrediction], beside: Adapter, wanted: Wanted) -> QuerySet[HoldoutPrediction]:
    other = HoldoutPrediction.objects.filter(adapter=beside, pair=OuterRef("pair"))
    found = found.annotate(
        beside_judged=Subquery(other.values("judged")),
        beside_confidence=Subquery(other.values("confidence"), output_field=FloatField()),
    ).filter(beside_judged__isnull=False)
    if wanted.beside_right is not None:
        same = {"beside_judged": F("label")}
        found = found.filter(**same) if wanted.beside_right else found.exclude(**same)
    if wanted.differ is not None:
        same = {"beside_judged": F("judged")}
        found = found.exclude(**same) if wanted.differ else found.filter(**same)
    return found


@dataclass(frozen=True)
class Both:
    """What two adapters said of the pairs that both were measured on: ids of queries and labels, each (n,)."""

    queries: NDArray[np.int64]
    people: NDArray[np.int64]
    one: NDArray[np.int64]
    other: NDArray[np.int64]


def said_by_both(one: Adapter, other: Adapter) -> Both:
    """Return what two adapters said of the pairs that both were measured on."""
    found = _beside(HoldoutPrediction.objects.filter(adapter=one), other, Wanted())
    rows: QuerySet[Any, Any] = found.order_by()
    said = list(rows.values_list("pair__query", "label", "judged", "beside_judged"))
    return Both(*np.array(said, dtype=np.int64).reshape(-1, 4).T)


def judgments_of(pairs: list[int]) -> dict[int, list[Judgment]]:
    """Return people's live judgments of some pairs, the oldest of each pair first."""
    rows = Judgment.objects.filter(pair__in=pairs, retired_at__isnull=True)
    found: dict[int, list[Judgment]] = {pair: [] for pair in pairs}
    joined = ("annotator", "label", "guideline__project", "revision")
    for judgment in rows.select_related(*joined).order_by("created_at", "pk"):
        found[judgment.pair_id].append(judgment)
    return found
