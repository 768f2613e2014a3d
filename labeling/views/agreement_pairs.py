"""The pairs behind a number of the agreement report, with what people said of each, side by side."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.exchange.marking import words_of
from labeling.forms.agreement_pairs import BehindForm
from labeling.guidelines.parting import parting
from labeling.guidelines.walk import parse_path
from labeling.models import Judgment, Membership, Pair, Project, Role
from labeling.queries.agreement_pairs import (
    COUNTED,
    Found,
    compared_in,
    comparisons_behind,
    count_behind,
    pairs_behind,
    walks_of,
)
from labeling.queries.projects import labels_of
from labeling.views.behind import in_words
from labeling.views.frame import project_page
from labeling.views.product import language_of, product_context
from labeling.views.tables import csv_file, harmless
from labeling.views.walks import walked_by, walks_context

SHOWN = 20
EXPORTED = 500  # pairs that are read at a time
COLUMNS = (
    *("pair_id", "query", "locale", "product_id", "title", "judgment_id", "person", "label", "path", "parted_at"),
    *("guideline_version", "stream", "created_at", "note", "consensus"),
)


@require_safe
@for_roles(Role.LEAD)
def agreement_pairs(request: HttpRequest, member: Membership) -> HttpResponseBase:
    """Show the pairs behind a number, some at a time; with `as=csv` all of them, with `count` how many there are."""
    project = member.project
    people = dict(project.memberships.values_list("user", "user__username"))
    form = BehindForm(walks_of(project), labels_of(project), people, request.GET)
    if not form.is_valid():
        return _page(request, member, {"problem": form.problem()}, 400)
    behind = form.behind()
    try:
        found = comparisons_behind(project, behind)
    except ValueError as error:
        return _page(request, member, {"problem": str(error)}, 400)
    if request.GET.get("as") == "csv":
        return csv_file(_csv_rows(found), f"{project.slug}-pairs.csv")
    context: dict[str, Any] = {"more_than": COUNTED, "counted": count_behind(found) if "count" in request.GET else None}
    if request.htmx and "count" in request.GET:  # type: ignore[attr-defined]
        return project_page(request, member, "agreement/counted.html", "agreement", context)
    context |= {"clauses": in_words(project, behind, people), "csv_url": _address(request, **{"as": "csv"})}
    context |= _listed(request, project, found, form.cleaned_data["after"] or 0, form.cleaned_data["before"])
    return _page(request, member, context)


def _listed(request: HttpRequest, project: Project, found: Found, after: int, before: int | None) -> dict[str, Any]:
    """Return some of the pairs, and the addresses of those before and after them."""
    ids = pairs_behind(found, SHOWN + 1, after, before)
    further = len(ids) > SHOWN
    if further:
        ids = ids[:SHOWN] if before is None else ids[1:]
    earlier, later = (bool(after), further) if before is None else (further, True)
    compared = compared_in(found, ids)
    return {
        "rows": _rows(project, compared),
        "earlier": _address(request, before=ids[0]) if ids and earlier else "",
        "later": _address(request, after=ids[-1]) if ids and later else "",
        "first": _address(request) if after or before is not None else "",
        "here": {"pairs": len(ids), "comparisons": sum(map(len, compared.values()))},
        "whole": not (earlier or later),
        "count_url": _address(request, count=1),
    }


def _address(request: HttpRequest, **changes: object) -> str:
    """Return this address without its place in the list and with some changes."""
    query = request.GET.copy()
    for name in ("after", "before", "as", "count"):
        query.pop(name, None)
    query.update({name: str(value) for name, value in changes.items()})
    return "?" + query.urlencode()


def _rows(project: Project, compared: Mapping[int, Collection[tuple[int, int]]]) -> list[dict[str, Any]]:
    """Return what the page shows of pairs: the judgments that are compared, and what stands."""
    pairs = _pairs(compared)
    judgments = _judgments(compared)
    rows = []
    for pair_id in compared:
        pair, said = pairs[pair_id], judgments[pair_id]
        pair.product.revision = said[-1].revision  # the text that was judged
        rows.append(
            {
                "pair": pair,
                "query_lang": language_of(pair.query.locale),
                # Pictures are told apart by it, and a product may stand here with several queries.
                "product": product_context(pair.product, words_of(pair.query.text)) | {"revision": pair.pk},
                "walks": walks_context(project, [walked_by(judgment) for judgment in said]),
                "consensus": getattr(pair, "consensus", None),
            }
        )
    return rows


def _pairs(ids: Collection[int]) -> dict[int, Pair]:
    return Pair.objects.select_related("query", "product__revision", "consensus__label").in_bulk(list(ids))


def _judgments(compared: Mapping[int, Collection[tuple[int, int]]]) -> dict[int, list[Judgment]]:
    """Return the compared judgments by their pair, the oldest first."""
    ids = {one for comparisons in compared.values() for two in comparisons for one in two}
    rows = Judgment.objects.filter(pk__in=ids).select_related("annotator", "label", "guideline__project", "revision")
    found: dict[int, list[Judgment]] = {pair: [] for pair in compared}
    for judgment in rows.order_by("created_at", "pk"):
        found[judgment.pair_id].append(judgment)
    return found


def _csv_rows(found: Found) -> Iterator[list[object]]:
    """Yield all the pairs, a row for each compared judgment."""
    yield list(COLUMNS)
    ids = pairs_behind(found, EXPORTED)
    while ids:
        compared = compared_in(found, ids)
        pairs, judgments = _pairs(ids), _judgments(compared)
        for pair_id in ids:
            parted = parting([parse_path(judgment.path) for judgment in judgments[pair_id]])
            for judgment in judgments[pair_id]:
                row = _csv_row(pairs[pair_id], judgment, parted.question if parted else "")
                yield [harmless(cell) if isinstance(cell, str) else cell for cell in row]
        ids = pairs_behind(found, EXPORTED, after=ids[-1])


def _csv_row(pair: Pair, judgment: Judgment, parted_at: str) -> list[object]:
    consensus = getattr(pair, "consensus", None)
    return [
        *(pair.pk, pair.query.text, pair.query.locale, pair.product.external_id, judgment.revision.title),
        *(judgment.pk, judgment.annotator.get_username(), judgment.label.key, judgment.path, parted_at),
        *(judgment.guideline.number, judgment.stream, judgment.created_at.isoformat(), judgment.note),
        consensus.label.key if consensus and consensus.label else "",
    ]


def _page(request: HttpRequest, member: Membership, context: dict[str, Any], status: int = 200) -> HttpResponse:
    report = reverse("agreement", args=[member.project.slug])
    crumbs = {"crumbs": [{"text": "Agreement", "url": report}, {"text": "Pairs"}]}
    return project_page(request, member, "agreement/pairs.html", "agreement", crumbs | context, status)
