"""The annotator's page."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from labeling.access import for_roles
from labeling.actions.judgments import Outcome, skip_pair, submit_answer, tree_of, undo_step
from labeling.actions.queue import claim_slot
from labeling.forms import AnswerForm, MissingField
from labeling.guidelines.tree import Question
from labeling.guidelines.walk import Path, parse_path, walk
from labeling.models import GuidelineVersion, Judgment, Membership, Pair, Role, Slot
from labeling.queries.judgments import judged_today, last_step, named_step, step_name
from labeling.queries.projects import published_guideline
from labeling.queries.queue import free_slots
from labeling.views.desk import pair_context, walk_context
from labeling.views.frame import project_page

NOT_NEEDED = "Others had judged that pair before your answer came, so it was not needed. Here is the next one."


@require_http_methods(["GET", "POST"])
@for_roles(Role.ANNOTATOR, Role.LEAD)
def judge(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: claim the next pair and show it. POST: take an answer; the next pair is the reply."""
    if request.method == "POST":
        return _take_answer(request, member)
    return _desk(request, member, claim_slot(member.project, member.user))


@require_POST
@for_roles(Role.ANNOTATOR, Role.LEAD)
def skip(request: HttpRequest, member: Membership) -> HttpResponse:
    """Store that the pair cannot be judged, and why."""
    form = AnswerForm(member.project, request.POST)
    if not form.is_valid():
        return _refuse(form.problem())
    try:
        outcome = skip_pair(member.project, member.user, form.answer_for_pair(), form.cleaned_data["reason"])
    except (ValueError, MissingField, Pair.DoesNotExist) as error:
        return _refuse(error)
    return _next(request, member, NOT_NEEDED if outcome == Outcome.NOT_NEEDED else None)


@require_POST
@for_roles(Role.ANNOTATOR, Role.LEAD)
def undo(request: HttpRequest, member: Membership) -> HttpResponse:
    """Take back the last judgment or skip of today; its pair is on the desk again."""
    name = request.POST.get("step", "")
    find = named_step(member.project, member.user, name) if name else last_step(member.project, member.user)
    slot = undo_step(member.project, member.user, find)
    return _next(request, member, None if slot else "There is nothing to take back.")


def _take_answer(request: HttpRequest, member: Membership) -> HttpResponse:
    form = AnswerForm(member.project, request.POST)
    if not form.is_valid():
        return _refuse(form.problem())
    version: GuidelineVersion = form.cleaned_data["guideline"]
    try:
        path = parse_path(form.whole_path())
        if isinstance(walk(tree_of(member.project, version), path), Question):
            # The page walks the tree by itself; this is how it goes on without a script.
            slot = claim_slot(member.project, member.user)
            same = slot is not None and slot.pair_id == form.cleaned_data["pair"]
            return _desk(request, member, slot, path if same else (), version, None if same else NOT_NEEDED)
        outcome = submit_answer(member.project, member.user, form.answer_for_pair())
    except (ValueError, MissingField, Pair.DoesNotExist) as error:
        return _refuse(error)
    return _next(request, member, NOT_NEEDED if outcome == Outcome.NOT_NEEDED else None)


def _next(request: HttpRequest, member: Membership, problem: str | None) -> HttpResponse:
    """Reply with the next pair: the desk alone to htmx, a redirect to a page without a script."""
    if request.htmx:  # type: ignore[attr-defined]
        return _desk(request, member, claim_slot(member.project, member.user), problem=problem)
    if problem:
        messages.info(request, problem)
    return redirect(reverse("judge", args=[member.project.slug]))


def _desk(
    request: HttpRequest,
    member: Membership,
    slot: Slot | None,
    path: Path = (),
    version: GuidelineVersion | None = None,
    problem: str | None = None,
) -> HttpResponse:
    project, annotator = member.project, member.user
    last = last_step(project, annotator)
    context: dict[str, Any] = {
        "slot": slot,
        "problem": problem,
        "today": judged_today(project, annotator),
        "waiting": free_slots(member, timezone.now()).count(),
        "step": step_name(last),
        "last": {"label": last.label} if isinstance(last, Judgment) else {"skip": True} if last else None,
    }
    if slot is not None:
        version = version or published_guideline(project)
        pair = Pair.objects.select_related("query", "product__revision").get(pk=slot.pair_id)
        context |= pair_context(pair) | walk_context(version, tree_of(project, version), path)
    template = "judge/desk.html" if request.htmx else "judge/page.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "judge", context)


def _refuse(problem: Exception | str) -> HttpResponse:
    """Say in plain words why nothing was stored."""
    if isinstance(problem, Pair.DoesNotExist):
        problem = "That pair is not in the queue. Load the page again for the next pair."
    return HttpResponseBadRequest(f"The answer was refused, and nothing was stored. {problem}", "text/plain")
