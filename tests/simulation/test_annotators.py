import random
from collections import Counter

import pytest

from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import Question
from labeling.guidelines.walk import Path, parse_path, walk
from simulation.annotators import ERROR_RATES, Habits, answer_path, careful_to_hasty
from simulation.truth import EXACT, LABELS, SAME_JOB

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
