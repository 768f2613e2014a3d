"""Pairs that people could not judge: back to the queue, or out of the pool."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.judgments import tree_of
from labeling.actions.set_aside import decide_set_aside, reopen_set_aside
from labeling.forms.set_aside import SetAsideForm
from labeling.models import Membership, Role, SetAside
from labeling.queries.projects import published_guideline
from labeling.queries.set_aside import waiting_set_aside
from labeling.views.desk import as_read
from labeling.views.frame import project_page


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def set_aside(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: what waits, with who skipped it and why. POST: decide about one, or take a decision back."""
    if request.method == "POST":
        return _decide(request, member)
    project = member.project
    tree = as_read(tree_of(project, published_guideline(project)))
    page = Paginator(waiting_set_aside(project), 50).get_page(request.GET.get("page"))
    rows = [
        {
            "aside": aside,
            "reason": tree.skips.get(aside.reason, aside.reason),
            "skips": [skip for skip in aside.pair.live_skips if skip.reason == aside.reason],  # type: ignore[attr-defined]
        }
        for aside in page
    ]
    decided = SetAsideForm(request.GET)
    context = {"page": page, "rows": rows, "decided": decided.cleaned_data if decided.is_valid() else None}
    return project_page(request, member, "set_aside/page.html", "set-aside", context)


def _decide(request: HttpRequest, member: Membership) -> HttpResponse:
    form = SetAsideForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_("Nothing was changed: the request was not whole."), "text/plain; charset=utf-8")
    aside_id, decision = form.cleaned_data["aside"], SetAside.State(form.cleaned_data["decision"])
    reply = redirect("set-aside", slug=member.project.slug)
    if decision == SetAside.State.WAITING:
        if reopen_set_aside(member.project, aside_id, member.user) is None:
            messages.info(request, _("That pair waits for a decision already."))
        return reply
    if decide_set_aside(member.project, aside_id, decision, member.user) is None:
        messages.info(request, _("Somebody has decided about that pair already. Nothing was changed."))
        return reply
    reply["Location"] += f"?aside={aside_id}&decision={decision}"
    return reply
