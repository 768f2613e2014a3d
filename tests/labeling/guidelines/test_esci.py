"""The default guideline: its words fit the page, and each known edge case has a worked example that decides."""

import pytest

from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import Example

ESCI = parse_guideline(default_source(), ("E", "S", "C", "I"))


def example(question: str, query: str) -> Example:
    return next(one for one in ESCI.questions[question].examples if one.query == query)


@pytest.mark.parametrize("question", list(ESCI.questions))
def test_question_has_help_and_an_example_of_each_answer(question: str) -> None:
    asked = ESCI.questions[question]

    assert asked.ask.endswith("?")
    assert 1 <= asked.help.count(". ") + 1 <= 3
    assert {one.answer for one in asked.examples} == {answer.key for answer in asked.answers}


# The edge cases of the public definition, where each is decided and how.
@pytest.mark.parametrize(
    ("case", "question", "query", "answer"),
    [
        ("another brand of the same type", "accept", "logitech wireless mouse", "yes"),
        ("a brand used as the type's name", "conflict", "kleenex", "no"),
        ("a third-party part that fits the brand", "conflict", "dyson v8 filter", "no"),
        ("an accessory for a product query", "together", "cordless drill", "yes"),
        ("the product for an accessory query", "together", "iphone 13 case", "yes"),
        ("a bundle whose main item fits", "type", "digital camera", "yes"),
        ("another pack size that is usable", "accept", "aa batteries 24 pack", "yes"),
        ("a size or an age that cannot be used", "accept", "toddler rain boots size 6", "no"),
        ("without, on a minor point", "accept", "wired headphones without microphone", "yes"),
        ("without, on the central point", "accept", "bread flour without gluten", "no"),
        ("digits and units that differ", "conflict", "hdmi cable 10 ft", "yes"),
        ("digits and units that are the same", "conflict", "shampoo 500 ml", "no"),
        ("a vague query that has a common reading", "need", "gift for dad who likes fishing", "yes"),
        ("another edition", "accept", "pride and prejudice hardcover", "yes"),
        ("another work", "accept", "pride and prejudice jane austen", "no"),
        ("every specification met", "silent", "plastic water bottle 24oz", "no"),
        ("another type for the same job", "job", "sweater", "yes"),
        ("used together", "together", "running shoe", "yes"),
        ("unrelated", "together", "kimono", "no"),
    ],
)
def test_edge_case_has_a_worked_example(case: str, question: str, query: str, answer: str) -> None:
    assert example(question, query).answer == answer, case


def test_skips_cover_what_keeps_anyone_from_judging() -> None:
    assert list(ESCI.skips) == [
        "unclear_query",
        "needs_evidence",
        "text_missing",
        "unknown_language",
        "offensive_content",
    ]
