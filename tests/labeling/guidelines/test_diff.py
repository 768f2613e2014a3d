"""Differences between two versions."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.guidelines.diff import (
    AnswerChange,
    Piece,
    Pieces,
    TextChange,
    changed_questions,
    compare_guidelines,
    compare_lines,
    compare_texts,
)
from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import Answer, Example, Guideline, LabelLeaf, Question, SkipLeaf
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


def marked(pieces: Pieces) -> str:
    """Write pieces as "same [gone] {new}"."""
    signs = {"same": "%s", "gone": "[%s]", "new": "{%s}"}
    return "".join(signs[piece.kind] % piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("old", "new", "shows"),
    [
        ("Is it red?", "Is it red?", "Is it red?"),
        ("Is this the type asked for?", "Is this the kind asked for?", "Is this the [type]{kind} asked for?"),
        ("Is it of that type, too?", "Is it of the same kind, too?", "Is it of [that type]{the same kind}, too?"),
        ("Compare it with care", "Compare it, with care", "Compare it{,} with care"),
        ("Say no only then.", "Maybe.", "[Say no only then.]{Maybe.}"),
        ("", "All new", "{All new}"),
        ("All gone", "", "[All gone]"),
        ("", "", ""),
        ("検索語の商品ですか", "検索語の種類の商品ですか", "検索語{の種類}の商品ですか"),
        ("One line.\nTwo lines.", "One line.\n\nTwo lines.", "One line.[\n]{\n\n}Two lines."),
    ],
)
def test_changed_words_are_marked(old: str, new: str, shows: str) -> None:
    assert marked(compare_texts(old, new)) == shows


@given(st.lists(st.sampled_from(["it ", "is", " red", "\n", "商", "品", "7", "."])), st.data())
def test_marked_words_make_both_texts(words: list[str], data: st.DataObject) -> None:
    old = "".join(words)
    new = "".join(data.draw(st.permutations(words)))
    pieces = compare_texts(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == new
    assert all(piece.text for piece in pieces)


def test_same_guideline_has_no_difference() -> None:
    assert not compare_guidelines(ESCI, parse_guideline(default_source(), ("E", "S", "C", "I")))


def test_difference_of_a_question_names_each_part() -> None:
    one, other = ACCEPT.examples[:2]
    maybe = Answer("maybe", "Cannot tell", SkipLeaf("needs_evidence"))
    new = replace(
        ACCEPT,
        ask=f"{ACCEPT.ask} Really?",
        answers=(maybe, replace(YES, go=LabelLeaf("E"))),
        examples=(replace(one, why="Because."), Example("a", "b", "maybe", "c"), *ACCEPT.examples[2:]),
    )
    difference = compare_guidelines(ESCI, with_question(new))
    assert (difference.title, difference.start, difference.skips, difference.translations) == ((), (), (), {})
    (change,) = difference.questions
    assert (change.kind, change.id, change.meaning, change.reordered) == ("changed", "accept", True, False)
    assert marked(change.ask) == f"{ACCEPT.ask}{{ Really?}}"
    assert change.help == ()
    assert change.answers == (
        AnswerChange("added", "maybe", (Piece("Cannot tell", "new"),), (None, SkipLeaf("needs_evidence"))),
        AnswerChange("changed", "yes", (Piece(YES.text, "same"),), (LabelLeaf("S"), LabelLeaf("E"))),
        AnswerChange("removed", "no", (Piece(NO.text, "gone"),), (LabelLeaf("I"), None)),
    )
    assert [(example.kind, marked(example.query)) for example in change.examples] == [
        ("changed", one.query),
        ("added", "{a}"),
        ("removed", f"[{other.query}]"),
    ]
    assert marked(change.examples[0].why) == f"[{one.why}]{{Because.}}"
    assert marked(change.examples[0].answer) == one.answer


def test_question_with_other_examples_or_order_is_shown_and_has_the_same_meaning() -> None:
    (change,) = compare_guidelines(ESCI, with_question(replace(ACCEPT, answers=(NO, YES), examples=()))).questions
    assert not change.meaning
    assert change.reordered
    assert change.answers == ()
    assert {example.kind for example in change.examples} == {"removed"}


def test_examples_that_only_moved_do_not_differ() -> None:
    moved = replace(ACCEPT, examples=tuple(reversed(ACCEPT.examples)))
    assert not compare_guidelines(ESCI, with_question(moved))


def test_new_and_removed_questions_are_told_whole() -> None:
    more = with_question(replace(ACCEPT, id="used"))
    (added,) = compare_guidelines(ESCI, more).questions
    assert (added.kind, added.id, added.meaning) == ("added", "used", True)
    assert marked(added.ask) == f"{{{ACCEPT.ask}}}"
    assert marked(added.help) == f"{{{ACCEPT.help}}}"
    assert [answer.leads for answer in added.answers] == [(None, LabelLeaf("S")), (None, LabelLeaf("I"))]
    assert len(added.examples) == len(ACCEPT.examples)
    (removed,) = compare_guidelines(more, ESCI).questions
    assert (removed.kind, removed.meaning, marked(removed.ask)) == ("removed", False, f"[{ACCEPT.ask}]")
    assert len(removed.answers) == len(ACCEPT.answers)


def test_difference_tells_of_title_start_skips_and_translations() -> None:
    old = parse_guideline(default_source(), ("E", "S", "C", "I"))
    spanish = replace(old.translations["es"], title="Otro título", skips=MappingProxyType({}))
    new = replace(
        old,
        title=f"{old.title}, again",
        start="type",
        skips=MappingProxyType({"unclear_query": "No idea", "other": "Another reason"}),
        translations=MappingProxyType({"es": spanish}),
    )
    difference = compare_guidelines(old, new)
    assert marked(difference.title) == f"{old.title}{{, again}}"
    assert marked(difference.start) == "[need]{type}"
    assert difference.questions == ()
    assert [(change.kind, change.names) for change in difference.skips] == [
        ("changed", ("unclear_query",)),
        ("added", ("other",)),
        *[("removed", (reason,)) for reason in old.skips if reason != "unclear_query"],
    ]
    assert set(difference.translations) == {"es", "ja"}
    assert {change.kind for change in difference.translations["ja"]} == {"removed"}
    assert difference.translations["es"][0].names == ("title",)
    assert (
        TextChange(
            "removed", ("skip", "needs_evidence"), (Piece(old.translations["es"].skips["needs_evidence"], "gone"),)
        )
        in difference.translations["es"]
    )


def test_translated_example_is_named_by_its_number() -> None:
    old = parse_guideline(default_source(), ("E", "S", "C", "I"))
    words = old.translations["es"].questions["need"]
    fewer = replace(words, examples=words.examples[:-1])
    questions = MappingProxyType({**old.translations["es"].questions, "need": fewer})
    spanish = replace(old.translations["es"], questions=questions)
    new = replace(old, translations=MappingProxyType({**old.translations, "es": spanish}))
    changes = compare_guidelines(old, new).translations["es"]
    assert [change.names for change in changes] == [
        ("need", "example", str(len(words.examples)), part) for part in ("query", "product", "why")
    ]


def test_lines_that_differ_are_shown_with_those_around_them() -> None:
    old = "a\nb\nc\nd\ne\nf\ng\n"
    new = "a\nb\nC\nd\ne\nf\ng\nh\n"
    assert [(line.kind, line.number, line.text) for line in compare_lines(old, new, around=1)] == [
        ("gap", 2, ""),
        ("same", 2, "b"),
        ("gone", 3, "c"),
        ("new", 3, "C"),
        ("same", 4, "d"),
        ("gap", 7, ""),
        ("same", 7, "g"),
        ("new", 8, "h"),
    ]
    assert compare_lines(old, old) == ()
