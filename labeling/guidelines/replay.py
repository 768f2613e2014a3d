"""Walk a tree with the answers of a walk through an older one, as far as they still hold. Pure."""

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from labeling.guidelines.tree import Guideline, LabelLeaf, Leaf, Question, SkipLeaf
from labeling.guidelines.walk import Path, walk


class Fate(enum.StrEnum):
    """What becomes of a walk under another version of the tree."""

    KEEP = "keep"  # it comes to the label that it had
    CHANGE = "change"  # its answers hold, and lead to another label
    ASK = "ask"  # a question has to be asked of the person again


class Why(enum.StrEnum):
    """Why a question is to be asked again."""

    UNANSWERED = "unanswered"  # the walk did not meet it: it is new, or another way leads here now
    GONE = "gone"  # the answer that was given is no longer one
    REWORDED = "reworded"  # it no longer means what it meant
    SKIP = "skip"  # the answer that was given ends in a skip now


@dataclass(frozen=True, slots=True)
class Replayed:
    """A walk through another version.

    KEEP and CHANGE: `path` is a whole walk of the new tree and `leaf` its end. ASK: `path` is the beginning that still
    holds, `question` the id of the one to ask after it, and `why` says for what reason; there is no leaf.
    """

    fate: Fate
    path: Path
    question: str = ""
    why: Why | None = None
    leaf: LabelLeaf | None = None


def replay(guideline: Guideline, path: Path, label: str, changed: Collection[str]) -> Replayed:
    """Walk `guideline` with the answers of `path`, a walk through another version that came to `label`.

    `changed` are the ids of the questions that do not mean what they meant to who walked; answers to them do not
    carry over. Where the answers lead into a skip, the last of them is asked again: nobody's label becomes a skip by
    itself. Total: any path is replayed, even one with questions that no tree has.
    """
    holding = answers_that_hold(guideline, path, changed)
    walked = go_on(guideline, (), holding)
    here = walk(guideline, walked)
    if isinstance(here, LabelLeaf):
        return Replayed(Fate.KEEP if here.label == label else Fate.CHANGE, walked, leaf=here)
    if not isinstance(here, Question):
        raise ValueError(f"{here} ends a walk of answers that hold, though none of these leads to a skip.")
    return Replayed(Fate.ASK, walked, here.id, _why(here, dict(path), changed))


def answers_that_hold(guideline: Guideline, path: Path, changed: Collection[str]) -> dict[str, str]:
    """Return the answers of a walk through another version that still stand, by question.

    Not those to questions that have `changed` or are gone, that are no answers any more, or that lead to a skip.
    """
    return {
        question: key
        for question, key in path
        if question not in changed and isinstance(_goes(guideline, question, key), str | LabelLeaf)
    }


def go_on(guideline: Guideline, begun: Path, holding: Mapping[str, str]) -> Path:
    """Return a walk that has begun, taken further by the answers that hold: to a label or to a question without one.

    Raises PathError where `begun` is no walk through the guideline.
    """
    walked, here = begun, walk(guideline, begun)
    while isinstance(here, Question) and here.id in holding:
        walked = (*walked, (here.id, holding[here.id]))
        here = walk(guideline, walked)
    return walked


def _goes(guideline: Guideline, question_id: str, key: str) -> str | Leaf | None:
    question = guideline.questions.get(question_id)
    answer = question.answer(key) if question else None
    return answer.go if answer else None


def _why(question: Question, given: Mapping[str, str], changed: Collection[str]) -> Why:
    if question.id not in given:
        return Why.UNANSWERED
    answer = question.answer(given[question.id])
    if answer is None:
        return Why.GONE
    if question.id in changed:
        return Why.REWORDED
    if not isinstance(answer.go, SkipLeaf):
        raise ValueError(f"The answer {answer.key!r} to {question.id!r} holds, so there is nothing to ask.")
    return Why.SKIP
