"""Put a worked example into the text of a guideline, and change nothing else."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labeling.guidelines.edit import GuidelineEditError, add_example, tidy_example
from labeling.guidelines.parse import MAX_EXAMPLES, default_source, parse_guideline
from labeling.guidelines.source import MAX_EXAMPLE
from labeling.guidelines.tree import Example, Guideline

ESCI = ("E", "S", "C", "I")
LABELS = ("good", "bad")

HEAD = """\
title: Small tree   # what it is
start: clear

"""
CLEAR = """\
questions:
  clear:
    ask: Is it clear?
    help: Look twice.
    answers:
      yes: {text: It is, go: fits}
      no: {text: It is not, skip: unclear}
"""
FITS = """\
  fits:
    ask: Does it fit?
    answers:
      yes: {text: "Yes", label: good}
      no: {text: "No", label: bad}
    help: Try it on.
"""
TAIL = """\

# Why not: one sentence each.
skips:
  unclear: I cannot tell
"""
# How the examples of "fits" may be written, and what stands after them.
FORMS = {
    "none": "",
    "none, a comment": "    # No examples yet.\n",
    "empty": "    examples:\n",
    "empty brackets": "    examples: []  # soon\n",
    "indented": "    examples:\n      - {query: red hat, product: Red felt hat, answer: yes, why: It is.}\n\n",
    "not indented": "    examples:\n    - query: red hat\n      product: Red\n      answer: yes\n      why: It is.\n",
    "folded": "    examples:\n      - query: red hat\n        product: Red\n        answer: yes\n        why: >-\n"
    "          It is\n          red.\n\n\n",
    "kept blank lines": "    examples:\n      - query: red hat\n        product: Red\n        answer: yes\n"
    "        why: |+\n          It is.\n\n\n",
    "brackets": "    examples: [{query: red hat, product: Red felt hat, answer: yes, why: It is.},\n"
    "      {query: red, product: Red, answer: yes, why: It is., }, # comma\n      ]\n",
    "not the last field": "    examples:\n      - {query: red, product: Red, answer: yes, why: It is.}\n  # after\n",
}
NEW = Example("blue hat", "Red hat, size: L", "no", "It is red, not blue.")


def written(form: str) -> str:
    return HEAD + CLEAR + FITS + FORMS[form] + TAIL


def with_example(tree: Guideline, question_id: str, example: Example) -> Guideline:
    question = tree.questions[question_id]
    longer = replace(question, examples=(*question.examples, example))
    return replace(tree, questions=MappingProxyType({**tree.questions, question_id: longer}))


def is_added(before: str, after: str) -> bool:
    """Tell whether the new text is the old one with something put in at one place."""
    start = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    return after.endswith(before[start:])


texts = st.text(
    st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("\n:#\"'-{}[],&*!|>%@`?~=\\ \u2028\x85"),
    min_size=1,
    max_size=MAX_EXAMPLE,
).map(str.strip)


def examples_of(*answers: str) -> st.SearchStrategy[Example]:
    """Any example that a guideline takes; str.strip may leave nothing, and U+0085 is refused by every guideline."""
    fine = texts.filter(lambda text: text and "\x85" not in text)
    return st.builds(Example, fine, fine, st.sampled_from(answers), fine)


@settings(max_examples=25, deadline=None)
@given(example=examples_of("yes", "no"), question_id=st.sampled_from(("need", "type", "conflict", "together")))
def test_add_example_puts_any_text_into_the_default_guideline(example: Example, question_id: str) -> None:
    before = default_source()
    after = add_example(before, question_id, example)
    tree = parse_guideline(before, ESCI)
    assume(example not in tree.questions[question_id].examples)
    assert parse_guideline(after, ESCI) == with_example(tree, question_id, example)
    assert is_added(before, after)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", [TAIL, ""])
@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=10, deadline=None)
@given(example=examples_of("yes", "no"))
def test_add_example_keeps_to_the_form_it_finds(form: str, end: str, newline: str, example: Example) -> None:
    text = HEAD + (TAIL if end == "" else "") + CLEAR + FITS + FORMS[form] + end
    before = text.replace("\n", newline)
    after = add_example(before, "fits", example)
    # An empty list is a problem, and becomes none with the first example.
    tree = parse_guideline(before if form != "empty" else before.replace(f"    examples:{newline}", ""), LABELS)
    assert parse_guideline(after, LABELS) == with_example(tree, "fits", example)
    assert is_added(before, after)


def test_add_example_is_set_in_the_style_of_the_default_guideline() -> None:
    after = add_example(written("indented"), "fits", replace(NEW, why=("reddish " * 20).strip()))
    lines = [
        "      - {query: red hat, product: Red felt hat, answer: yes, why: It is.}",
        "      - query: blue hat",
        '        product: "Red hat, size: L"',
        "        answer: no",
        "        why: >-",
        "          " + ("reddish " * 12).strip(),
        "          " + ("reddish " * 8).strip(),
        "",
        "",
        "# Why not: one sentence each.",
    ]
    assert "\n".join(lines) in after


@pytest.mark.parametrize("last_line", ["    help: Try it on.", "    examples: []", "    help: >-\n      Try it on."])
def test_add_example_at_the_end_of_a_text_without_a_last_line_break(last_line: str) -> None:
    before = HEAD + TAIL + CLEAR + FITS.replace("    help: Try it on.\n", "    help: It.\n" * ("help" not in last_line))
    before += last_line
    tree = parse_guideline(before, LABELS)
    assert parse_guideline(add_example(before, "fits", NEW), LABELS) == with_example(tree, "fits", NEW)


def test_add_example_to_a_question_in_braces() -> None:
    braces = (
        "  fits: {ask: Fits, help: Try, answers: {yes: {text: Y, label: good}, no: {text: N, label: bad}},}\n" + TAIL
    )
    tree = parse_guideline(HEAD + CLEAR + braces, LABELS)
    once = add_example(HEAD + CLEAR + braces, "fits", NEW)
    assert parse_guideline(once, LABELS) == with_example(tree, "fits", NEW)
    second = replace(NEW, query='hat, 3" {wide}')
    assert parse_guideline(add_example(once, "fits", second), LABELS).questions["fits"].examples == (NEW, second)


def test_add_example_twice_adds_it_once() -> None:
    once = add_example(written("indented"), "fits", NEW)
    assert add_example(once, "fits", NEW) == once


def test_add_example_does_not_mind_other_problems() -> None:
    before = written("indented").replace("label: bad", "label: worse")
    assert "blue hat" in add_example(before, "fits", NEW)


@pytest.mark.parametrize(
    ("source", "question_id", "example", "says"),
    [
        (written("none"), "fit", NEW, "no question 'fit'"),
        (
            written("none"),
            "fits",
            replace(NEW, answer="maybe"),
            "'maybe' is no answer to 'fits'; its answers are yes, no",
        ),
        (written("none"), "fits", replace(NEW, why=""), "The example's why: expected text, found nothing"),
        (written("none"), "fits", replace(NEW, why=" It is red."), "why begins or ends with white space"),
        (written("none"), "fits", replace(NEW, query="a\x07b"), "query: the character U\\+0007"),
        (written("none"), "fits", replace(NEW, product="x" * (MAX_EXAMPLE + 1)), "501 characters; at most 500"),
        (written("none").replace("help: Try", 'help: "Try'), "fits", NEW, "Line 21: This is not valid YAML"),
        (written("none") + "    examples: none\n", "unclear", NEW, "Line 21: .*mapping values"),
        (written("empty").replace("examples:", "examples: none"), "fits", NEW, "is no list"),
        ("title: No questions", "fits", NEW, "no question"),
        ("just a text", "fits", NEW, "no question"),
        ("", "fits", NEW, "empty"),
    ],
)
def test_add_example_says_what_is_in_the_way(source: str, question_id: str, example: Example, says: str) -> None:
    with pytest.raises(GuidelineEditError, match=says) as caught:
        add_example(source, question_id, example)
    assert "- query: " in caught.value.by_hand
    assert caught.value.by_hand in str(caught.value)


def test_add_example_leaves_a_full_list_alone() -> None:
    source = written("none")
    for number in range(MAX_EXAMPLES):
        source = add_example(source, "fits", replace(NEW, query=f"hat {number}"))
    with pytest.raises(GuidelineEditError, match="30 examples"):
        add_example(source, "fits", NEW)


def test_tidy_example_makes_an_example_of_any_texts() -> None:
    raw = Example(" red\that ", "Red \x07hat\n" + "felt " * 200, "yes", "It\u2028is.\n\nRed.")
    tidy = tidy_example(raw)
    assert (tidy.query, tidy.answer, tidy.why) == ("red hat", "yes", "It is. Red.")
    assert tidy.product.startswith("Red hat felt")
    assert tidy.product.endswith("felt f…")
    assert len(tidy.product) <= MAX_EXAMPLE
    assert len(tidy_example(replace(raw, product="x" * 900)).product) == MAX_EXAMPLE
    assert parse_guideline(add_example(written("none"), "fits", tidy), LABELS).questions["fits"].examples == (tidy,)
