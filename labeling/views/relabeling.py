"""How far people are with the questions that a new version asks of them again."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.relabeling import start_take_over, withdraw_relabels
from labeling.forms.relabeling import WithdrawForm
from labeling.models import Job, Membership, Role
from labeling.queries.projects import published_guideline
from labeling.queries.relabels import relabel_progress, stranded_relabels, waiting_relabels
from labeling.views.frame import project_page
from labeling.views.jobs import job_context


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def relabeling(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: what waits to be answered again, by version and person. POST: ask no more, or run the job again."""
    project = member.project
    if request.method == "POST":
        return _change(request, member)
    newest = published_guideline(project)
    job = project.jobs.filter(kind=Job.Kind.RELABEL).order_by("-id").first()
    context = {
        "newest": newest,
        "job": job_context(project, job) if job else None,
        "resumable": bool(job and not job.active and job.params.get("guideline") == newest.pk),
        "progress": [{"whole": whole, "each": each} for whole, each in relabel_progress(project)],
        "confirm": _to_confirm(request, member),
        "stranded": stranded_relabels(project).count(),
        "crumbs": [
            {"text": "Guideline", "url": reverse("guideline", args=[project.slug])},
            {"text": "Relabeling", "url": ""},
        ],
    }
    template = "relabeling/progress.html" if request.htmx else "relabeling/page.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "guideline", context)


def _to_confirm(request: HttpRequest, member: Membership) -> dict[str, Any] | None:
    """Return what is about to be withdrawn, of one person or of everybody; None where nothing is."""
    whose = request.GET.get("withdraw", "")
    form = WithdrawForm(member.project, {"everybody" if whose == "everybody" else "person": whose})
    if not form.is_valid():
        return None
    person = form.cleaned_data["person"]
    waiting = waiting_relabels(member.project, person).count()
    return {"person": person, "waiting": waiting} if waiting else None


def _change(request: HttpRequest, member: Membership) -> HttpResponse:
    project = member.project
    if "resume" in request.POST:
        return _resume(request, member)
    form = WithdrawForm(project, request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("Nothing was withdrawn: the request was not whole.", "text/plain; charset=utf-8")
    withdrawn = withdraw_relabels(project, member.user, form.cleaned_data["person"])
    some = f"{withdrawn:,} question{'s' if withdrawn != 1 else ''}"
    messages.info(request, f"{some} withdrawn. The judgments stay as they are." if withdrawn else "Nothing waited.")
    return redirect("relabeling", slug=project.slug)


def _resume(request: HttpRequest, member: Membership) -> HttpResponse:
    """Run the newest job again: it goes on where it stopped, and finds what came from older pages since."""
    project = member.project
    job = project.jobs.filter(kind=Job.Kind.RELABEL).order_by("-id").first()
    newest = published_guideline(project)
    if job is None or job.params.get("guideline") != newest.pk:
        messages.info(request, "There is nothing to run again for the newest version.")
    elif (
        start_take_over(
            newest, member.user, take_over=bool(job.params.get("take_over")), relabel=bool(job.params.get("relabel"))
        )
        is None
    ):
        messages.info(request, "It is under way already.")
    return redirect("relabeling", slug=project.slug)
