"""The holdout pairs behind a number of an adapter: what people said of each, and what it said, how surely."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.exchange.marking import words_of
from labeling.forms.holdout_pairs import HoldoutForm
from labeling.models import Adapter, HoldoutPrediction, Label, Membership, Pair, Project, Role
from labeling.queries.adapters import adapters_of
from labeling.queries.holdout_pairs import Wanted, holdout_pairs, judgments_of
from labeling.queries.projects import labels_of
from labeling.queries.slices import ATTRIBUTE
from labeling.views.behind import SLICES
from labeling.views.frame import project_page
from labeling.views.product import language_of, product_context
from labeling.views.tables import csv_file, harmless
from labeling.views.walks import walked_by, walks_context

SHOWN = 20
READ = 500  # rows of a file that are read at a time
AS_PEOPLE = {True: "what people said", False: "something else than people"}
COLUMNS = ("pair_id", "query", "locale", "product_id", "title", "label by people", "label", "confidence")


@require_safe
@for_roles(Role.LEAD)
def adapter_pairs(request: HttpRequest, member: Membership, number: int) -> HttpResponseBase:
    """Show the holdout pairs behind a number of an adapter, some at a time; with `as=csv` send all of them."""
    adapter = get_object_or_404(adapters_of(member.project), number=number)
    adapter.project = member.project
    labels = labels_of(member.project)
    form = HoldoutForm(adapter, labels, request.GET)
    if not form.is_valid():
        return _page(request, member, adapter, {"problem": form.problem()}, 400)
    wanted = form.wanted()
    try:
        found = holdout_pairs(adapter, wanted)
    except ValueError as error:
        return _page(request, member, adapter, {"problem": str(error)}, 400)
    if request.GET.get("as") == "csv":
        name = f"{member.project.slug}-{adapter.name}-pairs.csv"
        return csv_file(_csv_rows(found, labels, wanted.beside), name)
    page = Paginator(found, SHOWN).get_page(request.GET.get("page"))
    rest = request.GET.copy()
    rest.pop("page", None)
    context = {
        "page": page,
        "rest": f"{rest.urlencode()}&" if rest else "",
        "clauses": in_words(adapter, wanted, {label.key: label.name for label in labels}),
        "rows": pair_rows(adapter, list(page), labels, wanted.beside),
        "csv_url": f"?{urlencode([*((name, rest[name]) for name in rest), ('as', 'csv')])}",
    }
    return _page(request, member, adapter, context)


def holdout_url(adapter: Adapter, **wanted: Any) -> str:
    """Return the address of the holdout pairs behind a number, from those fields of a Wanted that matter.

    Another adapter is named by its number.
    """
    said = {name: int(value) if isinstance(value, bool) else value for name, value in wanted.items()}
    said = {name: value for name, value in said.items() if value not in (None, "")}
    address = reverse("adapter-pairs", args=[adapter.project.slug, adapter.number])
    return f"{address}?{urlencode(said)}" if said else address


def in_words(adapter: Adapter, wanted: Wanted, names: Mapping[str, str]) -> list[str]:
    """Return what such pairs have to be, clause by clause. `names` are the labels' by their keys."""
    clauses = []
    if wanted.said:
        clauses.append(f"people said {names[wanted.said]}")
    if wanted.judged:
        clauses.append(f"{adapter.name} says {names[wanted.judged]}")
    if wanted.right is not None:
        clauses.append(f"{adapter.name} says {AS_PEOPLE[wanted.right]}")
    if wanted.least is not None:
        clauses.append(f"its confidence is above {wanted.least:.2f}")
    if wanted.most is not None:
        clauses.append(f"its confidence is at most {wanted.most:.2f}")
    if wanted.slice:
        clauses.append(f"{SLICES.get(wanted.slice, wanted.slice.removeprefix(ATTRIBUTE))}: {wanted.value}")
    if wanted.beside is not None:
        clauses += _of_two(adapter, wanted, wanted.beside)
    return clauses


def _of_two(adapter: Adapter, wanted: Wanted, beside: Adapter) -> list[str]:
    clauses = []
    if wanted.beside_right is not None:
        clauses.append(f"{beside.name} says {AS_PEOPLE[wanted.beside_right]}")
    if wanted.differ is not None:
        clauses.append(f"{adapter.name} and {beside.name} {'differ' if wanted.differ else 'say the same'}")
    return clauses or [f"{beside.name} was measured on them, too"]


def pair_rows(
    adapter: Adapter, found: Sequence[HoldoutPrediction], labels: Sequence[Label], beside: Adapter | None = None
) -> list[dict[str, Any]]:
    """Return what adapters/pair.html shows of holdout pairs: what people said, what was predicted, and the pair."""
    rows = shown_pairs(adapter.project, [(one.pair, one.label) for one in found])
    by_id = {label.pk: label for label in labels}
    for row, one in zip(rows, found, strict=True):
        row["said"] = [_predicted(adapter, one.judged, one.confidence, one.label)]
        row["said"] += [_beside(beside, by_id, one)] if beside else []
        row["chances"] = [
            {"label": label, "share": share} for label, share in zip(labels, one.probabilities, strict=False)
        ]
    return rows


def shown_pairs(project: Project, labeled: Sequence[tuple[Pair, Label]]) -> list[dict[str, Any]]:
    """Return what adapters/pair.html shows of pairs with the label that people gave, and of what stands now."""
    judgments = judgments_of([pair.pk for pair, _ in labeled])
    rows = []
    for pair, label in labeled:
        said = judgments[pair.pk]
        if said:
            pair.product.revision = said[-1].revision  # the text that was judged
        consensus = getattr(pair, "consensus", None)
        now = consensus.label if consensus else None
        rows.append(
            {
                "pair": pair,
                "query_lang": language_of(pair.query.locale),
                # Pictures are told apart by it, and a product may stand here with several queries.
                "product": product_context(pair.product, words_of(pair.query.text)) | {"revision": pair.pk},
                "people": label,
                "since": now if now and now != label else None,
                "walks": walks_context(project, [walked_by(judgment) for judgment in said]),
            }
        )
    return rows


def _predicted(adapter: Adapter, label: Label, confidence: float, people: Label) -> dict[str, Any]:
    return {"adapter": adapter, "label": label, "confidence": confidence, "right": label == people}


def _beside(beside: Adapter, labels: Mapping[int, Label], one: Any) -> dict[str, Any]:
    return _predicted(beside, labels[one.beside_judged], one.beside_confidence, one.label)


def _csv_rows(
    found: QuerySet[HoldoutPrediction], labels: Sequence[Label], beside: Adapter | None
) -> Iterator[list[object]]:
    """Yield all the pairs, a row for each."""
    by_id = {label.pk: label.key for label in labels}
    other = [f"label by {beside.name}", f"confidence of {beside.name}"] if beside else []
    chances = [f"probability of {label.key}" for label in labels]
    yield [*COLUMNS, *chances, *other]
    for one in found.iterator(chunk_size=READ):
        pair = one.pair
        title = pair.product.revision.title if pair.product.revision else ""
        row: list[object] = [pair.pk, pair.query.text, pair.query.locale, pair.product.external_id, title]
        row += [one.label.key, one.judged.key, round(one.confidence, 6), *(round(p, 6) for p in one.probabilities)]
        if beside:
            row += [by_id[one.beside_judged], round(one.beside_confidence, 6)]  # type: ignore[attr-defined]
        yield [harmless(cell) if isinstance(cell, str) else cell for cell in row]


def _page(
    request: HttpRequest, member: Membership, adapter: Adapter, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    slug = member.project.slug
    crumbs = [
        {"text": "Adapters", "url": reverse("adapters", args=[slug])},
        {"text": adapter.name, "url": reverse("adapter", args=[slug, adapter.number])},
        {"text": "Pairs", "url": ""},
    ]
    return project_page(
        request, member, "adapters/pairs.html", "adapters", {"crumbs": crumbs, "adapter": adapter} | context, status
    )
