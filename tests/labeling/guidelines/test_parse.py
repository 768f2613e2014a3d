"""Problems of a guideline's source: each is found, at its line, with what was expected."""

from itertools import pairwise

import pytest

from labeling.guidelines.parse import (
    MAX_ANSWERS,
    MAX_EXAMPLES,
    MAX_QUESTIONS,
    MAX_SKIPS,
    GuidelineError,
    default_source,
    parse_guideline,
)
from labeling.guidelines.source import MAX_SOURCE
from labeling.guidelines.tree import Answer, Example, LabelLeaf, Question, SkipLeaf

LABELS = ("good", "bad")

SMALL = """\
title: Small tree
start: clear
questions:
  clear:
    ask: Is it clear?
    help: Look twice.
    answers:
      yes: {text: It is, go: fits}
      no: {text: It is not, skip: unclear}
  fits:
    ask: Does it fit?
    help: Try it on.
    answers:
      yes: {text: "Yes", label: good}
      no: {text: "No", label: bad}
    examples:
      - {query: red hat, product: Red felt hat, answer: yes, why: It is a red hat.}
skips:
  unclear: I cannot tell
"""


def problems(source: str) -> list[tuple[int, str]]:
    with pytest.raises(GuidelineError) as caught:
        parse_guideline(source, LABELS)
    return [(problem.line, problem.message) for problem in caught.value.problems]


def test_parse_guideline_reads_every_part() -> None:
    guideline = parse_guideline(SMALL, LABELS)

    assert guideline.title == "Small tree"
    assert guideline.start == "clear"
    assert guideline.skips == {"unclear": "I cannot tell"}
    assert guideline.labels == ("good", "bad")
    assert list(guideline.questions) == ["clear", "fits"]
    assert guideline.questions["clear"].answers == (
        Answer("yes", "It is", "fits"),
        Answer("no", "It is not", SkipLeaf("unclear")),
    )
    assert guideline.questions["fits"] == Question(
        "fits",
        "Does it fit?",
        "Try it on.",
        (Answer("yes", "Yes", LabelLeaf("good")), Answer("no", "No", LabelLeaf("bad"))),
        (Example("red hat", "Red felt hat", "yes", "It is a red hat."),),
    )


def test_parse_guideline_reads_the_default_for_esci() -> None:
    guideline = parse_guideline(default_source(), ("E", "S", "C", "I"))

    assert set(guideline.labels) == {"E", "S", "C", "I"}
    assert {"unclear_query", "needs_evidence"} < set(guideline.skips)


def test_parse_guideline_returns_the_same_object_for_the_same_source() -> None:
    assert parse_guideline(SMALL, LABELS) is parse_guideline(SMALL, list(LABELS))
    assert parse_guideline(SMALL, ("good", "bad", "ugly")) is not parse_guideline(SMALL, LABELS)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("title: Small tree", "titel: Small tree", 1, "unknown field 'titel'; did you mean 'title'?"),
        ("title: Small tree", "title:", 1, "title: expected text, found nothing."),
        ("title: Small tree", "title: [a]", 1, "title: expected text, found a list."),
        ("title: Small tree", "title: " + "x" * 121, 1, "title: 121 characters; at most 120."),
        ("start: clear", "start: cleer", 2, "start: there is no question 'cleer'; did you mean 'clear'?"),
        ("start: clear", "start: zzz", 2, "there is no question 'zzz'; expected one of clear, fits."),
        ("start: clear", "start: fits", 4, "question 'clear': no answer leads here from 'fits'."),
        ("  clear:\n", "  Clear:\n", 4, "the name 'Clear' does not fit"),
        ("    ask: Is it clear?\n", "", 4, "question 'clear': 'ask' missing."),
        (
            "    ask: Is it clear?\n",
            "    ask: Is it clear?\n    ask: Is it?\n",
            6,
            "stands here twice, first on line 5",
        ),
        ("    ask: Is it clear?\n", "    hint: Is it clear?\n", 5, "expected one of ask, help, answers, examples."),
        ("    help: Look twice.", "    help: {look: twice}", 6, "found `key: value` lines"),
        ("    help: Look twice.", '    help: "a\\0b"', 6, "the character U+0000 is not allowed"),
        ("    help: Look twice.", '    help: "a\\ud800b"', 6, "the character U+D800 is not allowed"),
        ("go: fits", "go: fit", 8, "there is no question 'fit'; did you mean 'fits'?"),
        ("go: fits", "go: clear", 4, "the answers go round in a circle, clear > clear."),
        ("go: fits", "go: fits, label: good", 8, "expected exactly one of go, label and skip; found go and label."),
        (", go: fits", "", 8, "expected exactly one of go, label and skip; found none."),
        ("skip: unclear}", "skip: unclaer}", 9, "there is no skip reason 'unclaer'; did you mean 'unclear'?"),
        ("      no: {text: It is not, skip: unclear}\n", "", 7, "one answer is no choice"),
        ("{text: It is, go: fits}", "{go: fits}", 8, "answer 'yes': 'text' missing."),
        ("label: bad", "label: bda", 15, "there is no label 'bda'; did you mean 'bad'?"),
        ("label: bad", "go: clear", 10, "go round in a circle, clear > fits > clear."),
        ("answer: yes, ", "answer: maybe, ", 17, "'maybe' is no answer here; expected one of yes, no."),
        (", why: It is a red hat.", "", 17, "example 1: 'why' missing."),
        ("    examples:\n", "    examples: {}\n#", 16, "expected a list of `- ` items, found `key: value` lines."),
        ("  unclear: I cannot tell", "  unclear:", 19, "skip reason 'unclear': expected text, found nothing."),
        ("skips:\n  unclear: I cannot tell", "skips: {}", 18, "skips: 0 found; expected 1 to 20."),
        ("skips:\n  unclear: I cannot tell", "skips: none", 18, "expected `key: value` lines, found the text 'none'."),
    ],
)
def test_parse_guideline_names_line_and_expectation(old: str, new: str, line: int, message: str) -> None:
    source = SMALL.replace(old, new, 1)
    assert source != SMALL

    found = problems(source)

    assert any(at == line and message in text for at, text in found), found


def test_parse_guideline_reports_all_problems_in_the_order_of_lines() -> None:
    source = SMALL.replace("Is it clear?", "").replace("go: fits", "go: fist").replace("label: bad", "label: bd")

    found = problems(source)

    assert [line for line, _ in found] == [5, 8, 10, 15]


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("", 1, "The guideline is empty."),
        ("- a\n", 1, "found a list"),
        ("title: a\nstart: [\n", 3, "This is not valid YAML"),
        ("title: a\n\tb: c\n", 2, "This is not valid YAML"),
        ("title: a\n---\ntitle: b\n", 2, "This is not valid YAML"),
        ("title: a\nstart: \x00\n", 2, "The character U+0000 is not allowed."),
        ("title: &a x\nstart: *a\n", 2, "The alias *a is not allowed"),
        ("title: a\nstart: " + "[" * 5_000 + "]" * 5_000, 2, "This is nested too deeply."),
        ("#" * (MAX_SOURCE + 1), 1, "at most 200,000"),
        ("{[a]: b}", 1, "expected a plain key, found a list"),
    ],
)
def test_parse_guideline_refuses_what_is_no_plain_yaml(source: str, line: int, message: str) -> None:
    found = problems(source)

    assert any(at == line and message in text for at, text in found), found


def question(name: str, answers: str) -> str:
    return f"  {name}:\n    ask: Is it {name}?\n    help: Look.\n    answers: {{{answers}}}\n"


def tree(questions: str, skips: str = "  unclear: Not clear\n") -> str:
    return f"title: T\nstart: q0\nquestions:\n{questions}skips:\n{skips}"


def test_parse_guideline_limits_the_number_of_answers() -> None:
    answers = ", ".join(f"a{n}: {{text: A, label: good}}" for n in range(MAX_ANSWERS + 1))

    assert problems(tree(question("q0", answers))) == [(7, "question 'q0', answers: 10 found; expected 1 to 9.")]


def test_parse_guideline_limits_the_number_of_questions() -> None:
    chain = "".join(
        question(f"q{n}", f"yes: {{text: Y, go: q{n + 1}}}, no: {{text: N, label: bad}}") for n in range(1_500)
    )
    end = question("q1500", "yes: {text: Y, label: good}, no: {text: N, label: bad}")

    assert problems(tree(chain + end)) == [(3, f"questions: 1501 found; expected 1 to {MAX_QUESTIONS}.")]


def test_parse_guideline_limits_the_number_of_skips_and_examples() -> None:
    skips = "".join(f"  s{n}: Reason\n" for n in range(MAX_SKIPS + 1))
    example = "      - {query: a, product: b, answer: yes, why: c}\n"
    only = question("q0", "yes: {text: Y, label: good}, no: {text: N, label: bad}") + "    examples:\n"

    found = problems(tree(only + example * (MAX_EXAMPLES + 1), skips))

    assert [message for _, message in found] == [
        "question 'q0': 31 examples; at most 30.",
        "skips: 21 found; expected 1 to 20.",
    ]


def test_parse_guideline_limits_the_number_of_walks() -> None:
    # Twice as many walks with each question: 2**13 = 8,192 of them.
    doubling = "".join(
        question(f"q{n}", f"yes: {{text: Y, go: q{n + 1}}}, no: {{text: N, go: q{n + 1}}}") for n in range(12)
    )
    end = question("q12", "yes: {text: Y, label: good}, no: {text: N, label: bad}")

    assert problems(tree(doubling + end)) == [(4, "the answers make 8,192 different walks from 'q0'; at most 5,000.")]


def test_parse_guideline_limits_the_length_of_a_walk() -> None:
    # A chain of 60 questions with names of 32 characters, each answered by "yes".
    names = ["q0", *(f"question_with_a_rather_long_na{n:02d}" for n in range(1, 60))]
    chain = "".join(
        question(name, f"yes: {{text: Y, go: {following}}}, no: {{text: N, label: bad}}")
        for name, following in pairwise(names)
    )
    end = question(names[-1], "yes: {text: Y, label: good}, no: {text: N, label: bad}")
    expected = sum(len(name) for name in names) + 60 * len(":yes,")

    assert expected == 2_190
    assert problems(tree(chain + end)) == [
        (4, "the longest walk from 'q0' takes 2,190 characters to write; at most 2,000.")
    ]


def test_guideline_error_reads_as_lines() -> None:
    with pytest.raises(GuidelineError, match=r"^Line 2: start: there is no question 'cleer'; did you mean 'clear'\?$"):
        parse_guideline(SMALL.replace("start: clear", "start: cleer"), LABELS)
