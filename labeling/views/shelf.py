"""The shelf: all products of a query on one page, each with its own walk through the tree."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from labeling.access import for_roles
from labeling.actions.judgments import Outcome, skip_pair, submit_answer, tree_of, undo_step
from labeling.actions.shelf import MOST, claim_shelf, keep_shelf
from labeling.forms.desk import AnswerForm, KeepShelfForm, MissingField
from labeling.guidelines.tree import Guideline, Question
from labeling.guidelines.walk import parse_path, walk
from labeling.models import GuidelineVersion, Judgment, Membership, Pair, Role
from labeling.queries.inquiries import new_answers
from labeling.queries.judgments import judged_today, last_step, named_step, step_name
from labeling.queries.projects import published_guideline
from labeling.queries.queue import free_slots
from labeling.queries.relabels import waiting_relabels
from labeling.queries.shelf import Card, shelf_card, shelf_cards
from labeling.views.desk import as_read, draft_context, pair_context, walk_context
from labeling.views.frame import project_page
from labeling.views.product import language_of

MANY = 100  # what waits is counted up to here


def shelf(request: HttpRequest, member: Membership) -> HttpResponse | None:
    """GET: claim a query and show its products. POST: take an answer to one of them; its card is the reply.

    The judge's view comes here where the project's desk is a shelf, and has said who may use it. It goes on where
    there is nothing to show: None.
    """
    if request.method != "POST":
        return _show_shelf(request, member)
    try:
        pair_id, problem = _take_back(request, member) if "step" in request.POST else _take_answer(request, member)
    except (ValueError, MissingField, Pair.DoesNotExist) as error:
        refused = _("The answer was refused, and nothing was stored.")
        return HttpResponseBadRequest(f"{refused} {error}", "text/plain; charset=utf-8")
    target = request.htmx.target if request.htmx else ""  # type: ignore[attr-defined]
    if target not in ("", "shelf", "desk"):
        return _show_card(request, member, pair_id, problem)
    if problem:
        messages.info(request, problem)
    there = reverse("judge", args=[member.project.slug])
    if target == "desk":
        # It was open when the project changed to shelves, and has no place for a card.
        return HttpResponseClientRedirect(there)
    return redirect(f"{there}#card-{pair_id}")


@require_POST
@for_roles(Role.ANNOTATOR, Role.LEAD)
def keep(request: HttpRequest, member: Membership) -> HttpResponse:
    """Keep what is open on a shelf for whoever has its page open, with the half walks; or let it go on leaving."""
    form = KeepShelfForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("; ".join(map(str, form.non_field_errors())), "text/plain; charset=utf-8")
    keep_shelf(member.project, member.user, form.cleaned_data["drafts"], leaving=form.cleaned_data["leaving"])
    return HttpResponse(status=204)


def _take_answer(request: HttpRequest, member: Membership) -> tuple[int, str]:
    """Store what was sent; return its pair and what there is to say about it."""
    project, annotator = member.project, member.user
    form = AnswerForm(project, request.POST)
    if not form.is_valid():
        raise ValueError(form.problem())
    answer = form.answer_for_pair()
    if answer.seconds is None and (last := last_step(project, annotator)):
        # Without a script nobody has looked at a clock, and the lease is as old as the whole shelf.
        answer = replace(answer, seconds=(timezone.now() - last.created_at).total_seconds())
    if reason := form.cleaned_data["reason"]:
        outcome = skip_pair(project, annotator, answer, reason)
    elif isinstance(walk(tree_of(project, answer.guideline), parse_path(answer.path)), Question):
        # The page walks the tree by itself; this is how it goes on without a script.
        kept = keep_shelf(project, annotator, {answer.key: answer.path})
        outcome = Outcome.STORED if kept else Outcome.NOT_NEEDED
    else:
        outcome = submit_answer(project, annotator, answer)
    needless = _("Others had judged that product before your answer came, so it was not needed.")
    return answer.pair_id, needless if outcome == Outcome.NOT_NEEDED else ""


def _take_back(request: HttpRequest, member: Membership) -> tuple[int, str]:
    """Open what was done of a pair again; return the pair and what there is to say about it."""
    step = named_step(member.project, member.user, request.POST["step"])
    if step is None:
        raise ValueError(_("There is nothing to take back."))
    slot = undo_step(member.project, member.user, step)
    return step.pair_id, "" if slot else _("Others have this product now, so it cannot be opened again.")


def _show_shelf(request: HttpRequest, member: Membership) -> HttpResponse | None:
    project, annotator = member.project, member.user
    cards = shelf_cards(project, annotator, claim_shelf(project, annotator), MOST)
    if not cards:
        there = reverse("judge", args=[project.slug])
        return HttpResponseClientRedirect(there) if request.htmx else None  # type: ignore[attr-defined]
    waiting = free_slots(member, timezone.now())[: MANY + 1].count()
    version = published_guideline(project)
    tree = tree_of(project, version)
    context: dict[str, Any] = {
        "cards": [_card_context(card, version, tree) for card in cards],
        "done": sum(card.slot is None for card in cards),
        "query": cards[0].pair.query,
        "query_lang": language_of(cards[0].pair.query.locale),
        "guideline": walk_context(version, ())["guideline"],
        "today": judged_today(project, annotator),
        "waiting": min(waiting, MANY),
        "more_waiting": waiting > MANY,
        "step": step_name(last_step(project, annotator)),
        "again": waiting_relabels(project, annotator).count(),
        "new_answers": new_answers(annotator).get(project.pk, 0),
    }
    template = "shelf/shelf.html" if request.htmx else "shelf/page.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "judge", context)


def _show_card(request: HttpRequest, member: Membership, pair_id: int, problem: str) -> HttpResponse:
    card = shelf_card(member.project, member.user, pair_id)
    version = published_guideline(member.project)
    shown = _card_context(card, version, tree_of(member.project, version))
    return project_page(request, member, "shelf/card.html", "judge", {"card": shown, "problem": problem})


def _card_context(card: Card, version: GuidelineVersion, tree: Guideline) -> dict[str, Any]:
    """Return one product with its state: "open" with the walk so far, "done" with what was said, or "gone"."""
    context: dict[str, Any] = {"pair": card.pair.pk, "product": pair_context(card.pair)["product"], "state": "gone"}
    if card.slot is not None:
        half = draft_context(version, card.slot.draft)
        asked = {question["id"]: question for question in half["guideline"]["questions"]}
        return context | half | {"state": "open", "key": card.slot.key, "question": asked[half["current"]]}
    if card.step is not None:
        said = (
            {"label": card.step.label}
            if isinstance(card.step, Judgment)
            else {"skipped": as_read(tree).skips.get(card.step.reason, card.step.reason)}
        )
        context |= said | {"state": "done", "step": step_name(card.step), "at": card.step.created_at}
    return context
