"""Differences between two versions."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from labeling.guidelines.diff import changed_questions
from labeling.guidelines.tree import Guideline, LabelLeaf, Question
from tests.labeling.guidelines.test_walk import ESCI


def with_question(question: Question) -> Guideline:
    return replace(ESCI, questions=MappingProxyType({**ESCI.questions, question.id: question}))


ACCEPT = ESCI.questions["accept"]
YES, NO = ACCEPT.answers


@pytest.mark.parametrize(
    "changed",
    [
        replace(ACCEPT, ask="Would you take it instead?"),
        replace(ACCEPT, help="Think of the shopper."),
        replace(ACCEPT, answers=(replace(YES, text="Gladly"), NO)),
        replace(ACCEPT, answers=(replace(YES, key="certainly"), NO)),
        replace(ACCEPT, answers=(YES, NO, replace(NO, key="hardly"))),
    ],
)
def test_question_that_asks_something_else_has_changed(changed: Question) -> None:
    assert changed_questions(ESCI, with_question(changed)) == ("accept",)


@pytest.mark.parametrize(
    "same",
    [
        ACCEPT,
        replace(ACCEPT, examples=()),
        replace(ACCEPT, answers=(NO, YES)),
        replace(ACCEPT, answers=(YES, replace(NO, go=LabelLeaf("C")))),
    ],
)
def test_question_is_the_same_with_other_examples_or_leading_elsewhere(same: Question) -> None:
    assert changed_questions(ESCI, with_question(same)) == ()


def test_new_questions_have_changed_and_removed_ones_are_not_named() -> None:
    more = with_question(replace(ACCEPT, id="used"))
    assert changed_questions(ESCI, more) == ("used",)
    assert changed_questions(more, ESCI) == ()
