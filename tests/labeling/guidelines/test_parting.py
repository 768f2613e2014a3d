"""Where walks through the default tree part, and through two versions of a tree."""

import itertools

import pytest

from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.parting import Parted, parting
from labeling.guidelines.walk import parse_path, whole_paths

EXACT = "need:yes,type:yes,conflict:no,silent:no"
COMPROMISE = "need:yes,type:yes,conflict:yes,accept:yes"
USELESS = "need:yes,type:yes,conflict:yes,accept:no"
SAME_JOB = "need:yes,type:no,job:yes"


def parted(*paths: str) -> tuple[str, tuple[int | None, ...]] | None:
    found = parting([parse_path(path) for path in paths])
    return (found.question, found.steps) if found else None


def test_two_walks_part_where_they_cease_to_be_the_same() -> None:
    assert parted(EXACT, COMPROMISE) == ("conflict", (2, 2))
    assert parted(COMPROMISE, USELESS) == ("accept", (3, 3))
    assert parted(EXACT, SAME_JOB) == ("type", (1, 1))


def test_three_walks_part_where_the_first_of_them_leaves() -> None:
    assert parted(COMPROMISE, USELESS, SAME_JOB) == ("type", (1, 1, 1))
    assert parted(EXACT, EXACT, USELESS) == ("conflict", (2, 2, 2))


@pytest.mark.parametrize("paths", [(), (EXACT,), (EXACT, EXACT), (EXACT, "need:yes,type:yes"), ("", EXACT)])
def test_walks_that_never_answer_differently_do_not_part(paths: tuple[str, ...]) -> None:
    assert parted(*paths) is None


def test_walk_that_met_the_question_not_at_all_is_told_apart() -> None:
    assert parted("type:no", "type:yes,conflict:no", "type:yes,conflict:yes") == ("type", (0, 0, 0))
    assert parted("need:yes,type:yes", "need:yes,type:yes,conflict:no", "need:yes,type:yes,conflict:yes") == (
        "conflict",
        (None, 2, 2),
    )


def test_question_that_only_one_version_asks_does_not_part() -> None:
    assert parted("need:yes,type:yes,conflict:no", "need:yes,size:fits,type:yes,conflict:yes") == ("conflict", (2, 3))
    assert parted("type:no", "size:fits,type:no,job:yes") is None


def test_among_questions_of_two_versions_the_soonest_met_comes_first() -> None:
    assert parted("a:yes,b:yes,c:yes", "b:no,c:no,a:yes") == ("b", (1, 0))
    assert parted("a:yes,b:yes", "b:no,a:no") == ("a", (0, 1))


def test_walks_of_one_tree_part_at_the_end_of_what_they_share() -> None:
    tree = parse_guideline(default_source(), ("E", "S", "C", "I"))
    paths = [path for path, _ in whole_paths(tree)]
    for one, other in itertools.combinations(paths, 2):
        shared = next(step for step, (mine, theirs) in enumerate(zip(one, other, strict=False)) if mine != theirs)
        assert parting([one, other]) == Parted(one[shared][0], (shared, shared))
