"""Long work: what runs, what ran, and starting it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from labeling.access import for_roles
from labeling.actions.jobs import cancel_job, enqueue_job
from labeling.models import Adapter, Job, Membership, Project, Role
from labeling.queries.scoring import adapters_of_job
from labeling.queries.scoring_pace import scoring_pace
from labeling.queries.training_steps import pace_of, steps_of
from labeling.views.frame import project_page
from labeling.views.numbers import duration
from labeling.views.training_charts import loss_context

# What a button starts, and what follows by itself.
STARTS: dict[str, tuple[Job.Kind, tuple[Job.Kind, ...]]] = {
    "train": (Job.Kind.TRAIN, (Job.Kind.SCORE, Job.Kind.SELECT)),
    "score": (Job.Kind.SCORE, ()),
    "select": (Job.Kind.SELECT, ()),
}
# What asks for itself on a job's page, by the `live` that it asks with.
LIVE = {"loss": "jobs/loss.html", "scoring": "jobs/scoring.html"}


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def jobs(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: all jobs. POST: start one of the kind given."""
    project = member.project
    if request.method == "POST":
        if request.POST.get("kind") not in STARTS:
            return HttpResponseBadRequest(f"kind is one of {', '.join(STARTS)}.", "text/plain")
        kind, then = STARTS[request.POST["kind"]]
        job = enqueue_job(project, kind, member.user, then)
        if job is None:
            messages.info(request, f"{kind.label} is already under way.")
        return redirect("project" if request.POST.get("from") == "project" else "jobs", slug=project.slug)
    page = Paginator(project.jobs.select_related("requested_by").order_by("-id"), 25).get_page(request.GET.get("page"))
    return project_page(
        request,
        member,
        "jobs/page.html",
        "jobs",
        {
            "page": page,
            "jobs": [job_context(project, job) for job in page],
            "active_kinds": set(project.jobs.filter(state__in=("queued", "running")).values_list("kind", flat=True)),
        },
    )


@require_safe
@for_roles(Role.LEAD)
def job(request: HttpRequest, member: Membership, job_id: int) -> HttpResponse:
    """Show one job; to htmx, its progress alone, and with `live` what goes on in a training or a scoring.

    The page is fetched anew when the job is no longer in the state in which it `was`. With `stop` it asks whether a
    training is really to be stopped.
    """
    found = get_object_or_404(member.project.jobs.select_related("requested_by", "project"), pk=job_id)
    context: dict[str, Any] = {"found": found} | job_context(member.project, found)
    if request.htmx and "live" not in request.GET:  # type: ignore[attr-defined]
        return project_page(request, member, "components/job.html", "jobs", context)
    if found.kind == Job.Kind.TRAIN:
        context |= training_context(found) | {"stopping": "stop" in request.GET and found.active}
    if found.kind == Job.Kind.SCORE:
        context |= scoring_context(found)
    if request.htmx:  # type: ignore[attr-defined]
        if found.state != request.GET.get("was", found.state) or not found.active:
            return HttpResponseClientRefresh()
        template = LIVE.get(request.GET["live"], "jobs/live.html")
        return project_page(request, member, template, "jobs", context)
    context["crumbs"] = [{"text": "Jobs", "url": reverse("jobs", args=[member.project.slug])}, {"text": str(found)}]
    return project_page(request, member, "jobs/job.html", "jobs", context)


def training_context(found: Job) -> dict[str, Any]:
    """Return what a training's page shows beside its progress."""
    pace = pace_of(found)
    return {
        "pace": pace,
        "left": duration(pace.seconds_left) if pace and pace.seconds_left is not None else "",
        "loss": loss_context(found, steps_of(found)),
        "adapter": Adapter.objects.filter(job=found).first(),
    }


def scoring_context(found: Job) -> dict[str, Any]:
    """Return what a scoring's page shows beside its progress."""
    pace = scoring_pace(found, timezone.now())
    return {
        "pace": pace,
        "left": duration(pace.seconds_left) if pace and pace.seconds_left is not None else "",
        "took": duration(pace.seconds) if pace else "",
        "worked": duration(pace.worker_seconds) if pace else "",
        "adapters": adapters_of_job(found),
    }


@require_POST
@for_roles(Role.LEAD)
def cancel(request: HttpRequest, member: Membership, job_id: int) -> HttpResponse:
    """Stop a job; what it has written so far is kept or thrown away whole."""
    found = get_object_or_404(member.project.jobs, pk=job_id)
    if not cancel_job(found, member.user):
        messages.info(request, f"{found} had already ended.")
    return redirect("job", slug=member.project.slug, job_id=job_id)


def job_context(project: Project, found: Job) -> dict[str, Any]:
    """Return a job as its component wants it."""
    page = reverse("job", args=[project.slug, found.pk])
    return {
        "job": found,
        "poll_url": page,
        "cancel_url": reverse("cancel", args=[project.slug, found.pk]) if found.active else "",
        "href": page,
        # What a training has learned is lost with it, so its page asks first.
        "stop_url": f"{page}?stop=yes" if found.active and found.kind == Job.Kind.TRAIN else "",
    }
