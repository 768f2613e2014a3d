"""Asking the lead, from the pair that is on the desk."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.inquiries import ask_lead, standing_at
from labeling.actions.judgments import tree_of
from labeling.actions.queue import keep_lease
from labeling.actions.shelf import keep_shelf
from labeling.forms.inquiries import AskForm
from labeling.guidelines.walk import parse_path
from labeling.models import GuidelineVersion, Membership, Pair, Project, Role, Slot
from labeling.queries.inquiries import queued_pair
from labeling.queries.projects import published_guideline, published_version
from labeling.queries.queue import held_slots
from labeling.views.desk import as_read, pair_context
from labeling.views.frame import project_page


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.ANNOTATOR, Role.LEAD)
def ask(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: a page to ask about a pair: the one that the address names, or else the one on the desk. POST: send it."""
    if request.method == "POST":
        return _take_question(request, member)
    return _ask_page(request, member, AskForm(member.project, initial=_about(request, member)))


def _take_question(request: HttpRequest, member: Membership) -> HttpResponse:
    """Store the question and keep its pair; from the desk's drawer the reply is what it says of that."""
    form = AskForm(member.project, request.POST)
    if form.is_valid():
        try:
            ask_lead(member.project, member.user, form.asked())
        except Pair.DoesNotExist:
            form.add_error(None, _("This pair is not in the queue, so nobody can be asked about it."))
        except ValueError as error:
            form.add_error(None, str(error))
    if not form.is_valid():
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponseBadRequest(form.problem(), "text/plain; charset=utf-8")
        return _ask_page(request, member, form, status=422)
    _keep_pair(member, form)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "inquiries/asked.html", {"project": member.project})
    messages.success(request, _("Your question is with the lead. The pair is still yours."))
    return redirect(_back(member.project, form))


def _keep_pair(member: Membership, form: AskForm) -> None:
    """Renew the lease of the pair that was asked about, with the half walk, as an open desk does by itself."""
    lease, pair_id, path = (form.cleaned_data[name] for name in ("lease", "pair", "path"))
    if lease is None:
        return
    if member.project.desk == Project.Desk.SHELF:
        keep_shelf(member.project, member.user, {lease: path})
    else:
        keep_lease(member.project, member.user, pair_id, lease, path)


def _about(request: HttpRequest, member: Membership) -> dict[str, Any]:
    """Return what the form says of the pair: what the address does, else what is on the desk."""
    names = ("pair", "guideline", "revision", "path", "lease", "back")
    about = {name: request.GET.get(name, "") for name in names} | {"key": uuid.uuid4()}
    slot = None if about["pair"] else held_slots(member.project, member.user, timezone.now()).first()
    return about | _of_slot(member.project, slot) if slot else about


def _of_slot(project: Project, slot: Slot) -> dict[str, Any]:
    return {
        "pair": slot.pair_id,
        "guideline": published_guideline(project).pk,
        "path": slot.draft,
        "lease": slot.key,
    }


def _ask_page(request: HttpRequest, member: Membership, form: AskForm, status: int = 200) -> HttpResponse:
    """Show the form with the pair and the question that it is about; without a pair say where to ask from."""
    try:
        context = _shown(member.project, *(form[name].value() for name in ("pair", "guideline", "path")))
    except (ValueError, Pair.DoesNotExist, GuidelineVersion.DoesNotExist):
        if not form.is_bound:
            messages.info(request, _("Open the pair on your desk, and ask from there."))
            return redirect(_desk_of(member.project))
        context = {}
    context |= {"form": form, "back": _back(member.project, form)}
    return project_page(request, member, "inquiries/ask.html", "judge", context, status)


def _shown(project: Project, pair_id: Any, version_id: Any, path: str | None) -> dict[str, Any]:
    """Return the pair and the question for the template. Raises ValueError or DoesNotExist for what is none."""
    version = published_version(project, int(version_id))
    question, _walked = standing_at(as_read(tree_of(project, version)), parse_path(path or ""))
    return pair_context(queued_pair(project, int(pair_id))) | {"question": question}


def _back(project: Project, form: AskForm) -> str:
    """Return the page of this site that the question was asked from; the desk where there is none."""
    back = form["back"].value() or ""
    return back if url_has_allowed_host_and_scheme(back, None) else _desk_of(project)


def _desk_of(project: Project) -> str:
    return reverse("judge", args=[project.slug])
