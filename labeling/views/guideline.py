"""The guideline, drawn."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.access import EVERY_ROLE, for_roles
from labeling.actions.judgments import tree_of
from labeling.guidelines.tree import Guideline, LabelLeaf
from labeling.models import GuidelineVersion, Label, Membership
from labeling.queries.projects import labels_of, published_guideline
from labeling.views.desk import as_read, question_context
from labeling.views.frame import project_page


@require_safe
@for_roles(*EVERY_ROLE)
def guideline(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show the published tree in the reader's language, and the versions there are; to a desk the tree alone."""
    version = published_guideline(member.project)
    tree = as_read(tree_of(member.project, version))
    labels = {label.key: label for label in labels_of(member.project)}
    context = {
        "version": version,
        "tree": tree,
        "node": draw(tree, tree.start, labels, set()),
        "labels": list(labels.values()),
        "skips": list(tree.skips.values()),
        "versions": list(GuidelineVersion.objects.filter(project=member.project).select_related("published_by")),
    }
    template = "components/tree.html" if request.htmx else "guideline/page.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "guideline", context)


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
