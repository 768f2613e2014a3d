"""The pairs behind a count of labels: those that an adapter learned from, and those that the next one would."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.forms.learned_pairs import LearnedForm
from labeling.models import Adapter, Label, Membership, Pair, Project, Role, Split
from labeling.queries.adapters import adapters_of
from labeling.queries.class_shares import class_shares
from labeling.queries.learned_pairs import pairs_learned, pairs_to_learn
from labeling.views.frame import project_page
from labeling.views.holdout_pairs import shown_pairs
from labeling.views.tables import csv_file, harmless

SHOWN = 20
READ = 500  # rows of a file that are read at a time
COLUMNS = ("pair_id", "query", "locale", "product_id", "title", "label", "split")
USES = {Split.TRAIN: "to learn from", Split.CALIBRATION: "to calibrate on", Split.HOLDOUT: "to be measured on"}


def to_learn_url(project: Project, split: str, label: str) -> str:
    """Return the address of the pairs of a split with a label (a key) that a training would get now."""
    return reverse("train-pairs", args=[project.slug]) + f"?{urlencode({'split': split, 'label': label})}"


def learned_url(adapter: Adapter, split: str, label: str) -> str:
    """Return the address of the pairs of a split that an adapter was trained or calibrated on with a label (a key)."""
    address = reverse("adapter-learned", args=[adapter.project.slug, adapter.number])
    return f"{address}?{urlencode({'split': split, 'label': label})}"


@require_safe
@for_roles(Role.LEAD)
def train_pairs(request: HttpRequest, member: Membership) -> HttpResponseBase:
    """Show the pairs of a split with a label that a training would get now; with `as=csv` send all of them."""
    slug = member.project.slug
    crumbs = [{"text": "Train", "url": reverse("train", args=[slug])}]
    form = LearnedForm(member.project, request.GET)
    if not form.is_valid():
        return _page(request, member, crumbs, {"problem": True}, 400)
    split, label = form.cleaned_data["split"], form.cleaned_data["label"]
    count = class_shares(member.project).count(split, label.pk)
    return _list(request, member, crumbs, pairs_to_learn(member.project, split, label), split, label, count)


@require_safe
@for_roles(Role.LEAD)
def adapter_learned(request: HttpRequest, member: Membership, number: int) -> HttpResponseBase:
    """Show the pairs of a split that an adapter was trained or calibrated on with a label; `as=csv` sends them all."""
    adapter = get_object_or_404(adapters_of(member.project), number=number)
    crumbs = [{"text": adapter.name, "url": reverse("adapter", args=[member.project.slug, number])}]
    form = LearnedForm(member.project, request.GET)
    if not form.is_valid():
        return _page(request, member, crumbs, {"problem": True}, 400)
    split, label = form.cleaned_data["split"], form.cleaned_data["label"]
    return _list(request, member, crumbs, pairs_learned(adapter, split, label), split, label)


def _list(
    request: HttpRequest,
    member: Membership,
    crumbs: list[dict[str, str]],
    pairs: QuerySet[Pair],
    split: str,
    label: Label,
    count: int | None = None,
) -> HttpResponseBase:
    """Show a page of the pairs; `count` says how many there are, where that is known already."""
    if request.GET.get("as") == "csv":
        return csv_file(_csv_rows(pairs, split, label), f"{member.project.slug}-{split}-{label.key}.csv")
    pages = Paginator(pairs, SHOWN)
    if count is not None:
        pages.count = count
    page = pages.get_page(request.GET.get("page"))
    rest = urlencode({"split": split, "label": label.key})
    context = {
        "page": page,
        "rest": f"{rest}&",
        "csv_url": f"?{rest}&as=csv",
        "label": label,
        "use": USES[Split(split)],
        "rows": shown_pairs(member.project, [(pair, label) for pair in page]),
    }
    return _page(request, member, crumbs, context)


def _csv_rows(pairs: QuerySet[Pair], split: str, label: Label) -> Iterator[list[object]]:
    yield list(COLUMNS)
    for pair in pairs.iterator(chunk_size=READ):
        title = pair.product.revision.title if pair.product.revision else ""
        row = [pair.pk, pair.query.text, pair.query.locale, pair.product.external_id, title, label.key, split]
        yield [harmless(cell) if isinstance(cell, str) else cell for cell in row]


def _page(
    request: HttpRequest, member: Membership, crumbs: list[dict[str, str]], context: dict[str, Any], status: int = 200
) -> HttpResponseBase:
    adapters = {"text": "Adapters", "url": reverse("adapters", args=[member.project.slug])}
    context["crumbs"] = [adapters, *crumbs, {"text": "Pairs", "url": ""}]
    return project_page(request, member, "adapters/learned.html", "adapters", context, status)
