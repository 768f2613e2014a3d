"""Gold pairs: which there are, how people do on them, and choosing more."""

import secrets
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.gold import Source, add_gold, draw_gold, restore_gold, retire_gold
from labeling.actions.judgments import tree_of
from labeling.forms.gold import DrawGoldForm, GoldForm
from labeling.guidelines.tree import LabelLeaf
from labeling.guidelines.walk import format_path, whole_paths
from labeling.models import GoldPair, Membership, Pair, Project, Role
from labeling.queries.gold import gold_results, gold_standings, retired_gold
from labeling.queries.gold_candidates import search_pairs
from labeling.queries.projects import labels_of, published_guideline
from labeling.queries.qualification import trainees
from labeling.views.desk import pair_context
from labeling.views.frame import project_page
from labeling.views.numbers import stat

SHOWN = 50
ALONE = {"retire": retire_gold, "restore": restore_gold}


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def gold(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: the gold pairs and how people do on them. POST: draw some, add one, retire or restore one."""
    if request.method != "POST":
        return _page(request, member)
    what = request.POST.get("do", "")
    if what == "draw":
        return _draw(request, member)
    if what == "add":
        return _add(request, member)
    if what in ALONE:
        return _retire_or_restore(request, member, what)
    return HttpResponseBadRequest(f"do is one of draw, add, {', '.join(ALONE)}.", "text/plain")


def _draw(request: HttpRequest, member: Membership) -> HttpResponse:
    form = DrawGoldForm(request.POST)
    if not form.is_valid():
        return _page(request, member, draw=form)
    source, use = Source(form.cleaned_data["source"]), GoldPair.Use(form.cleaned_data["use"])
    count = form.cleaned_data["count"]
    try:
        made = draw_gold(member.project, source, count, use, secrets.randbits(32), member.user)
    except ValueError as error:
        form.add_error(None, str(error))
        return _page(request, member, draw=form)
    text = ngettext("%(n)d gold pair is chosen.", "%(n)d gold pairs are chosen.", len(made)) % {"n": len(made)}
    if len(made) < count:
        text += " " + gettext("There were no more whose label is known.")
    messages.success(request, text)
    return redirect("gold", slug=member.project.slug)


def _add(request: HttpRequest, member: Membership) -> HttpResponse:
    form = GoldForm(_answers(member.project), request.POST)
    pair = _pair(member.project, request.POST.get("pair", ""))
    if not form.is_valid():
        return _page(request, member, add=form, pair=pair)
    label, path = form.label_and_path()
    use, why = GoldPair.Use(form.cleaned_data["use"]), form.cleaned_data["why"]
    try:
        add_gold(member.project, pair.pk, label, use, member.user, path, why)
    except ValueError as error:
        form.add_error(None, str(error))
        return _page(request, member, add=form, pair=pair)
    messages.success(request, gettext("The pair is gold now."))
    return redirect("gold", slug=member.project.slug)


def _retire_or_restore(request: HttpRequest, member: Membership, what: str) -> HttpResponse:
    number = request.POST.get("gold", "")
    try:
        ALONE[what](member.project, int(number) if number.isdecimal() else 0, member.user)
    except GoldPair.DoesNotExist as error:
        raise Http404("No such gold pair.") from error
    except ValueError as error:
        messages.error(request, str(error))
    else:
        if what == "retire":
            messages.success(
                request, gettext("The pair is retired. To take that back, restore it at the end of the page.")
            )
        else:
            messages.success(request, gettext("The pair is in use again."))
    return redirect("gold", slug=member.project.slug)


def _page(
    request: HttpRequest,
    member: Membership,
    draw: DrawGoldForm | None = None,
    add: GoldForm | None = None,
    pair: Pair | None = None,
) -> HttpResponse:
    project = member.project
    search = request.GET.get("q", "").strip()[:200]
    if pair is None and "pair" in request.GET:
        pair = _pair(project, request.GET["pair"])
    if pair is not None and add is None:
        add = GoldForm(_answers(project), initial={"pair": pair.pk})
    standings = gold_standings(project)
    labels = {label.pk: label for label in labels_of(project)}
    rows = [{"standing": one, "gold": one.gold, "mostly": labels.get(one.mostly or 0)} for one in standings]
    context: dict[str, Any] = {
        "page": Paginator(rows, SHOWN).get_page(request.GET.get("page")),
        "for_training": sum(one.gold.use == GoldPair.Use.TRAINING for one in standings),
        "for_checks": sum(one.gold.use == GoldPair.Use.CHECK for one in standings),
        "doubtful": sum(one.doubtful for one in standings),
        "retired": list(retired_gold(project)[:SHOWN]),
        "people": _people(project),
        "draw": draw or DrawGoldForm(),
        "add": add,
        "search": search,
        "found": search_pairs(project, search, 20) if search else [],
    }
    if pair is not None:
        context |= {"chosen": pair_context(pair)}
    status = 400 if (draw is not None and draw.errors) or (add is not None and add.errors) else 200
    return project_page(request, member, "gold/page.html", "gold", context, status)


def _people(project: Project) -> list[dict[str, Any]]:
    """Return how everybody who judges did in training, and how they do on gold pairs."""
    results = gold_results(project)
    return [
        {
            "member": trainee.member,
            "name": trainee.member.user.get_username(),
            "attempts": trainee.attempts,
            "pairs": trainee.pairs,
            "gold": stat(results.get(trainee.member.user_id)),
        }
        for trainee in trainees(project)
        if trainee.member.role != Role.AUDITOR
    ]


def _pair(project: Project, number: str) -> Pair:
    found = Pair.objects.select_related("query", "product__revision").filter(project=project)
    pair = found.filter(pk=int(number[:18])).first() if number.isdecimal() else None
    if pair is None:
        raise Http404("No such pair.")
    return pair


def _answers(project: Project) -> list[Any]:
    """Return what a gold pair's answer can be: each label, and each walk to it."""
    tree = tree_of(project, published_guideline(project))
    ways: dict[str, list[tuple[str, str]]] = {}
    for path, leaf in whole_paths(tree):
        if isinstance(leaf, LabelLeaf):
            text = " › ".join(f"{step}: {key}" for step, key in path)
            ways.setdefault(leaf.label, []).append((f"{leaf.label} {format_path(path)}", text))
    return [
        (label.name, [(label.key, gettext("%(label)s, by any way") % {"label": label.name}), *ways.get(label.key, [])])
        for label in labels_of(project)
    ]
