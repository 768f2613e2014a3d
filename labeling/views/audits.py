"""Audits: drawing a sample, judging it blind, and what it says of the judge."""

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.access import for_roles
from labeling.actions.audits import claim_item, draw_audit, give_verdict, note_verdict
from labeling.actions.judgments import tree_of
from labeling.forms.audits import NoteForm
from labeling.forms.desk import AnswerForm
from labeling.guidelines.tree import Question
from labeling.guidelines.walk import Path, parse_path, walk
from labeling.models import Audit, AuditItem, GuidelineVersion, Membership, Pair, Role
from labeling.queries.audits import audit_results, newest_audit, verdicts
from labeling.queries.projects import published_guideline
from labeling.views.desk import pair_context, walk_context
from labeling.views.frame import project_page
from labeling.views.numbers import stat

SIZES = (50, 100, 200, 400)


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.AUDITOR, Role.LEAD)
def audits(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: the audits with their results. POST: draw a new sample of the given size."""
    project = member.project
    if request.method == "POST":
        size = request.POST.get("size", "")
        if size not in map(str, SIZES):
            return _refuse(f"size is one of {', '.join(map(str, SIZES))}.")
        if draw_audit(project, int(size), secrets.randbits(48), member.user) is None:
            messages.error(request, _("There is nothing to audit yet: no champion has scored the pool."))
            return redirect("audits", slug=project.slug)
        return redirect("audit", slug=project.slug)
    results = [{"result": result, "share": stat(result.share)} for result in audit_results(project)]
    return project_page(request, member, "audits/page.html", "audits", {"results": results, "sizes": SIZES})


@require_safe
@for_roles(Role.AUDITOR, Role.LEAD)
def audit_verdicts(request: HttpRequest, member: Membership, number: int) -> HttpResponse:
    """Show an audit's verdicts, disagreements first. An auditor sees their own only: the rest stays blind."""
    found = get_object_or_404(Audit.objects.select_related("adapter"), project=member.project, number=number)
    items = [item for item in verdicts(found) if member.role == Role.LEAD or item.auditor_id == member.user_id]
    heading = _name(found)
    crumbs = [
        {"text": _("Audits"), "url": reverse("audits", args=[member.project.slug])},
        {"text": heading, "url": ""},
    ]
    context = {"found": found, "heading": heading, "items": items, "crumbs": crumbs}
    return project_page(request, member, "audits/verdicts.html", "audits", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.AUDITOR, Role.LEAD)
def audit(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: the next item, blind. POST: take the auditor's label; the reply shows the model's."""
    if request.method == "POST":
        return _take_verdict(request, member)
    return _item_page(request, member)


@require_POST
@for_roles(Role.AUDITOR, Role.LEAD)
def audit_skip(request: HttpRequest, member: Membership) -> HttpResponse:
    """Store that an item cannot be judged."""
    return _take_verdict(request, member)


@require_POST
@for_roles(Role.AUDITOR, Role.LEAD)
def audit_note(request: HttpRequest, member: Membership) -> HttpResponse:
    """Keep the auditor's reason, and go on to the next item."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _refuse(_("The reason was not understood, and nothing was stored."))
    if form.cleaned_data["note"]:
        try:
            note_verdict(member.project, member.user, form.cleaned_data["item"], form.cleaned_data["note"])
        except AuditItem.DoesNotExist:
            return _refuse(_("That item is not one of yours."))
    if request.htmx:  # type: ignore[attr-defined]
        return _item_page(request, member)
    return redirect("audit", slug=member.project.slug)


def _take_verdict(request: HttpRequest, member: Membership) -> HttpResponse:
    form = AnswerForm(member.project, request.POST)
    if not form.is_valid() or form.cleaned_data["item"] is None:
        return _refuse(_("The verdict was not understood, and nothing was stored."))
    version: GuidelineVersion = form.cleaned_data["guideline"]
    reason = form.cleaned_data["reason"]
    try:
        path = parse_path(form.whole_path())
        if not reason and isinstance(walk(tree_of(member.project, version), path), Question):
            return _item_page(request, member, path, version, form.cleaned_data["item"])
        item = give_verdict(member.project, member.user, form.cleaned_data["item"], version, form.whole_path(), reason)
    except (ValueError, AuditItem.DoesNotExist) as error:
        return _refuse(str(error))
    context = {"item": item, "problem": None} | _standing(item.audit, member)
    context |= pair_context(Pair.objects.select_related("query", "product__revision").get(pk=item.pair_id))
    return project_page(request, member, _template(request, "verdict"), "audit", context)


def _item_page(
    request: HttpRequest,
    member: Membership,
    path: Path = (),
    version: GuidelineVersion | None = None,
    walked: int | None = None,
) -> HttpResponse:
    """Show the next item. `path` is kept where it was walked for that very item."""
    found = newest_audit(member.project)
    item = claim_item(found, member.user) if found else None
    context: dict[str, Any] = {"item": None, "slot": item, "found": found, "problem": None}
    context |= _standing(found, member) if found else {}
    if item is not None:
        version = version or published_guideline(member.project)
        pair = Pair.objects.select_related("query", "product__revision").get(pk=item.pair_id)
        context |= pair_context(pair) | walk_context(version, path if item.pk == walked else ())
    return project_page(request, member, _template(request, "item"), "audit", context)


def _refuse(said: str) -> HttpResponse:
    return HttpResponseBadRequest(said, "text/plain; charset=utf-8")


def _name(found: Audit) -> str:
    return _("Audit %(number)s") % {"number": found.number}


def _template(request: HttpRequest, name: str) -> str:
    return f"audits/{name}.html" if request.htmx else f"audits/{name}_page.html"  # type: ignore[attr-defined]


def _standing(found: Audit, member: Membership) -> dict[str, Any]:
    """Return how many verdicts were given and are to come, and no word of what they were."""
    items = found.items
    return {
        "today": items.filter(auditor=member.user, judged_at__isnull=False).count(),
        "waiting": items.filter(judged_at__isnull=True).count(),
        "heading": _name(found),
    }
