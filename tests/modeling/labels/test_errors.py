import math
from typing import Any

import numpy as np
import pytest

from modeling.estimates import wilson_interval
from modeling.labels.aggregation import dawid_skene
from modeling.labels.errors import Resolved, person_errors, question_errors
from modeling.labels.judged import Judged
from tests.modeling.labels.test_report import LABELS, WALKS, some_judged

EXACT, SUBSTITUTE_BY_TYPE, SUBSTITUTE_BY_JOB, COMPLEMENT, IRRELEVANT = range(5)


def of_one_pair(*walks: int) -> Judged:
    """One pair's judgments, by person 1, 2 and so on."""
    nothing = np.zeros(len(walks), dtype=np.int64)
    walk = np.array(walks)
    return Judged(nothing + 8, nothing, np.arange(len(walks)) + 1, LABELS[walk], walk, nothing, nothing)


def resolved(label: int, walk: int = -1) -> Resolved:
    return Resolved(np.array([3, 8]), np.array([0, label]), np.array([-1, walk]))


def wrong_at(judged: Judged, what: Resolved) -> dict[int, dict[str, tuple[float, int]]]:
    found: dict[int, dict[str, tuple[float, int]]] = {}
    for row in question_errors(judged, WALKS, what):
        found.setdefault(row.person, {})[row.question] = (row.error.value, row.error.n)
    return found


def test_question_errors_blame_the_answer_that_led_away() -> None:
    judged = of_one_pair(COMPLEMENT, COMPLEMENT, SUBSTITUTE_BY_JOB, EXACT)
    right, wrong = (0.0, 1), (1.0, 1)
    assert wrong_at(judged, resolved(label=2)) == {
        1: {"type": right, "job": right, "together": right},
        2: {"type": right, "job": right, "together": right},
        3: {"type": right, "job": wrong},
        4: {"type": wrong},  # nobody with the resolved label came to "conflict"
    }


def test_question_errors_take_any_way_to_the_resolved_label() -> None:
    judged = of_one_pair(SUBSTITUTE_BY_TYPE, SUBSTITUTE_BY_JOB, IRRELEVANT, EXACT)
    right, wrong = (0.0, 1), (1.0, 1)
    assert wrong_at(judged, resolved(label=1)) == {
        1: {"type": right, "conflict": right},
        2: {"type": right, "job": right},
        3: {"type": right, "job": wrong},
        4: {"type": right, "conflict": wrong},
    }


def test_question_errors_go_by_the_walk_of_a_ruling() -> None:
    judged = of_one_pair(SUBSTITUTE_BY_TYPE, IRRELEVANT, EXACT)
    right, wrong = (0.0, 1), (1.0, 1)
    assert wrong_at(judged, resolved(label=1, walk=SUBSTITUTE_BY_JOB)) == {
        1: {"type": right, "conflict": right},  # the label is right, whatever the way
        2: {"type": right, "job": wrong},
        3: {"type": wrong},
    }


def test_question_errors_do_not_count_where_nothing_can_be_compared() -> None:
    assert wrong_at(of_one_pair(EXACT, COMPLEMENT), resolved(label=3)) == {}
    assert question_errors(of_one_pair(EXACT), WALKS, Resolved(*(np.zeros(0, dtype=np.int64),) * 3)) == []
    with pytest.raises(ValueError, match="pair 8 is resolved twice"):
        question_errors(of_one_pair(EXACT), WALKS, Resolved(np.array([8, 8]), np.zeros(2, int), np.zeros(2, int)))


def test_question_errors_equal_a_loop_over_judgments() -> None:
    judged = some_judged(pairs=200)
    random = np.random.default_rng(4)
    pairs = random.permutation(np.unique(judged.pair))[:150]
    walk = random.integers(0, len(WALKS), len(pairs))
    ruled = random.random(len(pairs)) < 0.3
    what = Resolved(pairs, LABELS[walk], np.where(ruled, walk, -1))
    found = {(row.person, row.question): row.error for row in question_errors(judged, WALKS, what)}
    assert found == expected_errors(judged, what)
    assert list(found) == sorted(found, key=lambda key: (key[0], ["type", "conflict", "job", "together"].index(key[1])))


def expected_errors(judged: Judged, what: Resolved) -> dict[tuple[int, str], Any]:
    tally: dict[tuple[int, str], list[int]] = {}
    for pair, label, ruling in zip(what.pair, what.label, what.walk, strict=True):
        here = np.flatnonzero(judged.pair == pair)
        led = [dict(WALKS[judged.walk[index]]) for index in here if judged.label[index] == label]
        if ruling >= 0:
            led = [dict(WALKS[ruling])]
        for index in here:
            for question, answer in WALKS[judged.walk[index]]:
                answers = {walk[question] for walk in led if question in walk}
                if judged.label[index] == label:
                    tally.setdefault((int(judged.person[index]), question), []).append(0)
                elif answers:
                    tally.setdefault((int(judged.person[index]), question), []).append(int(answer not in answers))
    return {key: wilson_interval(sum(wrong), len(wrong)) for key, wrong in tally.items()}


def test_person_errors_say_who_errs_at_which_label() -> None:
    """Three people; the third takes every second label 1 for label 2."""
    truth = np.arange(300) % 3
    given = np.tile(truth, (3, 1))
    given[2, (truth == 1) & (np.arange(300) % 2 == 0)] = 2
    item, person = np.tile(np.arange(300), 3), np.repeat([11, 12, 13], 300)
    errors = person_errors(dawid_skene(item, person, given.ravel(), labels=4))
    assert [row.person for row in errors] == [13, 11, 12]
    worst = errors[0]
    assert worst.error.value == pytest.approx(1 / 6, abs=0.01)
    assert worst.error.n == 300
    assert [row.label for row in worst.labels] == [0, 1, 2, 3]
    assert [row.instead for row in worst.labels] == [None, 2, None, None]
    assert worst.labels[1].error.value == pytest.approx(0.5, abs=0.01)
    assert worst.labels[1].error.low < 0.5 < worst.labels[1].error.high
    assert worst.labels[1].error.n == 100
    assert max(row.error.value for row in errors[1].labels[:3]) < 0.01
    assert worst.labels[3].error.n == 0
    assert math.isnan(worst.labels[3].error.value)
