"""Training: one pair at a time with its right answer afterwards, and the result at the end."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.judgments import tree_of
from labeling.actions.qualification import TrainingWalk, answer_training, qualify_if_reached
from labeling.actions.queue import must_train
from labeling.forms.training import TrainingForm
from labeling.guidelines.feedback import Feedback, Parting, compare_walk
from labeling.guidelines.tree import Question
from labeling.guidelines.walk import Path, PathError, parse_path, walk
from labeling.models import GoldPair, GuidelineVersion, Membership, Pair, Project, Role, TrainingAnswer
from labeling.queries.projects import published_guideline
from labeling.queries.qualification import (
    Attempt,
    answers_in,
    attempts_of,
    current_attempt,
    next_training_pair,
    training_pairs,
)
from labeling.views.desk import as_read, pair_context, walk_context
from labeling.views.frame import project_page
from labeling.views.numbers import percent, stat


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.ANNOTATOR, Role.LEAD)
def training(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: the next training pair, or the result. POST: take an answer and say what was right, go on, or start."""
    if request.method != "POST":
        return _go_on(request, member)
    if "start" in request.POST:
        qualified = qualify_if_reached(member.project, member.user)
        return redirect("judge" if qualified else "training", slug=member.project.slug)
    if "next" in request.POST:
        if request.htmx:  # type: ignore[attr-defined]
            return _go_on(request, member)
        return redirect(request.get_full_path())
    return _take_answer(request, member)


def _go_on(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show the pair that comes next in the attempt under way, or the result of the newest one.

    A new attempt begins when it is asked for by its number.
    """
    attempts = attempts_of(member)
    number = current_attempt(attempts)
    asked_for = request.GET.get("attempt") == str(number)
    ended = bool(attempts) and (attempts[0].finished or member.qualified_at is not None)
    gold = None if ended and not asked_for else next_training_pair(member, number)
    if gold is not None:
        return _desk(request, member, gold, number)
    if not attempts:
        return _show(request, member, "empty", {})
    return _show(request, member, "result", _result(member, attempts))


def _desk(
    request: HttpRequest,
    member: Membership,
    gold: GoldPair,
    attempt: int,
    path: Path = (),
    version: GuidelineVersion | None = None,
) -> HttpResponse:
    """Show a training pair with the walk; nothing in the page tells its label."""
    project = member.project
    version = version or published_guideline(project)
    context = {"gold_id": gold.pk, "slot": {"key": f"{attempt}-{gold.pk}"}, "pass_mark": percent(project.pass_mark)}
    context |= _standing(member, attempt, shown=1) | pair_context(gold.pair)
    context |= walk_context(version, path)
    return _show(request, member, "desk", context)


def _take_answer(request: HttpRequest, member: Membership) -> HttpResponse:
    form = TrainingForm(member.project, request.POST.dict() | {"attempt": request.GET.get("attempt")})
    if not form.is_valid():
        return _refuse(form.problem())
    given = TrainingWalk(
        gold_id=form.cleaned_data["item"],
        attempt=form.cleaned_data["attempt"],
        guideline=form.cleaned_data["guideline"],
        path=form.whole_path(),
        skip_reason=form.cleaned_data["reason"],
    )
    try:
        path = parse_path(given.path)
        if not given.skip_reason and isinstance(walk(tree_of(member.project, given.guideline), path), Question):
            # The page walks the tree by itself; this is how it goes on without a script.
            gold = training_pairs(member).select_related("pair__query", "pair__product__revision").get(pk=given.gold_id)
            return _desk(request, member, gold, given.attempt, path, given.guideline)
        answer = answer_training(member.project, member.user, given)
    except GoldPair.DoesNotExist:
        return _refuse(gettext("That pair is not in your training any more. Load the page again for the next one."))
    except ValueError as error:
        return _refuse(error)
    return _feedback(request, member, answer)


def _feedback(request: HttpRequest, member: Membership, answer: TrainingAnswer) -> HttpResponse:
    pair = Pair.objects.select_related("query", "product__revision").get(pk=answer.gold.pair_id)
    context = {"answer": answer, "feedback": _compare(member.project, answer)}
    context |= _standing(member, answer.attempt) | pair_context(pair)
    return _show(request, member, "feedback", context)


def _compare(project: Project, answer: TrainingAnswer) -> Feedback:
    """Compare an answer with the gold pair, in the guideline that it was given by."""
    try:
        known = parse_path(answer.gold.path)
    except PathError:
        known = ()
    tree = as_read(tree_of(project, answer.guideline))
    return compare_walk(tree, parse_path(answer.path), answer.gold.label.key, known)


def _standing(member: Membership, number: int, shown: int = 0) -> dict[str, Any]:
    """Return how far an attempt is; `shown` pairs are on the desk and not yet answered."""
    attempt = next((one for one in attempts_of(member) if one.number == number), None)
    pairs = attempt.pairs if attempt else training_pairs(member).count()
    answered = attempt.answered if attempt else 0
    return {
        "heading": gettext("Training"),
        "attempt": number,
        "again": f"?{urlencode({'attempt': number})}",
        "place": min(answered + shown, pairs),
        "pairs": pairs,
        "first": answered == 0,
        "required": must_train(member),
        "last": answered >= pairs,
    }


def _result(member: Membership, attempts: tuple[Attempt, ...]) -> dict[str, Any]:
    """Return how the newest attempt went: in all, by the question that led astray, and pair by pair."""
    newest = attempts[0]
    answers = list(answers_in(member, newest.number))
    compared = [(answer, _compare(member.project, answer)) for answer in answers if not answer.right]
    partings = [feedback.parting for _, feedback in compared if feedback.parting is not None]
    return {
        "newest": newest,
        "share": stat(newest.share),
        "required": must_train(member),
        "reached": newest.reaches(member.project.pass_mark),
        "pass_mark": percent(member.project.pass_mark),
        "qualified": member.qualified_at is not None,
        "next_attempt": current_attempt(attempts),
        "astray": _astray(partings),
        "wrong": [{"answer": answer, "feedback": feedback} for answer, feedback in compared],
        "earlier": attempts[1:],
        "judge_url": reverse("judge", args=[member.project.slug]),
    }


def _astray(partings: list[Parting]) -> list[dict[str, Any]]:
    """Return the questions that led astray, the most frequent first, each with what would have been right there."""
    counts = Counter(parting.question.id for parting in partings)
    found = {parting.question.id: parting for parting in reversed(partings)}
    return [{"times": times, "question": found[name].question} for name, times in counts.most_common()]


def _show(request: HttpRequest, member: Membership, name: str, context: dict[str, Any]) -> HttpResponse:
    """Render a partial for htmx, or the page around it."""
    partial = f"training/{name}.html"
    if request.htmx:  # type: ignore[attr-defined]
        return project_page(request, member, partial, "training", context)
    return project_page(request, member, "training/page.html", "training", context | {"partial": partial})


def _refuse(problem: Exception | str) -> HttpResponse:
    text = gettext("The answer was refused, and nothing was stored.")
    return HttpResponseBadRequest(f"{text} {problem}", "text/plain; charset=utf-8")
