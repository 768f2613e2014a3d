"""What publishing the draft would do to the judgments that are there; and publishing it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.guidelines import DraftChangedError, draft_digest, publish_draft
from labeling.actions.judgments import tree_of
from labeling.forms.workshop import PublishForm
from labeling.guidelines.diff import changed_questions
from labeling.guidelines.parse import GuidelineError
from labeling.guidelines.tree import Guideline
from labeling.guidelines.walk import parse_path
from labeling.models import GuidelineVersion, Judgment, Membership, Project, Role
from labeling.queries.guidelines import draft_of
from labeling.queries.projects import published_guideline
from labeling.queries.relabeling import Asked, Effect, Flow, Moved, effect_of
from labeling.queries.relabels import waiting_relabels
from labeling.views.frame import project_page
from labeling.views.numbers import duration


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def draft_effect(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: what the draft would do, where the questions in `again` are asked again. POST: publish it."""
    if request.method == "POST":
        return _publish(request, member)
    ticked = request.GET.getlist("again") if "chosen" in request.GET else None
    return _effect(request, member, ticked)


def _publish(request: HttpRequest, member: Membership) -> HttpResponse:
    form = PublishForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("Nothing was published: the request was not whole.", "text/plain; charset=utf-8")
    asked = request.POST.getlist("again")
    choices = {"relabel": form.cleaned_data["relabel"], "take_over": form.cleaned_data["take_over"]}
    try:
        version = publish_draft(member.project, form.cleaned_data["digest"], asked, **choices, actor=member.user)
    except (DraftChangedError, GuidelineError):
        problem = "Nothing was published: the draft has changed since its effect was shown. This is its effect now."
        if draft_of(member.project) is None:
            problem = "Nothing was published: the draft has been published or discarded meanwhile."
        return _effect(request, member, None, problem, status=409)
    messages.success(request, f"Version {version.number} is published. Everybody walks it from now on.")
    return redirect("relabeling", slug=member.project.slug)


def _effect(
    request: HttpRequest, member: Membership, ticked: Sequence[str] | None, problem: str = "", status: int = 200
) -> HttpResponse:
    """Show the effect of the draft; all its changed questions are asked again unless it is said which."""
    project = member.project
    draft = draft_of(project)
    context: dict[str, Any] = {"draft": draft, "problem": problem, "current": published_guideline(project)}
    if draft is not None:
        try:
            tree = tree_of(project, draft)
        except GuidelineError as error:
            context["problems"] = error.problems
        else:
            context |= _effect_context(project, draft, tree, ticked)
    whole = not request.htmx or "effect" not in context  # type: ignore[attr-defined]
    template = "relabeling/effect_page.html" if whole else "relabeling/effect.html"
    return project_page(request, member, template, "guideline", context, status=status)


def _effect_context(
    project: Project, draft: GuidelineVersion, tree: Guideline, ticked: Sequence[str] | None
) -> dict[str, Any]:
    current = published_guideline(project)
    old = tree_of(project, current)
    changed = changed_questions(old, tree)
    asked = [name for name in changed if ticked is None or name in ticked or name not in old.questions]
    effect = effect_of(project, tree, draft.number, asked, in_use=(current, old))
    return {
        "digest": draft_digest(draft),
        "changed": [_question(name, old, tree, name in asked) for name in changed],
        "asked_again": asked,
        "effect": effect,
        "own": effect.asked.judgments - effect.left_over,
        "flows": [_flow(flow) for flow in effect.flows],
        "groups": _groups(project, tree, effect),
        "shares": [{"share": share, "time": duration(share.seconds)} for share in effect.shares],
        "away": sum(share.judgments for share in effect.shares if share.away),
        "time": duration(effect.seconds),
        "waiting": waiting_relabels(project).count(),
    }


def _question(name: str, old: Guideline, new: Guideline, asked: bool) -> dict[str, Any]:
    """Return a changed question: what is other in it, and whether it is asked again."""
    question, before = new.questions[name], old.questions.get(name)
    answers = bool(
        before and {one.key: one.text for one in before.answers} != {a.key: a.text for a in question.answers}
    )
    return {
        "id": name,
        "ask": question.ask,
        "new": before is None,
        "before": before.ask if before and before.ask != question.ask else "",
        "help": bool(before and before.help != question.help),
        "answers": answers,
        "asked": asked,
    }


def _flow(flow: Flow) -> dict[str, Any]:
    """Return a label's row: its numbers, and the parts of its bar: kept, changed to others, asked again."""
    sizes = [
        ("kept", flow.kept, flow.label.colour),
        *(("changed", n, label.colour) for label, n in flow.changed),
        ("asked", flow.asked, ""),
    ]
    parts, start = [], 0.0
    for kind, n, colour in sizes:
        width = n / flow.judgments
        parts.append({"kind": kind, "start": start, "width": width, "colour": colour})
        start += width
    return {"flow": flow, "parts": [part for part in parts if part["width"]]}


def _groups(project: Project, tree: Guideline, effect: Effect) -> list[dict[str, Any]]:
    """Return each group of judgments that do not just stay, with a few of them."""
    groups: list[Moved | Asked] = [*effect.moved, *effect.questions]
    wanted = [pk for group in groups for pk in group.examples]
    found = Judgment.objects.select_related("label", "guideline", "annotator", "pair__query", "revision").in_bulk(
        wanted
    )
    return [
        {
            "group": group,
            "ask": tree.questions[group.question].ask if isinstance(group, Asked) else "",
            "examples": [_example(project, found[pk]) for pk in group.examples if pk in found],
        }
        for group in groups
    ]


def _example(project: Project, judgment: Judgment) -> dict[str, Any]:
    old = tree_of(project, judgment.guideline)
    steps = []
    for question_id, key in parse_path(judgment.path):
        question = old.questions.get(question_id)
        answer = question.answer(key) if question else None
        steps.append({"id": question_id, "answer": answer.text if answer else key})
    return {"judgment": judgment, "steps": steps}
