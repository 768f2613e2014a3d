"""Answers of before of which one question is asked again."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.judgments import Answer, Outcome, tree_of
from labeling.actions.queue import may_judge
from labeling.actions.relabeling import answer_again
from labeling.forms.desk import AnswerForm
from labeling.guidelines.replay import Why, answers_that_hold, go_on, replay
from labeling.guidelines.tree import Guideline, Question
from labeling.guidelines.walk import Path, format_path, parse_path, walk
from labeling.models import Membership, Relabel, Role
from labeling.queries.judgments import Today, today_of
from labeling.queries.relabeling import changed_since
from labeling.queries.relabels import asked_of, waiting_relabels
from labeling.views.desk import as_read, pair_context, walk_context
from labeling.views.frame import project_page


@require_http_methods(["GET", "POST"])
@for_roles(Role.ANNOTATOR, Role.LEAD)
def again(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: the next answer of theirs that is asked again, at its question. POST: take it; the next one is the reply."""
    if request.method == "POST":
        return _take(request, member)
    asked = asked_of(member.project, member.user).first() if may_judge(member) else None
    return _desk(request, member, asked)


@dataclass(frozen=True)
class _Asking:
    """What is asked of one judgment: of which tree, why, and the old answers that hold, by question."""

    tree: Guideline
    why: Why | None
    holding: Mapping[str, str]


def _asking(asked: Relabel) -> _Asking:
    version, old = asked.guideline, asked.judgment
    tree = tree_of(asked.project, version)
    changed = changed_since(asked.project, version.number, version.asked_again).get(old.guideline_id, frozenset())
    path = parse_path(old.path)
    replayed = replay(tree, path, old.label.key, changed)
    return _Asking(tree, replayed.why, answers_that_hold(tree, path, changed))


def _take(request: HttpRequest, member: Membership) -> HttpResponse:
    form = AnswerForm(member.project, request.POST)
    if not form.is_valid():
        return _refuse(form.problem())
    asked = asked_of(member.project, member.user, settled=True).filter(pk=form.cleaned_data["item"]).first()
    if asked is None or form.cleaned_data["key"] is None:
        return _refuse(_("Nothing of this is asked of you."))
    try:
        asking = _asking(asked)
        walked = _walked(asking, form)
        if not form.cleaned_data["reason"] and isinstance(walk(asking.tree, walked), Question):
            return _desk(request, member, asked, walked, form.cleaned_data["key"])
        answer = Answer(
            pair_id=asked.pair_id,
            key=form.cleaned_data["key"],
            guideline=form.cleaned_data["guideline"],
            path=format_path(walked),
            note=form.cleaned_data["note"],
            revision_id=form.cleaned_data["revision"],
            seconds=form.cleaned_data["seconds"],
        )
        outcome = answer_again(member.project, member.user, asked.pk, answer, form.cleaned_data["reason"])
    except ValueError as error:
        return _refuse(error)
    return _next(request, member, _not_asked() if outcome == Outcome.NOT_NEEDED else None)


def _walked(asking: _Asking, form: AnswerForm) -> Path:
    """Return the walk that was sent. Without a script the answers that still hold follow the one just given."""
    walked = parse_path(form.whole_path())
    return go_on(asking.tree, walked, asking.holding) if form.cleaned_data["answer"] else walked


def _not_asked() -> str:
    return _("That question is no longer asked: it was withdrawn, or you answered it elsewhere. Nothing was changed.")


def _next(request: HttpRequest, member: Membership, problem: str | None) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        following = asked_of(member.project, member.user).first() if may_judge(member) else None
        return _desk(request, member, following, problem=problem)
    if problem:
        messages.info(request, problem)
    return redirect("again", slug=member.project.slug)


def _desk(
    request: HttpRequest,
    member: Membership,
    asked: Relabel | None,
    walked: Path | None = None,
    key: uuid.UUID | None = None,
    problem: str | None = None,
) -> HttpResponse:
    """Show one judgment at the question that is asked, or as far as it was walked without a script."""
    if asked is not None and asked.state != Relabel.State.WAITING:
        return _next(request, member, _not_asked())
    today = today_of(member.project, member.user)
    context: dict[str, Any] = {
        "asked": asked,
        "problem": problem,
        "today": today.judged,
        "last": _last(today, asked),
        "waiting": waiting_relabels(member.project, member.user).count(),
        "may_judge": may_judge(member),
    }
    if asked is not None:
        asking = _asking(asked)
        begun = parse_path(asked.path) if walked is None else walked
        context |= {"slot": {"key": key or uuid.uuid4()}, "asking": _reason(asked, asking)}
        context |= {"standing": format_path(tuple(asking.holding.items())), "draft": asked.path}
        context |= pair_context(asked.pair) | walk_context(asked.guideline, begun)
    template = "again/desk.html" if request.htmx else "again/page.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "again", context)


def _last(today: Today, asked: Relabel | None) -> dict[str, Any] | None:
    """Return the last judgment of today, to be changed; not the one asked again, whose label is not to be seen."""
    number = int(today.step.partition(":")[2] or 0)
    if today.label is None or (asked is not None and asked.judgment_id == number):
        return None
    return {"number": number, "label": today.label}


def _reason(asked: Relabel, asking: _Asking) -> dict[str, Any]:
    """Return what to say about the question that is asked: why, and how it read before, where it did otherwise."""
    old = as_read(tree_of(asked.project, asked.judgment.guideline)).questions.get(asked.question)
    new = as_read(asking.tree).questions[asked.question]
    given = dict(parse_path(asked.judgment.path)).get(asked.question)
    answer = old.answer(given) if old and given else None
    return {
        "question": asked.question,
        "why": "new" if old is None else str(asking.why),
        "ask": old.ask if old and old.ask != new.ask else "",
        "answers": bool(old and [one.text for one in old.answers] != [one.text for one in new.answers]),
        "given": answer.text if answer else "",
        "note": asked.guideline.change_note,
    }


def _refuse(problem: Exception | str) -> HttpResponse:
    refused = _("The answer was refused, and nothing was stored.")
    return HttpResponseBadRequest(f"{refused} {problem}", "text/plain; charset=utf-8")
