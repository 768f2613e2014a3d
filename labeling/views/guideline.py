"""The guideline, drawn; its history, and what differs between two versions."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from labeling.access import EVERY_ROLE, for_roles
from labeling.actions.judgments import tree_of
from labeling.guidelines.diff import AnswerChange, Difference, compare_guidelines, compare_lines
from labeling.guidelines.parse import GuidelineError
from labeling.guidelines.tree import Guideline, LabelLeaf, SkipLeaf
from labeling.models import GuidelineVersion, Label, Membership, Project, Role
from labeling.queries.guidelines import draft_of, numbered_version, published_versions
from labeling.queries.projects import labels_of, published_guideline
from labeling.views.desk import as_read, question_context
from labeling.views.frame import project_page


@require_safe
@for_roles(*EVERY_ROLE)
def guideline(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show the published tree in the reader's language, and the versions there are; to a desk the tree alone."""
    version = published_guideline(member.project)
    context = drawn(member.project, as_read(tree_of(member.project, version))) | {"version": version}
    if request.htmx:  # type: ignore[attr-defined]
        return project_page(request, member, "components/tree.html", "guideline", context)
    return project_page(request, member, "guideline/page.html", "guideline", context | _history(member))


@require_safe
@for_roles(*EVERY_ROLE)
def guideline_version(request: HttpRequest, member: Membership, number: int) -> HttpResponse:
    """Show one published version, as it was or is."""
    version = _version(member, number)
    if version.published_at is None:
        return redirect("draft", slug=member.project.slug)
    tree = as_read(tree_of(member.project, version))
    context = drawn(member.project, tree) | _history(member) | {"version": version}
    return project_page(request, member, "guideline/version.html", "guideline", context)


@require_safe
@for_roles(*EVERY_ROLE)
def choose_versions(request: HttpRequest, member: Membership) -> HttpResponse:
    """Go on to the difference of the two versions that were chosen: ?old=1&new=3."""
    numbers = [request.GET.get(name, "") for name in ("old", "new")]
    if not all(number.isdecimal() and len(number) < 9 for number in numbers):
        return redirect("guideline", slug=member.project.slug)
    return redirect("compare", member.project.slug, *map(int, numbers))


@require_safe
@for_roles(*EVERY_ROLE)
def compare(request: HttpRequest, member: Membership, old: int, new: int) -> HttpResponse:
    """Show what differs between two versions, in the reader's language; to leads also their draft, as it is written."""
    project = member.project
    versions = [_version(member, number) for number in (old, new)]
    context: dict[str, Any] = {"old": versions[0], "new": versions[1]} | _history(member)
    if member.role == Role.LEAD:
        context["lines"] = compare_lines(versions[0].source, versions[1].source)
    try:
        trees = [tree_of(project, version) for version in versions]
    except GuidelineError as error:
        context["problems"] = error.problems
    else:
        context |= difference_of(project, *(tree if member.role == Role.LEAD else _read(tree) for tree in trees))
    return project_page(request, member, "guideline/compare.html", "guideline", context)


def _read(tree: Guideline) -> Guideline:
    """Return the tree in the reader's language, and in no other."""
    return replace(as_read(tree), translations=MappingProxyType({}))


def _version(member: Membership, number: int) -> GuidelineVersion:
    version = numbered_version(member.project, number, drafts=member.role == Role.LEAD)
    if version is None:
        raise Http404(f"There is no version {number}.")
    return version


def _history(member: Membership) -> dict[str, Any]:
    """Return the published versions, each with the number of the one before; to leads also the draft."""
    versions = published_versions(member.project)
    before = [version.number for version in versions[1:]] + [None]
    return {
        "versions": [{"version": version, "before": number} for version, number in zip(versions, before, strict=True)],
        "current": versions[0],
        "draft": draft_of(member.project) if member.role == Role.LEAD else None,
    }


def drawn(project: Project, tree: Guideline) -> dict[str, Any]:
    """Return a tree for the templates: drawn, with its labels and its reasons to skip."""
    labels = {label.key: label for label in labels_of(project)}
    return {
        "tree": tree,
        "node": draw(tree, tree.start, labels, set()),
        "labels": list(labels.values()),
        "skips": list(tree.skips.values()),
    }


def draw(tree: Guideline, question_id: str, labels: dict[str, Label], drawn: set[str]) -> dict[str, Any]:
    """Return a question with all that follows from it; a question that is reached twice is drawn once."""
    drawn.add(question_id)
    question = tree.questions[question_id]
    answers: list[dict[str, Any]] = []
    for answer in question.answers:
        branch: dict[str, Any] = {"key": answer.key, "text": answer.text}
        if isinstance(answer.go, LabelLeaf):
            branch["label"] = labels[answer.go.label]
        elif not isinstance(answer.go, str):
            branch["skip"] = tree.skips[answer.go.reason]
        elif answer.go in drawn:
            branch["again"] = answer.go
        else:
            branch["node"] = draw(tree, answer.go, labels, drawn)
        answers.append(branch)
    return question_context(question) | {"answers": answers}


def difference_of(project: Project, old: Guideline, new: Guideline) -> dict[str, Any]:
    """Return what differs, for guideline/difference.html."""
    labels = {label.key: label for label in labels_of(project)}
    difference = compare_guidelines(old, new)
    questions = [
        {"change": change, "answers": [_answer(answer, old, new, labels) for answer in change.answers]}
        for change in difference.questions
    ]
    return {"difference": difference, "questions": questions, "asked_anew": _asked_anew(difference)}


def _asked_anew(difference: Difference) -> int:
    return sum(change.meaning for change in difference.questions)


def _answer(change: AnswerChange, old: Guideline, new: Guideline, labels: dict[str, Label]) -> dict[str, Any]:
    ends = [_end(go, tree, labels) for go, tree in zip(change.leads, (old, new), strict=False)]
    return {"change": change, "before": ends[0] if ends else None, "after": ends[1] if ends else None}


def _end(go: str | LabelLeaf | SkipLeaf | None, tree: Guideline, labels: dict[str, Label]) -> dict[str, Any] | None:
    """Return where an answer leads: a label, the text of a reason to skip, or a question's name."""
    if go is None:
        return None
    if isinstance(go, LabelLeaf):
        return {"label": labels[go.label]}
    return {"question": go} if isinstance(go, str) else {"skip": tree.skips[go.reason]}
