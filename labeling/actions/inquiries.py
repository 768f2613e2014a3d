"""What annotators ask the lead about a pair, and the lead's answers."""

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.guidelines import add_example_to_draft
from labeling.actions.judgments import tree_of
from labeling.actions.queue import locked_member
from labeling.guidelines.tree import Example, Guideline, Question
from labeling.guidelines.walk import Path, format_path, parse_path, walk
from labeling.models import GuidelineVersion, Inquiry, Project, User
from labeling.queries.inquiries import queued_pair
from labeling.queries.pairs import shown_revision
from labeling.queries.projects import published_version


class AnsweredMeanwhile(Exception):
    """Somebody else has answered since the page was made; `inquiry` is how it stands now."""

    def __init__(self, inquiry: Inquiry) -> None:
        super().__init__(f"{inquiry.answered_by} has answered meanwhile.")
        self.inquiry = inquiry


class NoRightAnswer(ValueError):
    """A worked example says which answer is right, and the lead has not said it."""


@dataclass(frozen=True)
class Asked:
    """What an annotator sends: the pair, the walk so far through a published version, the text, the form's own key."""

    pair_id: int
    key: uuid.UUID
    guideline: GuidelineVersion
    path: str
    text: str
    revision_id: int | None = None  # the text of the product that was shown; without it, the current one


@transaction.atomic
def ask_lead(project: Project, asker: User, asked: Asked) -> Inquiry:
    """Store a question about a pair, at the question of the tree where the walk so far has come to.

    Sent twice under one key it is one; a text that was changed in between counts until the lead has answered. Raises
    PathError for a path that is none, ValueError for a key that belongs to another question, and Pair.DoesNotExist
    for a pair that was never in this project's queue.
    """
    locked_member(project, asker)
    known = Inquiry.objects.select_for_update(of=("self",)).filter(key=asked.key).first()
    if known is not None:
        return _asked_before(known, asker, asked)
    question, path = standing_at(tree_of(project, asked.guideline), parse_path(asked.path))
    pair = queued_pair(project, asked.pair_id)
    inquiry = Inquiry.objects.create(
        project=project,
        pair=pair,
        revision_id=shown_revision(pair, asked.revision_id),
        guideline=asked.guideline,
        path=format_path(path),
        question=question.id,
        text=asked.text,
        asked_by=asker,
        key=asked.key,
    )
    record(project, asker, "inquiry.ask", f"inquiry {inquiry.pk}", pair=pair.pk, question=question.id)
    return inquiry


def standing_at(tree: Guideline, path: Path) -> tuple[Question, Path]:
    """Return the question that a walk has come to, and the walk up to it; of a whole walk, its last question.

    Raises PathError for a path that is none.
    """
    end = walk(tree, path)
    if isinstance(end, Question):
        return end, path
    return tree.questions[path[-1][0]], path[:-1]


def _asked_before(known: Inquiry, asker: User, asked: Asked) -> Inquiry:
    if (known.asked_by_id, known.pair_id) != (asker.pk, asked.pair_id):
        raise ValueError("This form was used for another question. Load the page again to ask a new one.")
    if known.text != asked.text and known.answered_at is None:
        known.text = asked.text
        known.save(update_fields=("text",))
    return known


@transaction.atomic
def answer_inquiry(
    project: Project,
    inquiry_id: int,
    actor: User,
    text: str,
    answer_key: str = "",
    instead_of: dt.datetime | None = None,
) -> Inquiry:
    """Answer a question, or change the answer; whoever asked is told anew.

    `answer_key` is the answer of the tree that is right there, or nothing; `instead_of` is when the answer was given
    that stood as the page was made. Sent twice it counts once. Raises AnsweredMeanwhile where another answer stands by
    now, ValueError for an answer that the question does not have, and Inquiry.DoesNotExist.
    """
    inquiry = _locked(project, inquiry_id)
    question = tree_of(project, published_version(project, inquiry.guideline_id)).questions[inquiry.question]
    if answer_key and question.answer(answer_key) is None:
        known = ", ".join(answer.key for answer in question.answers)
        raise ValueError(f"{answer_key!r} is no answer to {question.id!r}; its answers are {known}.")
    if not text.strip():
        raise ValueError("An answer needs words.")
    if (inquiry.answer, inquiry.answer_key) == (text, answer_key):
        return inquiry
    if inquiry.answered_at != instead_of:
        raise AnsweredMeanwhile(inquiry)
    before, inquiry.answer, inquiry.answer_key = inquiry.answer, text, answer_key
    inquiry.answered_by, inquiry.answered_at, inquiry.seen_at = actor, timezone.now(), None
    inquiry.save(update_fields=("answer", "answer_key", "answered_by", "answered_at", "seen_at"))
    record(project, actor, "inquiry.answer", f"inquiry {inquiry.pk}", right=answer_key, before=before)
    return inquiry


@transaction.atomic
def make_example(project: Project, inquiry_id: int, actor: User) -> GuidelineVersion:
    """Put an answered question into the draft as a worked example: query, product, right answer, and the lead's why.

    Return the version that has it; one that has been made an example before is not added again. Raises NoRightAnswer
    where the lead has not said which answer is right, GuidelineEditError where the draft has no place for it, and
    Inquiry.DoesNotExist.
    """
    inquiry = _locked(project, inquiry_id)
    if inquiry.example_in is not None:
        return inquiry.example_in
    if not (inquiry.answer and inquiry.answer_key):
        raise NoRightAnswer("A worked example says which answer is right: choose it first.")
    example = Example(
        query=inquiry.pair.query.text,
        product=inquiry.revision.title or inquiry.pair.product.external_id,
        answer=inquiry.answer_key,
        why=inquiry.answer,
    )
    inquiry.example_in = add_example_to_draft(project, inquiry.question, example, actor)
    inquiry.save(update_fields=("example_in",))
    record(project, actor, "inquiry.example", f"inquiry {inquiry.pk}", version=inquiry.example_in.number)
    return inquiry.example_in


def mark_seen(asker: User, inquiries: Collection[Inquiry]) -> int:
    """Remember that whoever asked has seen these answers; return how many were new to them."""
    new = [one.pk for one in inquiries if one.asked_by_id == asker.pk and one.answered_at and not one.seen_at]
    return Inquiry.objects.filter(pk__in=new, seen_at__isnull=True).update(seen_at=timezone.now()) if new else 0


def _locked(project: Project, inquiry_id: int) -> Inquiry:
    found = Inquiry.objects.select_for_update(of=("self",)).select_related(
        "pair__query", "pair__product", "revision", "example_in", "answered_by"
    )
    return found.get(pk=inquiry_id, project=project)
