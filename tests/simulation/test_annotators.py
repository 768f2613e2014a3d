import random
from collections import Counter

import pytest

from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import Question
from labeling.guidelines.walk import Path, parse_path, walk
from simulation.annotators import ERROR_RATES, Habits, Misreading, answer_path, careful_to_hasty
from simulation.truth import ACCEPTED, EXACT, LABELS, SAME_JOB

TREE = parse_guideline(default_source(), "ESCI")
NEVER_WRONG = Habits(error_rates={})
WALKS = 20_000


def paths(truth: str, habits: Habits, count: int = WALKS) -> list[Path]:
    rng = random.Random(4)
    return [answer_path(rng, TREE, parse_path(truth), habits) for _ in range(count)]


@pytest.mark.parametrize("truth", LABELS)
def test_annotator_who_never_errs_walks_the_true_path(truth: str) -> None:
    assert set(paths(truth, NEVER_WRONG, 50)) == {parse_path(truth)}


@pytest.mark.parametrize("truth", LABELS)
def test_every_path_of_an_annotator_ends_in_a_leaf(truth: str) -> None:
    hasty = Habits(error_rates=dict.fromkeys(ERROR_RATES, 0.5))
    assert not any(isinstance(walk(TREE, path), Question) for path in paths(truth, hasty, 500))


@pytest.mark.parametrize(("truth", "question"), [(EXACT, "type"), (EXACT, "conflict"), (SAME_JOB, "job")])
def test_annotator_errs_at_a_question_as_often_as_their_rate_says(truth: str, question: str) -> None:
    right = dict(parse_path(truth))[question]
    answers = Counter(dict(path)[question] for path in paths(truth, Habits(error_rates={question: 0.1})))
    assert 1 - answers[right] / WALKS == pytest.approx(0.1, abs=0.01)


def test_errors_at_one_question_leave_those_before_it_right() -> None:
    for path in paths(EXACT, Habits(error_rates={"conflict": 1.0}), 100):
        assert path[:3] == (("need", "yes"), ("type", "yes"), ("conflict", "yes"))


def test_ordinary_error_rates_leave_most_walks_right() -> None:
    for truth in LABELS:
        right = sum(path == parse_path(truth) for path in paths(truth, Habits(), 4000)) / 4000
        assert 0.88 < right < 1.0, truth


def test_walks_are_repeatable() -> None:
    assert paths(EXACT, Habits(), 200) == paths(EXACT, Habits(), 200)


def test_several_people_range_from_careful_to_hasty() -> None:
    people = careful_to_hasty(4, seconds=2.0)
    rates = [habits.error_rates["conflict"] for habits in people]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(0.6 * ERROR_RATES["conflict"])
    assert rates[-1] == pytest.approx(1.5 * ERROR_RATES["conflict"])
    assert {habits.seconds for habits in people} == {2.0}


@pytest.mark.parametrize(
    ("habits", "message"),
    [
        ({"error_rates": {"type": 1.2}}, "the rate of 'type' is 1.2; expected 0 to 1"),
        ({"skip_rate": -0.1}, "the rate of 'skip' is -0.1; expected 0 to 1"),
        ({"seconds": -1.0}, "seconds is -1.0; expected 0 or more"),
    ],
)
def test_habits_that_cannot_be_are_refused(habits: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Habits(**habits)  # type: ignore[arg-type]


def test_a_misread_question_is_answered_otherwise_until_its_words_change() -> None:
    words = TREE.questions["accept"].ask
    habits = Habits(error_rates={}, misreading=Misreading("accept", words, "no", share=0.7))
    truth, rng = parse_path(ACCEPTED), random.Random(4)
    misread = [answer_path(rng, TREE, truth, habits, {"accept": words}) != truth for _ in range(WALKS)]
    assert sum(misread) / WALKS == pytest.approx(0.7, abs=0.01)
    assert {answer_path(rng, TREE, truth, habits, {"accept": "Clearer?"}) for _ in range(200)} == {truth}


def test_a_misread_question_leaves_the_others_right() -> None:
    words = TREE.questions["accept"].ask
    habits = Habits(error_rates={}, misreading=Misreading("accept", words, "no"))
    assert answer_path(random.Random(4), TREE, parse_path(EXACT), habits, {"accept": words}) == parse_path(EXACT)


def test_a_walk_that_was_begun_is_kept() -> None:
    begun = parse_path("need:yes,type:yes,conflict:yes")
    path = answer_path(random.Random(4), TREE, parse_path(EXACT), NEVER_WRONG, begun=begun)
    assert path[:3] == begun
    assert path[3][0] == "accept"


def test_every_second_of_several_people_misreads() -> None:
    misreading = Misreading("accept", "Take it?", "no")
    people = careful_to_hasty(5, misreading=misreading)
    assert [one.misreading for one in people] == [None, misreading, None, misreading, None]


def test_care_lowers_the_error_rates() -> None:
    assert careful_to_hasty(2, care=2.0)[1].error_rates["job"] == pytest.approx(0.75 * ERROR_RATES["job"])


def test_a_share_of_misread_pairs_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the share of misread pairs is 1\.5"):
        Misreading("accept", "Take it?", "no", share=1.5)
