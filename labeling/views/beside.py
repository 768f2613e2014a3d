"""Two adapters side by side: how they measured on the same pairs, what was different about their making, and
the pairs on which they differ, with what people said."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.models import Adapter, Label, Membership, Role
from labeling.queries.holdout_pairs import Both, Wanted, holdout_pairs, said_by_both
from labeling.queries.projects import labels_of
from labeling.views.adapter_tables import number_of, people_alpha, state_of
from labeling.views.adapters import found_adapter
from labeling.views.frame import project_page
from labeling.views.holdout_pairs import holdout_url, pair_rows
from labeling.views.making import facts
from labeling.views.tables import Column, Kind, Row, Table, csv_response, table_context
from modeling.estimates import Estimate, clustered_share
from modeling.evaluation.comparison import Comparison, compare

SHOWN = 10  # pairs on which they differ; all of them are on a page of their own
UNLIKE = ("seed",)  # settings that are never shown as a difference


@require_safe
@for_roles(Role.LEAD)
def choose(request: HttpRequest, member: Membership) -> HttpResponse:
    """Lead to the page of the two adapters that were chosen."""
    one, other = request.GET.get("one", ""), request.GET.get("other", "")
    if not (one.isdecimal() and other.isdecimal() and len(one) < 10 and len(other) < 10):
        return HttpResponseBadRequest("one and other are numbers of adapters.", "text/plain")
    return redirect("adapters-beside", slug=member.project.slug, number=int(one), other=int(other))


@require_safe
@for_roles(Role.LEAD)
def beside(request: HttpRequest, member: Membership, number: int, other: int) -> HttpResponseBase:
    """Show two adapters side by side; with `as=csv` send how they measured at each label on the same pairs."""
    one, second = found_adapter(member.project, number), found_adapter(member.project, other)
    labels = labels_of(member.project)
    both = said_by_both(one, second)
    by_label = label_table(one, second, labels, both)
    if request.GET.get("as") == "csv":
        return csv_response(by_label, f"{member.project.slug}-{one.name}-{second.name}.csv")
    differing = holdout_pairs(one, Wanted(beside=second, differ=True))
    crumbs = [
        {"text": "Adapters", "url": reverse("adapters", args=[member.project.slug])},
        {"text": f"{one.name} and {second.name}", "url": ""},
    ]
    context: dict[str, Any] = {
        "crumbs": crumbs,
        "one": one,
        "other": second,
        "states": [state_of(one), state_of(second)],
        "common": len(both.people),
        "difference": difference(both).difference.to_dict(),
        "measures": table_context(measures_table(one, second)),
        "by_label": table_context(by_label),
        "counts": counts(one, second, both),
        "unlike": unlike(one, second),
        "rows": pair_rows(one, list(differing[:SHOWN]), labels, second),
        "differ": {"n": int((both.one != both.other).sum()), "href": holdout_url(one, beside=other, differ=True)},
    }
    return project_page(request, member, "adapters/beside.html", "adapters", context)


def difference(both: Both) -> Comparison:
    """Return how much more often the one is right than the other, as a promotion would be decided."""
    return compare(both.people, both.one, both.other, both.queries)


def measures_table(one: Adapter, other: Adapter) -> Table:
    """Return how each measured when it was measured last, each on its own holdout."""
    rows = [
        (says, *(number_of(adapter, name) for adapter in (one, other)))
        for says, name in (
            ("Accuracy", "accuracy"),
            ("Alpha against people", "alpha"),
            ("Macro F1", "macro_f1"),
            ("Calibration error", "ece"),
        )
    ]
    rows.insert(2, ("People's own alpha", people_alpha(one), people_alpha(other)))
    columns = (
        Column("Measure", "measure"),
        *(Column(adapter.name, adapter.name, Kind.ESTIMATE) for adapter in (one, other)),
    )
    return Table("When each was measured last", columns, tuple(Row(row) for row in rows))


def label_table(one: Adapter, other: Adapter, labels: Sequence[Label], both: Both) -> Table:
    """Return how often each is right, on the same pairs, by the label that people gave; the first row is of all."""
    columns = (
        Column("People said", "label by people"),
        Column(one.name, f"{one.name} is right", Kind.ESTIMATE, "share"),
        Column(other.name, f"{other.name} is right", Kind.ESTIMATE, "share"),
        Column("Difference", "difference", Kind.DIFFERENCE, "share"),
        Column("Pairs", "pairs", Kind.COUNT),
    )
    parts = [("Any label", "", np.ones(len(both.people), bool))]
    parts += [(label.name, label.key, both.people == label.pk) for label in labels]
    return Table(
        "On the same pairs, by the label that people gave",
        columns,
        tuple(
            _label_row(one, other, says, key, Both(*(column[part] for column in _columns(both))))
            for says, key, part in parts
            if part.any()
        ),
    )


def _columns(both: Both) -> tuple[Any, ...]:
    return both.queries, both.people, both.one, both.other


def _label_row(one: Adapter, other: Adapter, says: str, key: str, part: Both) -> Row:
    shares = [_right(part, said).to_dict() for said in (part.one, part.other)]
    gained = difference(part).difference.to_dict()
    links = {
        f"{one.name} is right": holdout_url(one, said=key, beside=other.number, right=True),
        f"{other.name} is right": holdout_url(one, said=key, beside=other.number, beside_right=True),
        "difference": holdout_url(one, said=key, beside=other.number, differ=True),
        "pairs": holdout_url(one, said=key, beside=other.number),
    }
    return Row((says, *shares, gained, len(part.people)), links, wanting=(gained["high"] or 0) < 0)


def _right(part: Both, said: Any) -> Estimate:
    return clustered_share(said == part.people, np.ones(len(said)), part.queries, seed=0)


def counts(one: Adapter, other: Adapter, both: Both) -> list[dict[str, Any]]:
    """Return how often both are right, one of them is, or none, each with the address of its pairs."""
    first, second = both.one == both.people, both.other == both.people
    same = both.one == both.other

    def row(says: str, chosen: Any, **wanted: Any) -> dict[str, Any]:
        return {"says": says, "n": int(chosen.sum()), "href": holdout_url(one, beside=other.number, **wanted)}

    return [
        row("Both are right", first & second, right=True, beside_right=True),
        row(f"Only {one.name} is right", first & ~second, right=True, beside_right=False),
        row(f"Only {other.name} is right", ~first & second, right=False, beside_right=True),
        row("Both are wrong in the same way", ~first & same, right=False, differ=False),
        row("Both are wrong, each in its own", ~first & ~second & ~same, right=False, beside_right=False, differ=True),
    ]


def unlike(one: Adapter, other: Adapter) -> list[dict[str, Any]]:
    """Return what was different about their making: settings, and what they learned from."""
    sides = [
        {"labels learned from": adapter.labels_seen, **_provenance(adapter), **_spec(adapter)}
        for adapter in (one, other)
    ]
    names = dict.fromkeys([*sides[0], *sides[1]])
    return [
        {"name": name, "values": [side.get(name, "none") for side in sides]}
        for name in names
        if sides[0].get(name) != sides[1].get(name)
    ]


def _provenance(adapter: Adapter) -> dict[str, Any]:
    found = adapter.manifest.get("provenance") or {}
    return {"version of the guideline": found["guideline"]} if "guideline" in found else {}


def _spec(adapter: Adapter) -> dict[str, Any]:
    found = {name: value for name, value in (adapter.manifest.get("spec") or {}).items() if name not in UNLIKE}
    return {str(row["name"]): row["value"] for row in facts(found)}
