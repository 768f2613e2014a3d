from labeling.guidelines.outline import outline
from labeling.guidelines.parse import default_source, parse_guideline

ESCI = ("E", "S", "C", "I")


def test_outline_has_every_question_and_where_its_answers_lead() -> None:
    text = outline(parse_guideline(default_source(), ESCI))
    assert text == (
        "1. Can you tell what the shopper wants? Yes: question 2. No, it could be anything: cannot be judged.\n"
        "2. Is this the type of product asked for? Yes: question 3. No, another type: question 6.\n"
        "3. Does anything the query states contradict this product? Yes, something contradicts: question 5. "
        "No contradiction: question 4.\n"
        "4. Does the product leave out something central to the query? Yes, it does not say: cannot be judged. "
        "No, all of it is there: E.\n"
        "5. Would a reasonable shopper take it instead, for the same job? Yes, as a compromise: S. "
        "No, it would not do: I.\n"
        "6. It is a different type, but does it do the same job? Yes, the same job: S. No, another job: question 7.\n"
        "7. Is it used together with a product that would be Exact? Yes, they go together: C. No, unrelated: I."
    )


def test_outline_begins_where_the_walk_begins() -> None:
    source = """
title: Two questions
start: second
questions:
  first:
    ask: Is it red?
    help: Look.
    answers:
      yes: {text: "Yes", label: good}
      no: {text: "No", skip: unclear}
  second:
    ask: Is it a mug?
    help: Look.
    answers:
      yes: {text: "Yes", go: first}
      no: {text: "No", label: bad}
skips:
  unclear: It cannot be seen
"""
    assert outline(parse_guideline(source, ("good", "bad"))) == (
        "1. Is it a mug? Yes: question 2. No: bad.\n2. Is it red? Yes: good. No: cannot be judged."
    )
