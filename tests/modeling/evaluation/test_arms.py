"""The arms' learning curves on planted judges: one arm ahead, behind, and neither."""

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modeling.evaluation.arms import compare_arms
from modeling.evaluation.classification import alpha_against_people

SIZES = (250, 500, 1000)
Labels = NDArray[np.int64]


def holdout(random: np.random.Generator, queries: int = 150, each: int = 6) -> tuple[Labels, Labels]:
    return random.choice(4, queries * each, p=[0.65, 0.22, 0.03, 0.10]), np.repeat(np.arange(queries), each)


def judged(random: np.random.Generator, truth: Labels, error: float) -> Labels:
    wrong = random.random(len(truth)) < error
    return np.where(wrong, (truth + random.integers(1, 4, len(truth))) % 4, truth)


def curves(random: np.random.Generator, active: float, plain: float, **settings: Any) -> Any:
    """Both arms err less with every size; the active one by the factor `active`, the random one by `plain`."""
    truth, queries = holdout(random)
    errors = {250: 0.4, 500: 0.32, 1000: 0.25}
    arms = [{size: judged(random, truth, error * by) for size, error in errors.items()} for by in (active, plain)]
    return compare_arms(truth, queries, *arms, labels=4, seed=1, **({"draws": 200} | settings))


def test_arm_that_helps_is_surely_ahead() -> None:
    found = curves(np.random.default_rng(1), active=0.6, plain=1.0)
    assert [point.labels for point in found.difference] == list(SIZES)
    assert all(point.alpha.low > 0 for point in found.difference)
    assert found.lead.low > 0
    assert found.lead.value == pytest.approx(np.mean([point.alpha.value for point in found.difference]))


def test_arm_that_harms_is_surely_behind() -> None:
    found = curves(np.random.default_rng(2), active=1.0, plain=0.6)
    assert found.lead.high < 0


def test_arms_that_are_alike_are_told_apart_no_oftener_than_promised() -> None:
    found = [curves(np.random.default_rng(seed), active=1.0, plain=1.0).lead for seed in range(100)]
    assert sum(not one.low <= 0 <= one.high for one in found) <= 11  # 5 are expected


def test_curves_hold_the_alpha_of_each_judge() -> None:
    random = np.random.default_rng(3)
    truth, queries = holdout(random)
    said = judged(random, truth, 0.3)
    found = compare_arms(truth, queries, {500: said, 900: truth}, {500: said}, labels=4, draws=200, seed=5)
    assert found.active[0].alpha == alpha_against_people(truth, said, queries, labels=4, draws=200, seed=5)
    assert found.active[1].alpha.value == 1
    assert [point.labels for point in found.difference] == [500]  # nobody was measured with 900 in the other arm
    assert found.difference[0].alpha.value == 0


def test_queries_hard_for_all_judges_do_not_widen_the_difference() -> None:
    random = np.random.default_rng(4)
    truth, queries = holdout(random)
    hard = random.random(150) < 0.3
    said = judged(random, truth, 0.05)
    said = np.where(hard[queries], (truth + 1) % 4, said)
    other = np.where(random.random(len(truth)) < 0.02, (truth + 1) % 4, said)
    found = compare_arms(truth, queries, {500: said}, {500: other}, labels=4, seed=1)
    width = found.active[0].alpha.high - found.active[0].alpha.low
    assert found.lead.high - found.lead.low < width / 3


def test_arms_without_a_shared_size_or_a_holdout_say_so() -> None:
    truth, queries = holdout(np.random.default_rng(6))
    apart = compare_arms(truth, queries, {500: truth}, {900: truth}, labels=4, seed=1)
    assert apart.difference == ()
    assert math.isnan(apart.lead.value)
    assert json.loads(json.dumps(apart.to_dict()))["lead"]["value"] is None
    empty = compare_arms([], [], {500: []}, {500: []}, labels=4, seed=1)
    assert math.isnan(empty.active[0].alpha.value)
    assert math.isnan(empty.lead.low)


def test_labels_that_do_not_fit_the_holdout_are_refused() -> None:
    with pytest.raises(ValueError, match=r"judge of 500 must be of one length, got \(3,\), \(3,\) and \(2,\)"):
        compare_arms([0, 1, 2], [1, 1, 2], {500: [0, 1]}, {}, labels=4, seed=1)
