"""Changing an answer of today."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.judgments import correct_judgment, tree_of
from labeling.forms.desk import AnswerForm, MissingField
from labeling.guidelines.tree import Question, SkipLeaf
from labeling.guidelines.walk import parse_path, walk
from labeling.language import name_of
from labeling.models import Judgment, Membership, Pair, Role
from labeling.queries.judgments import day_start, judged_since, judged_today
from labeling.queries.projects import published_guideline
from labeling.queries.relabels import waiting_relabels
from labeling.views.desk import draft_context, pair_context
from labeling.views.frame import project_page


@require_http_methods(["GET", "POST"])
@for_roles(Role.ANNOTATOR, Role.LEAD)
def correct(request: HttpRequest, member: Membership, number: int) -> HttpResponse:
    """GET: the pair of a judgment of today with its old walk. POST: the walk that takes its place."""
    if request.method == "POST":
        return _take_correction(request, member, number)
    old = judged_since(member.project, member.user, day_start()).select_related("label").filter(pk=number).first()
    if old is None:
        return _gone(request, member)
    return _desk(request, member, old, old.path, uuid.uuid4())


def _take_correction(request: HttpRequest, member: Membership, number: int) -> HttpResponse:
    form = AnswerForm(member.project, request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(form.problem(), "text/plain")
    try:
        answer = form.answer_for_pair()
        end = walk(tree_of(member.project, answer.guideline), parse_path(answer.path))
        if not isinstance(end, Question | SkipLeaf):
            correct_judgment(member.project, member.user, number, answer)
            return _done(request, member, answer.key)
        old = judged_since(member.project, member.user, day_start()).select_related("label").get(pk=number)
    except (ValueError, MissingField) as error:
        return HttpResponseBadRequest(str(error), "text/plain")
    except Judgment.DoesNotExist:
        return _gone(request, member)
    problem = None
    if isinstance(end, SkipLeaf):
        problem = _("A judgment can be changed to another label only. To skip this pair, undo the judgment first.")
    return _desk(request, member, old, answer.path, answer.key, problem)


def _desk(
    request: HttpRequest, member: Membership, old: Judgment, draft: str, key: uuid.UUID, problem: str | None = None
) -> HttpResponse:
    version = published_guideline(member.project)
    pair = Pair.objects.select_related("query", "product__revision").get(pk=old.pair_id)
    context: dict[str, Any] = {
        "slot": {"key": key},
        "old": old,
        "problem": problem,
        "today": judged_today(member.project, member.user),
    }
    context |= pair_context(pair) | draft_context(version, draft)
    template = "judge/correct.html" if request.htmx else "judge/correct_page.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "work", context)


def _done(request: HttpRequest, member: Membership, key: uuid.UUID) -> HttpResponse:
    new = Judgment.objects.select_related("label").get(key=key, annotator=member.user)
    if request.htmx:  # type: ignore[attr-defined]
        return _corrected(request, member, new)
    messages.success(request, _("Changed. Your answer is now %(label)s.") % {"label": name_of(new.label)})
    return redirect("work", slug=member.project.slug)


def _corrected(request: HttpRequest, member: Membership, new: Judgment | None) -> HttpResponse:
    again = waiting_relabels(member.project, member.user).count()
    return project_page(request, member, "judge/corrected.html", "work", {"new": new, "again": again})


def _gone(request: HttpRequest, member: Membership) -> HttpResponse:
    """Say that there is no such answer to change; what is stored stays."""
    if request.htmx:  # type: ignore[attr-defined]
        return _corrected(request, member, None)
    messages.info(request, _("Only answers of today that still stand can be changed. Nothing was changed."))
    return redirect("work", slug=member.project.slug)
