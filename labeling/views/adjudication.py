"""Adjudication: which pairs are worth a ruling, and the desk at which an expert rules one."""

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from labeling.access import for_roles
from labeling.actions.adjudication import leave_out_pair, rule_pair
from labeling.actions.judgments import tree_of
from labeling.forms.adjudication import RulingForm
from labeling.guidelines.tree import LabelLeaf, Question, SkipLeaf
from labeling.guidelines.walk import PathError, parse_path, walk
from labeling.models import GuidelineVersion, Judgment, Membership, Pair, Project, Role
from labeling.queries.adjudication import (
    by_worth,
    cannot_agree,
    count_by_question,
    disputes_of,
    labels_said,
    next_to_rule,
    ruling_of,
    skips_of,
    walks_to_rule,
)
from labeling.queries.projects import labels_of, published_guideline
from labeling.queries.set_aside import set_aside_of
from labeling.views.desk import as_read, draft_context, pair_context
from labeling.views.frame import project_page
from labeling.views.rulings import just_done, ruling_context
from labeling.views.walks import Walked, walks_context

SHOWN = 50
EXPERTS = (Role.LEAD, Role.AUDITOR)


@require_safe
@for_roles(*EXPERTS)
def adjudication(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show the pairs to rule, those first for which it is worth most; with `at`, those that part at that question."""
    project = member.project
    counts = count_by_question(project)
    asks = _asks(project)
    at = _at(request)
    page = Paginator(by_worth(project, counts, at), SHOWN).get_page(request.GET.get("page"))
    said = labels_said(project, [row.pk for row in page])
    rows = [
        {
            "dispute": one,
            "said": said.get(one.pair_id, []),
            "ask": asks.get(one.consensus.parts_at, one.consensus.parts_at),
            "url": _address(project, one.pair_id, at),
        }
        for one in disputes_of(project, page, counts)
    ]
    context = {
        "page": page,
        "rows": rows,
        "at": at,
        "at_ask": asks.get(at, at),
        "rest": f"{urlencode({'at': at})}&" if at else "",
        "questions": [{"id": key, "ask": asks.get(key, key), "n": n} for key, n in counts.items() if key],
        "total": sum(counts.values()),
        "disputed": cannot_agree(project).count(),
    }
    context |= just_done(request, project)
    return project_page(request, member, "adjudication/page.html", "adjudication", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(*EXPERTS)
def adjudicate(request: HttpRequest, member: Membership, pair_id: int) -> HttpResponse:
    """GET: a pair with what people said of it. POST: the expert's walk, then their reason; the next pair follows."""
    pair = _pair(member.project, pair_id)
    if request.method != "POST":
        return _desk(request, member, pair, published_guideline(member.project), request.GET.get("path", ""))
    form = RulingForm(member.project, request.POST)
    if not form.is_valid():
        return _refuse(form.problem())
    version, path = form.cleaned_data["guideline"], form.whole_path()
    try:
        end = walk(tree_of(member.project, version), parse_path(path))
        if isinstance(end, SkipLeaf):
            return _leave_out(request, member, pair, end.reason, form.cleaned_data["why"])
        if isinstance(end, Question) or not form.cleaned_data["why"]:
            return _desk(request, member, pair, version, path, form, end)
        return _rule(request, member, pair, form)
    except ValueError as error:
        return _refuse(str(error))


@require_POST
@for_roles(*EXPERTS)
def adjudicate_skip(request: HttpRequest, member: Membership, pair_id: int) -> HttpResponse:
    """Leave a pair out of the pool: it cannot be judged, for one of the guideline's reasons."""
    pair = _pair(member.project, pair_id)
    form = RulingForm(member.project, request.POST)
    if not form.is_valid():
        return _refuse(form.problem())
    try:
        return _leave_out(request, member, pair, form.cleaned_data["reason"], form.cleaned_data["note"])
    except ValueError as error:
        return _refuse(str(error))


def _rule(request: HttpRequest, member: Membership, pair: Pair, form: RulingForm) -> HttpResponse:
    project, sent = member.project, form.cleaned_data
    following = _following(request, project, pair)
    key = sent["key"] or uuid.uuid4()
    ruling = rule_pair(
        project, member.user, pair.pk, key, sent["guideline"], form.whole_path(), sent["why"], sent["revision"]
    )
    if ruling.key == key and ruling.retired_at is None:
        return _go(request, f"{following}ruled={ruling.pk}")
    messages.info(request, _("This pair had been ruled before yours came. That ruling stands."))
    return _go(request, _address(project, pair.pk))


def _leave_out(request: HttpRequest, member: Membership, pair: Pair, reason: str, note: str) -> HttpResponse:
    following = _following(request, member.project, pair)
    aside = leave_out_pair(member.project, member.user, pair.pk, reason, note)
    return _go(request, f"{following}aside={aside.pk}")


def _desk(
    request: HttpRequest,
    member: Membership,
    pair: Pair,
    version: GuidelineVersion,
    draft: str = "",
    form: RulingForm | None = None,
    end: Question | LabelLeaf | None = None,
) -> HttpResponse:
    """Show a pair to rule, at the question that `draft` leads to; at the walk's end, the field for the reason."""
    project, at = member.project, _at(request)
    judgments = walks_to_rule(pair.pk)
    ruling = ruling_of(pair.pk).select_related("label", "ruled_by", "pair__query").first()
    counts = count_by_question(project)
    dispute = next(iter(disputes_of(project, by_worth(project, counts).filter(pk=pair.pk), counts)), None)
    following = next_to_rule(project, counts, pair.pk, at)
    reasons = as_read(tree_of(project, published_guideline(project))).skips
    context: dict[str, Any] = {
        "slot": {"key": (form.cleaned_data["key"] if form else None) or uuid.uuid4()},
        "walks": walks_context(project, _walked(judgments, version, pair)),
        "skips": [{"text": reasons.get(reason, reason), "n": n} for reason, n in skips_of(pair.pk).items()],
        "own": any(judgment.annotator_id == member.user_id for judgment in judgments),
        "dispute": dispute,
        "ask": _asks(project).get(dispute.consensus.parts_at, dispute.consensus.parts_at) if dispute else "",
        "ruling": ruling_context(ruling) if ruling else None,
        "aside": set_aside_of(pair.pk).first(),
        "judged": bool(judgments),
        "total": sum(counts.values()),
        "at": at,
        "here": _address(project, pair.pk, at),
        "skip_action": _address(project, pair.pk, at, "adjudicate-skip"),
        "following": _address(project, following, at) if following else "",
        "label": _label_of(project, end),
        "problem": _("Say why first, in a sentence or two.") if form and "why" in form.data else None,
    }
    context |= pair_context(pair) | draft_context(version, _known(draft)) | just_done(request, project)
    if context["label"]:
        context |= {"path": draft, "draft": draft}
    template = "adjudication/desk.html" if request.htmx else "adjudication/desk_page.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "adjudication", context)


def _walked(judgments: Sequence[Judgment], version: GuidelineVersion, pair: Pair) -> list[Walked]:
    """Return the walks under names that say nothing of who walked."""
    names = [_("First"), _("Second"), _("Third"), _("Fourth"), _("Fifth"), _("Sixth")]
    return [
        Walked(
            guideline=judgment.guideline,
            path=judgment.path,
            label=judgment.label,
            name=names[place] if place < len(names) else str(place + 1),
            about=", ".join(_about(judgment, version, pair)),
            note=judgment.note,
        )
        for place, judgment in enumerate(judgments)
    ]


def _about(judgment: Judgment, version: GuidelineVersion, pair: Pair) -> list[str]:
    """Return what is particular about a walk: an older version, or an older text of the product."""
    said = []
    if judgment.guideline_id != version.pk:
        said.append(_("version %(number)s of the guideline") % {"number": judgment.guideline.number})
    if judgment.revision_id != pair.product.revision_id:
        said.append(_("of an earlier text of the product"))
    return said


def _asks(project: Project) -> dict[str, str]:
    """Return the words of each question of the published guideline, in the reader's language."""
    tree = as_read(tree_of(project, published_guideline(project)))
    return {question.id: question.ask for question in tree.questions.values()}


def _label_of(project: Project, end: Question | LabelLeaf | None) -> Any:
    """Return the label that a walk has ended in, or None."""
    if not isinstance(end, LabelLeaf):
        return None
    return next(label for label in labels_of(project) if label.key == end.label)


def _known(draft: str) -> str:
    """Return a half walk from an address, or nothing where it is none."""
    try:
        parse_path(draft)
    except PathError:
        return ""
    return draft


def _pair(project: Project, pair_id: int) -> Pair:
    found = Pair.objects.select_related("query", "product__revision").filter(project=project, pk=pair_id).first()
    if found is None:
        raise Http404("No such pair.")
    return found


def _address(project: Project, pair_id: int, at: str = "", name: str = "adjudicate") -> str:
    address = reverse(name, args=[project.slug, pair_id])
    return f"{address}?{urlencode({'at': at})}" if at else address


def _at(request: HttpRequest) -> str:
    """Return the question that the pairs are to part at; "" for any."""
    return request.GET.get("at", "").replace("\0", "")


def _following(request: HttpRequest, project: Project, pair: Pair) -> str:
    """Return where to go after a pair, so that a parameter can be put to its end: the next pair, or the list."""
    at = _at(request)
    following = next_to_rule(project, count_by_question(project), pair.pk, at)
    address = _address(project, following, at) if following else reverse("adjudication", args=[project.slug])
    return address + ("&" if "?" in address else "?")


def _go(request: HttpRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)  # type: ignore[attr-defined]


def _refuse(said: str) -> HttpResponse:
    return HttpResponseBadRequest(said, "text/plain; charset=utf-8")
