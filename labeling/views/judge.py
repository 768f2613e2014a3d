"""The annotator's page."""

import time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from labeling.access import for_roles
from labeling.actions.judgments import Outcome, skip_pair, submit_answer, tree_of, undo_step
from labeling.actions.queue import claim_slot, keep_lease, leave_pair, must_train
from labeling.forms.desk import AnswerForm, DraftForm, MissingField
from labeling.guidelines.tree import Question
from labeling.guidelines.walk import parse_path, walk
from labeling.language import name_of
from labeling.models import GuidelineVersion, Judgment, Membership, Pair, Project, Role, Slot
from labeling.queries.gold import BELOW_MARK
from labeling.queries.inquiries import new_answers
from labeling.queries.judgments import (
    day_start,
    judged_since,
    last_step,
    named_step,
    today_of,
)
from labeling.queries.pairs import shown_pair
from labeling.queries.projects import published_version
from labeling.queries.queue import free_slots
from labeling.queries.relabels import waiting_relabels
from labeling.views.desk import draft_context, pair_context, walk_context
from labeling.views.frame import project_page
from labeling.views.shelf import shelf

MANY = 100  # what waits is counted up to here: beyond it the number tells nobody anything
BELIEVED = 10.0  # seconds
_many_until: dict[int, float] = {}  # by membership: until when more than MANY are taken to wait


@require_http_methods(["GET", "POST"])
@for_roles(Role.ANNOTATOR, Role.LEAD)
def judge(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: claim the next pair and show it. POST: take an answer; the next pair is the reply."""
    if member.project.desk == Project.Desk.SHELF:
        return shelf(request, member) or _desk(request, member, None)
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
    return _next(request, member, _news(member, form, outcome))


@require_POST
@for_roles(Role.ANNOTATOR, Role.LEAD)
def undo(request: HttpRequest, member: Membership) -> HttpResponse:
    """Take back a judgment or skip of today, the last one unless it is named; its pair is on the desk again."""
    name = request.POST.get("step", "")
    find = named_step(member.project, member.user, name) if name else last_step(member.project, member.user)
    slot = undo_step(member.project, member.user, find)
    if slot is not None:
        return _next(request, member, None)
    if find is None or find.retired_at is not None:
        return _next(request, member, _("There is nothing to take back."))
    return _next(request, member, _("That pair has gone to others since you skipped it, so your skip stays."))


@require_POST
@for_roles(Role.ANNOTATOR, Role.LEAD)
def keep(request: HttpRequest, member: Membership) -> HttpResponse:
    """Renew the lease of an open page, and keep its half walk: {"held": whether the pair is still theirs}."""
    return _hold(request, member, keep_lease)


@require_POST
@for_roles(Role.ANNOTATOR, Role.LEAD)
def leave(request: HttpRequest, member: Membership) -> HttpResponse:
    """Release the pair of a page that was left, and keep its half walk."""
    return _hold(request, member, leave_pair)


def _hold(request: HttpRequest, member: Membership, act: Any) -> HttpResponse:
    form = DraftForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("pair, key or path is not what it should be.", "text/plain")
    sent = form.cleaned_data
    return JsonResponse({"held": act(member.project, member.user, sent["pair"], sent["key"], sent["path"])})


def _take_answer(request: HttpRequest, member: Membership) -> HttpResponse:
    form = AnswerForm(member.project, request.POST)
    if not form.is_valid():
        return _refuse(form.problem())
    version: GuidelineVersion = form.cleaned_data["guideline"]
    try:
        if isinstance(walk(tree_of(member.project, version), parse_path(form.whole_path())), Question):
            return _go_on(request, member, form)
        outcome = submit_answer(member.project, member.user, form.answer_for_pair())
    except (ValueError, MissingField, Pair.DoesNotExist) as error:
        return _refuse(error)
    return _next(request, member, _news(member, form, outcome))


def _go_on(request: HttpRequest, member: Membership, form: AnswerForm) -> HttpResponse:
    """Show the next question. The page walks the tree by itself; this is how it goes on without a script."""
    slot = claim_slot(member.project, member.user)
    if slot is None or slot.pair_id != form.cleaned_data["pair"]:
        return _desk(request, member, slot, problem=_not_needed())
    return _desk(request, member, slot, walked=form)


def _news(member: Membership, form: AnswerForm, outcome: Outcome) -> str | None:
    """Return what is to be said about an answer that came too late or for the second time."""
    if outcome == Outcome.NOT_NEEDED:
        return _not_needed()
    if outcome == Outcome.STORED:
        return None
    first = Judgment.objects.filter(annotator=member.user, key=form.cleaned_data["key"]).select_related("label").first()
    if first is None or (first.path == form.whole_path() and not form.cleaned_data["reason"]):
        return None
    if first.retired_at is not None:
        return _("That page was an old one, and its answer was not taken. Here is where you are now.")
    said = _("You had answered that pair before: %(label)s. That answer stands.") % {"label": name_of(first.label)}
    if not judged_since(member.project, member.user, day_start()).filter(pk=first.pk).exists():
        return said
    url = reverse("correct", args=[member.project.slug, first.pk])
    return format_html('{} <a href="{}">{}</a>', said, url, _("Change it"))


def _not_needed() -> str:
    return _("Others had judged that pair before your answer came. It is kept, and nothing is wrong with it.")


def _next(request: HttpRequest, member: Membership, problem: str | None) -> HttpResponse:
    """Reply with the next pair: the desk alone to htmx, a redirect to a page without a script, or to a shelf."""
    if request.htmx and member.project.desk == Project.Desk.PAIR:  # type: ignore[attr-defined]
        return _desk(request, member, claim_slot(member.project, member.user), problem=problem)
    if problem:
        messages.info(request, problem)
    there = reverse("judge", args=[member.project.slug])
    return HttpResponseClientRedirect(there) if request.htmx else redirect(there)  # type: ignore[attr-defined]


def _desk(
    request: HttpRequest,
    member: Membership,
    slot: Slot | None,
    walked: AnswerForm | None = None,
    problem: str | None = None,
) -> HttpResponse:
    """Show a pair with its half walk: what was just walked without a script, else the slot's draft."""
    project, annotator = member.project, member.user
    today = today_of(project, annotator)
    context: dict[str, Any] = {
        "slot": slot,
        "problem": problem,
        "today": today.judged,
        "step": today.step,
        "last": {"label": today.label} if today.label else {"skip": True} if today.step else None,
    }
    context |= _empty_context(member) if slot is None else _pair_context(member, slot, walked)
    if slot is None or not request.htmx:  # type: ignore[attr-defined]  # a desk that follows another has no time for it
        context["again"] = waiting_relabels(project, annotator).count()
        context["new_answers"] = new_answers(annotator).get(project.pk, 0)
    template = "judge/desk.html" if request.htmx else "judge/page.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "judge", context)


def _pair_context(member: Membership, slot: Slot, walked: AnswerForm | None) -> dict[str, Any]:
    (pair,) = shown_pair(slot.pair_id)
    if walked:
        half = walk_context(walked.cleaned_data["guideline"], parse_path(walked.whole_path()))
    else:
        half = draft_context(published_version(member.project, pair.guideline_id), slot.draft)
    return _waiting_context(member) | pair_context(pair) | half


def _waiting_context(member: Membership) -> dict[str, Any]:
    """Return how many slots wait, or that more than so many do.

    A gold pair or a repeat takes none of them. Where these are mixed in, a number that stands still for a moment would
    tell them from the rest, so it is said in tens.
    """
    waiting = _waiting(member)
    if waiting > MANY:
        return {"waiting": MANY, "more_waiting": True}
    if not (member.project.gold_share or member.project.repeat_share):
        return {"waiting": waiting, "more_waiting": False}
    return {"waiting": (waiting - 1) // 10 * 10 if waiting > 10 else None, "more_waiting": True}


def _waiting(member: Membership) -> int:
    """Count what waits for a member, up to one more than MANY; that it is as many is believed for some seconds."""
    now = time.monotonic()
    if _many_until.get(member.pk, now) > now:
        return MANY + 1
    waiting = free_slots(member, timezone.now())[: MANY + 1].count()
    if waiting > MANY:
        _many_until[member.pk] = now + BELIEVED
    return waiting


def _empty_context(member: Membership) -> dict[str, Any]:
    """Say why there is no pair: a pause, a training that comes first, or nothing that waits."""
    member.refresh_from_db(fields=("paused_at", "paused_because", "qualified_at"))
    return {
        "paused": member.paused_because,
        "below_mark": member.paused_because == BELOW_MARK,
        "pass_percent": round(100 * member.project.pass_mark),
        "untrained": must_train(member),
        "languages": member.languages,
    }


def _refuse(problem: Exception | str) -> HttpResponse:
    """Say in plain words why nothing was stored."""
    if isinstance(problem, Pair.DoesNotExist):
        problem = _("That pair is not in the queue. Load the page again for the next pair.")
    refused = _("The answer was refused, and nothing was stored.")
    return HttpResponseBadRequest(f"{refused} {problem}", "text/plain; charset=utf-8")
