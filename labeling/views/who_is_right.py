"""Who is right: how each person errs, by label and by question, and how each way to make one label of several does."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.error_models import current_errors
from labeling.actions.jobs import enqueue_job
from labeling.actions.judgments import tree_of
from labeling.models import ErrorModel, Job, Label, Membership, Project, Role, User
from labeling.queries.projects import labels_of, published_guideline
from labeling.views.behind import pairs_url
from labeling.views.desk import as_read
from labeling.views.frame import project_page
from modeling.estimates import wilson_interval

NOBODY = {"name": "somebody who is gone", "url": ""}
ENOUGH = 10  # of what a share is told for
METHODS = {"majority": "Majority", "dawid_skene": "Dawid-Skene"}
KNOWN = {"ruled": "Pairs that an expert ruled", "gold": "Gold pairs, answered unseen"}


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def who_is_right(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: what the last fit says of people and methods. POST: measure anew."""
    project = member.project
    if request.method == "POST":
        enqueue_job(project, Job.Kind.MEASURE, member.user)
        return redirect("who-is-right", slug=project.slug)
    found = current_errors(project)
    job = project.jobs.filter(kind=Job.Kind.MEASURE, state__in=(Job.State.QUEUED, Job.State.RUNNING)).first()
    context: dict[str, Any] = {
        "found": found,
        "job": job,
        "crumbs": [
            {"text": "Agreement", "url": reverse("agreement", args=[project.slug])},
            {"text": "Who is right", "url": ""},
        ],
    }
    if found is not None:
        context |= _of(project, found)
    return project_page(request, member, "agreement/who.html", "agreement", context)


def _of(project: Project, found: ErrorModel) -> dict[str, Any]:
    """Return what the page says of a fit."""
    report = found.report
    labels = _labels(project, found)
    people = _people(project, [row["person"] for row in report.get("persons", ())])
    return {
        "methods": [_method_row(row) for row in report.get("methods", ())],
        "method_names": list(METHODS.values()),
        "labels": labels,
        "persons": [_person_row(row, labels, people) for row in report.get("persons", ())],
        "everybody": _everybody(report.get("persons", ()), labels),
        "questions": _by_question(project, report.get("questions", ()), people),
        "pairs": report.get("pairs", 0),
        "converged": report.get("converged", True),
    }


def _method_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "of": KNOWN[row["of"]],
        "pairs": row["pairs"],
        "ties": row["ties"],
        "cells": [_share(row["right"][name]) for name in METHODS],
    }


def _share(estimate: Mapping[str, Any], worse_than: float | None = None, href: str = "") -> dict[str, Any]:
    """Return a share with its interval and n; without enough of them, how many more it takes.

    `wanting` says that the whole interval is above `worse_than`.
    """
    n = estimate["n"]
    if estimate["value"] is None or n < ENOUGH:
        return {"value": None, "n": n, "missing": ENOUGH - n}
    wanting = worse_than is not None and estimate["low"] is not None and estimate["low"] > worse_than
    return {**estimate, "wanting": wanting, "href": href if estimate["value"] else ""}


def _labels(project: Project, found: ErrorModel) -> list[Label]:
    """Return the labels of a fit in its order."""
    known = {label.pk: label for label in labels_of(project)}
    return [known[pk] for pk in found.labels if pk in known]


def _people(project: Project, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the name of each person, and the page of those who still take part."""
    pages = {
        user_id: reverse("person", args=[project.slug, pk])
        for pk, user_id in project.memberships.filter(user__in=ids).values_list("pk", "user")
    }
    names = User.objects.filter(pk__in=ids).values_list("pk", "username")
    return {pk: {"name": name, "url": pages.get(pk, "")} for pk, name in names}


def _everybody(persons: Sequence[Mapping[str, Any]], labels: Sequence[Label]) -> list[dict[str, Any]]:
    """Return how often all together gave each label, by the true one, as shares of the true one's row."""
    rows = []
    for place, label in enumerate(labels):
        counts = [sum(person["counts"][place][given] for person in persons) for given in range(len(labels))]
        rows.append({"label": label, "n": round(sum(counts)), "shares": _shares(counts, place)})
    return rows


def _shares(counts: Sequence[float], right: int) -> list[dict[str, Any]]:
    total = sum(counts)
    return [
        {"share": count / total if round(total) >= ENOUGH else None, "right": given == right}
        for given, count in enumerate(counts)
    ]


def _person_row(
    row: Mapping[str, Any], labels: Sequence[Label], people: Mapping[int, Mapping[str, str]]
) -> dict[str, Any]:
    return {
        "person": people.get(row["person"], NOBODY),
        "error": _share(row["error"]),
        "cells": [
            _share(one["error"]) | {"instead": labels[one["instead"]] if one["instead"] is not None else None}
            for one in row["labels"]
        ],
        "confusion": [
            {"label": label, "n": round(sum(counts)), "shares": _shares(counts, place)}
            for place, (label, counts) in enumerate(zip(labels, row["counts"], strict=True))
        ],
    }


def _by_question(
    project: Project, rows: Sequence[Mapping[str, Any]], people: Mapping[int, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Return each question, in the guideline's order, with everybody's errors there and each person's, most first."""
    asks = {one.id: one.ask for one in as_read(tree_of(project, published_guideline(project))).questions.values()}
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["question"], {})[row["person"]] = row["error"]
    table = []
    for question in sorted(found, key=lambda one: list(asks).index(one) if one in asks else len(asks)):
        together = _together(found[question].values())
        cells = [
            {"person": people.get(person, NOBODY)}
            | _share(error, together["value"], _apart(project, question, person) if person in people else "")
            for person, error in found[question].items()
        ]
        cells.sort(key=lambda cell: (cell["value"] is None, -(cell["value"] or 0), cell["person"]["name"]))
        worse = [cell for cell in cells if cell.get("wanting")]
        share = _share(together)
        table.append({"id": question, "ask": asks.get(question, ""), "share": share, "cells": cells, "worse": worse})
    return table


def _apart(project: Project, question: str, person: int) -> str:
    return pairs_url(project, question=question, person=person, differ=True)


def _together(errors: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    counted = [(error["value"] * error["n"], error["n"]) for error in errors if error["value"] is not None]
    total = sum(n for _, n in counted)
    return wilson_interval(min(sum(wrong for wrong, _ in counted), total), total).to_dict()
