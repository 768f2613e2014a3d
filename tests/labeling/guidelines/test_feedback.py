"""Where a walk left the right path, on the default tree."""

import pytest

from labeling.guidelines.feedback import Feedback, compare_walk
from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import Guideline
from labeling.guidelines.walk import PathError, format_path, parse_path

ESCI = parse_guideline(default_source(), ("E", "S", "C", "I"))

EXACT = "need:yes,type:yes,conflict:no,silent:no"
COMPROMISE = "need:yes,type:yes,conflict:yes,accept:yes"
SAME_JOB = "need:yes,type:no,job:yes"
USELESS = "need:yes,type:yes,conflict:yes,accept:no"
UNRELATED = "need:yes,type:no,job:no,together:no"
TOGETHER = "need:yes,type:no,job:no,together:yes"


def compare(walked: str, label: str, known: str = "", guideline: Guideline = ESCI) -> Feedback:
    return compare_walk(guideline, parse_path(walked), label, parse_path(known))


def parting(feedback: Feedback) -> tuple[str, str | None, str]:
    """Return the question, what was answered there and what is right."""
    assert feedback.parting is not None
    given = feedback.parting.given
    return feedback.parting.question.id, given.key if given else None, feedback.parting.wanted.key


def test_right_walk_has_no_parting() -> None:
    feedback = compare(EXACT, "E", EXACT)
    assert (feedback.right, feedback.parting, format_path(feedback.path)) == (True, None, EXACT)
    assert compare(SAME_JOB, "S").parting is None


@pytest.mark.parametrize(
    ("walked", "label", "known", "expected"),
    [
        (EXACT, "S", COMPROMISE, ("conflict", "no", "yes")),
        (EXACT, "S", SAME_JOB, ("type", "yes", "no")),
        (USELESS, "S", COMPROMISE, ("accept", "no", "yes")),
        (TOGETHER, "I", UNRELATED, ("together", "yes", "no")),
        (TOGETHER, "I", USELESS, ("type", "no", "yes")),
    ],
)
def test_parting_is_the_first_question_off_the_known_path(
    walked: str, label: str, known: str, expected: tuple[str, str, str]
) -> None:
    feedback = compare(walked, label, known)
    assert not feedback.right
    assert parting(feedback) == expected
    assert format_path(feedback.path) == known


@pytest.mark.parametrize(
    ("walked", "label", "path", "expected"),
    [
        (EXACT, "S", COMPROMISE, ("conflict", "no", "yes")),
        (TOGETHER, "S", SAME_JOB, ("job", "no", "yes")),
        (EXACT, "I", USELESS, ("conflict", "no", "yes")),
        (SAME_JOB, "I", UNRELATED, ("job", "yes", "no")),
        (COMPROMISE, "C", TOGETHER, ("type", "yes", "no")),
    ],
)
def test_path_of_a_label_alone_is_the_one_that_shares_most_with_the_walk(
    walked: str, label: str, path: str, expected: tuple[str, str, str]
) -> None:
    feedback = compare(walked, label)
    assert format_path(feedback.path) == path
    assert parting(feedback) == expected


def test_right_label_by_another_way_is_right_and_parts() -> None:
    feedback = compare(USELESS, "I", UNRELATED)
    assert feedback.right
    assert parting(feedback) == ("type", "yes", "no")


def test_skip_at_the_end_of_a_walk_parts_where_it_was_said() -> None:
    feedback = compare("need:no", "E")
    assert not feedback.right
    assert parting(feedback) == ("need", "no", "yes")


def test_skip_on_the_way_parts_where_it_was_broken_off() -> None:
    feedback = compare("need:yes,type:yes", "E", EXACT)
    assert not feedback.right
    assert parting(feedback) == ("conflict", None, "no")
    assert parting(compare("", "E", EXACT)) == ("need", None, "yes")


def test_parting_shows_the_examples_that_have_the_right_answer() -> None:
    found = compare(EXACT, "S", COMPROMISE).parting
    assert found is not None
    assert {example.answer for example in found.examples} == {"yes"}
    assert "hdmi cable 10 ft" in [example.query for example in found.examples]
    assert len(found.examples) < len(found.question.examples)


def test_path_that_is_none_here_or_leads_elsewhere_is_not_compared_with() -> None:
    for known in ("need:yes,kind:yes", EXACT, "need:yes"):
        assert format_path(compare(EXACT, "S", known).path) == COMPROMISE


def test_label_that_the_guideline_never_gives_has_no_parting() -> None:
    feedback = compare(EXACT, "X")
    assert (feedback.right, feedback.path, feedback.parting) == (False, (), None)


def test_walk_that_is_none_is_refused() -> None:
    with pytest.raises(PathError, match="expected an answer to 'type'"):
        compare("need:yes,silent:no", "E")
