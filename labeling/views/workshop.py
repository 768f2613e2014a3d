"""The workshop: where leads draft the next version of the guideline."""

import hashlib
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from labeling.access import for_roles
from labeling.actions.guidelines import (
    add_example_to_draft,
    discard_draft,
    draft_digest,
    save_draft,
    start_draft,
)
from labeling.actions.judgments import tree_of
from labeling.forms.workshop import GuidelineDraftForm, WorkedExampleForm
from labeling.guidelines.diff import changed_questions, compare_lines
from labeling.guidelines.edit import GuidelineEditError
from labeling.guidelines.parse import GuidelineError, Problem, parse_guideline
from labeling.guidelines.tree import Guideline
from labeling.guidelines.walk import whole_paths
from labeling.models import GuidelineVersion, Membership, Project, Role
from labeling.queries.guidelines import draft_of, numbered_version
from labeling.queries.projects import labels_of, published_guideline
from labeling.views.frame import project_page
from labeling.views.guideline import drawn
from labeling.views.tryout import pair_of

# What can follow a save, by the name of its button, and the page of each.
THEN = {"try": "draft-try", "example": "draft-example", "effect": "draft-effect"}


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def draft(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: the draft to be edited, or how to start one. POST: save it, unless somebody else has."""
    if request.method == "POST":
        return _save(request, member)
    found = draft_of(member.project)
    if found is None:
        context = {"current": published_guideline(member.project), "draft": None}
        return project_page(request, member, "workshop/none.html", "guideline", context)
    return _editor(request, member, found)


def _editor(
    request: HttpRequest, member: Membership, found: GuidelineVersion, form: GuidelineDraftForm | None = None
) -> HttpResponse:
    """Show the draft, or what somebody sent of it and could not be taken."""
    written = {"source": found.source, "change_note": found.change_note, "base": draft_digest(found)}
    shown = form.data.get("source", "") if form else found.source
    context = {"draft": found, "form": form or GuidelineDraftForm(initial=written), "partial": "workshop/editor.html"}
    context |= _checked(member.project, shown) | {"base": form.data.get("base", "") if form else written["base"]}
    if "node" not in context:
        current = published_guideline(member.project)
        context |= drawn(member.project, tree_of(member.project, current)) | {"drawn_from": current}
    return project_page(request, member, "workshop/page.html", "guideline", context, 400 if form else 200)


def _checked(project: Project, source: str) -> dict[str, Any]:
    """Return the problems of a text, or the tree that it makes and what is to be said of it."""
    current = published_guideline(project)
    try:
        tree = parse_guideline(source, tuple(label.key for label in labels_of(project)))
    except GuidelineError as error:
        return {"problems": error.problems, "current": current}
    return drawn(project, tree) | {
        "problems": (),
        "current": current,
        "walks": sum(1 for _ in whole_paths(tree)),
        "asked_anew": changed_questions(tree_of(project, current), tree),
        "drawn_digest": hashlib.sha256(repr(tree).encode()).hexdigest()[:16],
    }


@require_POST
@for_roles(Role.LEAD)
def check(request: HttpRequest, member: Membership) -> HttpResponse:
    """Check a text as it is being written, and draw it; nothing is stored."""
    form = GuidelineDraftForm(request.POST)
    form.is_valid()
    wrong = form.errors.get("source")
    if wrong:
        context: dict[str, Any] = {"problems": [Problem(1, str(wrong[0]))]}
    else:
        context = _checked(member.project, form.cleaned_data["source"])
    found = draft_of(member.project)
    moved = found is None or draft_digest(found) != request.POST.get("base")
    context |= {
        "draft": found,
        "moved": moved and (found is None or found.source != form.cleaned_data.get("source")),
        "redrawn": "node" in context and context["drawn_digest"] != request.POST.get("drawn"),
    }
    return project_page(request, member, "workshop/rechecked.html", "guideline", context)


def _save(request: HttpRequest, member: Membership) -> HttpResponse:
    project, found = member.project, draft_of(member.project)
    form = GuidelineDraftForm(request.POST)
    if not form.is_valid():
        if request.htmx:  # type: ignore[attr-defined]
            context: dict[str, Any] = {"base": request.POST.get("base", ""), "wrong": form.errors}
            return project_page(request, member, "workshop/saved.html", "guideline", context)
        return _editor(request, member, found, form) if found else _conflict(request, member, None, request.POST)
    written = form.cleaned_data
    saved = save_draft(project, written["source"], written["base"], member.user, written["change_note"])
    if not saved.stored or saved.draft is None:
        return _conflict(request, member, saved.draft, written)
    if request.htmx:  # type: ignore[attr-defined]
        context = {"draft": saved.draft, "base": draft_digest(saved.draft), "now": timezone.now()}
        return project_page(request, member, "workshop/saved.html", "guideline", context)
    then = request.POST.get("then", "")
    if then == "compare":
        return redirect("compare", project.slug, published_guideline(project).number, saved.draft.number)
    if then not in THEN:
        messages.success(request, "The draft is saved.")
    return redirect(THEN.get(then, "draft"), slug=project.slug)


def _conflict(request: HttpRequest, member: Membership, theirs: GuidelineVersion | None, written: Any) -> HttpResponse:
    """Show what somebody wrote beside the draft as it has become meanwhile; None where it is gone. Nothing is lost."""
    base = draft_digest(theirs) if theirs else ""
    initial = {"source": written.get("source", ""), "change_note": written.get("change_note", ""), "base": base}
    context = {
        "theirs": theirs,
        "draft": theirs,
        "current": published_guideline(member.project),
        "form": GuidelineDraftForm(initial=initial),
        "base": base,
        "lines": compare_lines(theirs.source, initial["source"]) if theirs else (),
        "partial": "workshop/conflict.html",
    }
    if request.htmx:  # type: ignore[attr-defined]
        answer = project_page(request, member, "workshop/conflict.html", "guideline", context, 409)
        answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = "#workshop", "outerHTML show:window:top"
        return answer
    return project_page(request, member, "workshop/page.html", "guideline", context, 409)


@require_POST
@for_roles(Role.LEAD)
def begin(request: HttpRequest, member: Membership) -> HttpResponse:
    """Start a draft from the version `from`, or with the text `source` of one that is gone."""
    project, number = member.project, request.POST.get("from", "")
    version = numbered_version(project, int(number)) if number.isdecimal() and len(number) < 9 else None
    if number and version is None:
        raise Http404("There is no such version.")
    there = draft_of(project)
    found = start_draft(project, member.user, version)
    if "source" in request.POST:
        form = GuidelineDraftForm(request.POST)
        if not form.is_valid():
            return _editor(request, member, found, form)
        written = form.cleaned_data
        saved = save_draft(
            project, written["source"], "" if there else draft_digest(found), member.user, written["change_note"]
        )
        if not saved.stored:
            return _conflict(request, member, saved.draft, written)
    elif there:
        messages.info(request, f"There was a draft of version {found.number} already. It was left as it is.")
    return redirect("draft", slug=project.slug)


@require_POST
@for_roles(Role.LEAD)
def discard(request: HttpRequest, member: Membership) -> HttpResponse:
    """Delete the draft, unless somebody has changed it since `base`."""
    done = discard_draft(member.project, request.POST.get("base", ""), member.user)
    if done.stored:
        messages.success(request, "The draft is discarded. The version in use is as it was.")
        return redirect("guideline", slug=member.project.slug)
    messages.error(request, "Somebody has changed the draft since, so it was not discarded. Look at it first.")
    return redirect("draft", slug=member.project.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def example(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: a form for a worked example, ?at=type:yes&query=&product=&why= or ?pair=. POST: put it into the draft."""
    project = member.project
    tree = _draft_tree(project) or tree_of(project, published_guideline(project))
    refused = None
    if request.method == "POST":
        form = WorkedExampleForm(tree, request.POST)
        if form.is_valid():
            question, new = form.question_and_example()
            try:
                add_example_to_draft(project, question, new, member.user)
            except GuidelineEditError as error:
                refused = error
            else:
                messages.success(request, f"The example is in the draft, at the question {question}.")
                return redirect("draft", slug=project.slug)
    else:
        form = WorkedExampleForm(
            tree, initial=request.GET.dict() | _texts_of_pair(project, request.GET.get("pair", ""))
        )
    context = {"form": form, "refused": refused, "draft": draft_of(project)}
    status = 400 if refused or form.errors else 200
    return project_page(request, member, "workshop/example.html", "guideline", context, status)


def _draft_tree(project: Project) -> Guideline | None:
    found = draft_of(project)
    try:
        return tree_of(project, found) if found else None
    except GuidelineError:
        return None


def _texts_of_pair(project: Project, number: str) -> dict[str, str]:
    if not number:
        return {}
    pair = pair_of(project, number)
    return {"query": pair.query.text, "product": pair.product.revision.title if pair.product.revision else ""}
