"""Walks through one version, replayed on another."""

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.guidelines.replay import Fate, Replayed, Why, answers_that_hold, go_on, replay
from labeling.guidelines.tree import Answer, Guideline, LabelLeaf, Leaf, Question, SkipLeaf
from labeling.guidelines.walk import Path, format_path, parse_path, walk, whole_paths
from tests.labeling.guidelines.test_walk import ESCI, names, parsed, sources
from tests.making import PATHS

trees = sources().map(parsed)


def labeled(guideline: Guideline) -> Iterator[tuple[Path, str]]:
    return ((path, leaf.label) for path, leaf in whole_paths(guideline) if isinstance(leaf, LabelLeaf))


def with_question(guideline: Guideline, question: Question) -> Guideline:
    """Return the tree with a question added or in the place of the one of its name."""
    return replace(guideline, questions=MappingProxyType({**guideline.questions, question.id: question}))


def with_goal(guideline: Guideline, question_id: str, key: str, go: str | Leaf) -> Guideline:
    """Return the tree with one answer that leads somewhere else."""
    question = guideline.questions[question_id]
    answers = tuple(replace(answer, go=go) if answer.key == key else answer for answer in question.answers)
    return with_question(guideline, replace(question, answers=answers))


def without_answer(guideline: Guideline, question_id: str, key: str) -> Guideline:
    question = guideline.questions[question_id]
    return with_question(
        guideline, replace(question, answers=tuple(answer for answer in question.answers if answer.key != key))
    )


def esci(guideline: Guideline, label: str, changed: set[str] | None = None) -> Replayed:
    return replay(guideline, parse_path(PATHS[label]), label, changed or set())


@given(trees)
def test_replay_over_an_unchanged_tree_keeps_everything(guideline: Guideline) -> None:
    for path, label in labeled(guideline):
        assert replay(guideline, path, label, ()) == Replayed(Fate.KEEP, path, leaf=LabelLeaf(label))


@given(trees, trees, st.data())
def test_replay_on_any_tree_stops_at_a_label_or_at_the_question_it_names(
    old: Guideline, new: Guideline, draws: st.DataObject
) -> None:
    changed = draws.draw(st.sets(st.sampled_from(sorted(new.questions))))
    for path, label in labeled(old):
        found = replay(new, path, label, changed)
        assert set(found.path) <= set(path)
        assert not {question for question, _ in found.path} & changed
        end = walk(new, found.path)
        if found.fate == Fate.ASK:
            assert found.leaf is None
            assert isinstance(end, Question)
            assert end.id == found.question
            assert found.why is not None
        else:
            assert end == found.leaf
            assert (found.fate == Fate.KEEP) == (found.leaf == LabelLeaf(label))
            assert (found.question, found.why) == ("", None)


@given(trees, st.data())
def test_replay_asks_the_first_changed_question_of_the_walk_and_no_other(
    guideline: Guideline, draws: st.DataObject
) -> None:
    changed = draws.draw(st.sets(st.sampled_from(sorted(guideline.questions)), min_size=1))
    for path, label in labeled(guideline):
        found = replay(guideline, path, label, changed)
        met = [step for step, (question, _) in enumerate(path) if question in changed]
        if met:
            assert found == Replayed(Fate.ASK, path[: met[0]], path[met[0]][0], Why.REWORDED)
        else:
            assert found.fate == Fate.KEEP


@given(trees, st.data())
def test_answer_given_again_as_before_ends_in_the_label_of_before(guideline: Guideline, draws: st.DataObject) -> None:
    changed = {draws.draw(st.sampled_from(sorted(guideline.questions)))}
    for path, label in labeled(guideline):
        found = replay(guideline, path, label, changed)
        if found.fate == Fate.ASK:
            again = (*found.path, (found.question, dict(path)[found.question]))
            assert go_on(guideline, again, answers_that_hold(guideline, path, changed)) == path


@given(trees, st.lists(st.tuples(names, names), max_size=6).map(tuple))
def test_replay_takes_any_path(guideline: Guideline, path: Path) -> None:
    found = replay(guideline, path, "E", ())
    assert isinstance(walk(guideline, found.path), Question | LabelLeaf)


def test_replay_follows_an_answer_to_another_label() -> None:
    strict = with_goal(ESCI, "accept", "yes", LabelLeaf("I"))
    found = esci(strict, "S")
    assert (found.fate, found.leaf, format_path(found.path)) == (Fate.CHANGE, LabelLeaf("I"), PATHS["S"])
    assert esci(strict, "E").fate == Fate.KEEP


def test_replay_keeps_the_label_of_a_walk_that_became_shorter() -> None:
    short = with_goal(ESCI, "conflict", "no", LabelLeaf("E"))
    found = esci(short, "E")
    assert (found.fate, format_path(found.path)) == (Fate.KEEP, "need:yes,type:yes,conflict:no")


def test_replay_asks_a_new_question_on_the_way_and_goes_on_after_it() -> None:
    fresh = Question("used", "Is it used?", "", (Answer("yes", "Yes", LabelLeaf("I")), Answer("no", "No", "silent")))
    longer = with_goal(with_question(ESCI, fresh), "conflict", "no", "used")
    found = esci(longer, "E", {"used"})
    begun = parse_path("need:yes,type:yes,conflict:no")
    assert found == Replayed(Fate.ASK, begun, "used", Why.UNANSWERED)
    holding = answers_that_hold(longer, parse_path(PATHS["E"]), {"used"})
    assert walk(longer, go_on(longer, (*begun, ("used", "no")), holding)) == LabelLeaf("E")
    assert walk(longer, go_on(longer, (*begun, ("used", "yes")), holding)) == LabelLeaf("I")


def test_replay_asks_where_the_answer_is_gone() -> None:
    found = esci(without_answer(ESCI, "silent", "no"), "E")
    assert found == Replayed(Fate.ASK, parse_path("need:yes,type:yes,conflict:no"), "silent", Why.GONE)


def test_replay_asks_again_rather_than_turn_a_label_into_a_skip() -> None:
    found = esci(with_goal(ESCI, "conflict", "yes", SkipLeaf("needs_evidence")), "S")
    assert found == Replayed(Fate.ASK, parse_path("need:yes,type:yes"), "conflict", Why.SKIP)


def test_replay_begins_anew_where_the_first_question_is_another() -> None:
    found = esci(replace(ESCI, start="type"), "E")
    assert (found.fate, format_path(found.path)) == (Fate.KEEP, "type:yes,conflict:no,silent:no")
    found = esci(replace(ESCI, start="job"), "E")
    assert found == Replayed(Fate.ASK, (), "job", Why.UNANSWERED)


@pytest.mark.parametrize("changed", [{"need"}, {"need", "silent"}])
def test_replay_asks_the_first_question_from_the_start(changed: set[str]) -> None:
    assert esci(ESCI, "E", changed) == Replayed(Fate.ASK, (), "need", Why.REWORDED)
