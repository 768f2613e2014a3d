"""Trying a draft of the guideline out, on a pair of the pool or on one that is typed."""

import secrets
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.judgments import tree_of
from labeling.exchange.marking import words_of
from labeling.forms.workshop import SamplePairForm, TryForm
from labeling.guidelines.parse import GuidelineError
from labeling.guidelines.tree import Guideline, LabelLeaf, Question, SkipLeaf
from labeling.guidelines.walk import Path, PathError, format_path, open_beginning, parse_path, walk
from labeling.models import Membership, Pair, Product, ProductRevision, Project, Role
from labeling.queries.guidelines import draft_of
from labeling.queries.pairs import any_pair
from labeling.queries.projects import labels_of
from labeling.views.desk import pair_context, unstored_walk_context
from labeling.views.frame import project_page
from labeling.views.product import product_context
from labeling.views.walks import steps_of

# What a project without pairs is tried on.
SAMPLE = ("steel water bottle 24 oz", "Insulated stainless steel water bottle, 24 oz")


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def try_out(request: HttpRequest, member: Membership) -> HttpResponse:
    """Walk through the draft with a pair of the pool or one that is typed; nothing is stored."""
    found = draft_of(member.project)
    if found is None:
        return redirect("draft", slug=member.project.slug)
    try:
        tree = tree_of(member.project, found)
    except GuidelineError as error:
        context = {"draft": found, "problems": error.problems}
        return project_page(request, member, "workshop/untried.html", "guideline", context)
    form = TryForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(str(form.errors), "text/plain")
    context = {"draft": found} | _sample(request, member.project) | _tried(member.project, tree, form.cleaned_data)
    template = "workshop/trying.html" if request.htmx else "workshop/try.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "guideline", context)


def pair_of(project: Project, number: str | int) -> Pair:
    """Return a pair of the project with its texts by its number. Raises Http404."""
    form = SamplePairForm({"pair": number})
    pairs = Pair.objects.filter(project=project).select_related("query", "product__revision")
    pair = pairs.filter(pk=form.cleaned_data["pair"]).first() if form.is_valid() else None
    if pair is None:
        raise Http404("No such pair.")
    return pair


def _sample(request: HttpRequest, project: Project) -> dict[str, Any]:
    """Return the pair that is asked for, or some pair of the pool, or one that is made up where it is empty."""
    form = SamplePairForm(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    if chosen.get("query") or chosen.get("product"):
        return _typed(chosen["query"], chosen["product"])
    pair = pair_of(project, chosen["pair"]) if chosen.get("pair") else any_pair(project, secrets.randbits(32))
    if pair is None:
        return _typed(*SAMPLE)
    return pair_context(pair) | {"again": f"?{urlencode({'pair': pair.pk})}", "typed": SamplePairForm()}


def _typed(query: str, title: str) -> dict[str, Any]:
    product = Product(external_id="", locale="", revision=ProductRevision(title=title))
    typed = {"query": query, "product": title}
    return {
        "query": {"text": query, "locale": ""},
        "product": product_context(product, words_of(query)),
        "again": f"?{urlencode(typed)}",
        "typed": SamplePairForm(initial=typed),
    }


def _tried(project: Project, tree: Guideline, given: dict[str, str]) -> dict[str, Any]:
    """Return the next question of a walk, or where it has ended."""
    path = _path_within(tree, ",".join(filter(None, (given["path"], given["answer"]))))
    end: object = SkipLeaf(given["reason"]) if given["reason"] in tree.skips else walk(tree, path)
    if isinstance(end, Question):
        return unstored_walk_context(tree, path)
    labels = {label.key: label for label in labels_of(project)}
    ended: dict[str, Any] = {"steps": steps_of(tree, path)}
    if isinstance(end, LabelLeaf):
        ended["label"] = labels[end.label]
    elif isinstance(end, SkipLeaf):
        ended["skip"] = tree.skips[end.reason]
    return {"walks": [ended], "path": format_path(path)}


def _path_within(tree: Guideline, text: str) -> Path:
    """Return the path as far as it fits the draft, which may have changed since the last step."""
    try:
        path = parse_path(text)
        walk(tree, path)
    except PathError:
        try:
            return open_beginning(tree, parse_path(text))
        except PathError:
            return ()
    return path
