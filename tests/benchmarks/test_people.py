"""People of the benchmark of active learning: they err as the simulated annotators do, and on hard pairs as told."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.people import HARD_RATE, LABELS, Panel, is_hard
from simulation.truth import ACCEPTED, EXACT, REFUSED, SAME_JOB, SILENT, TOGETHER, UNRELATED
from simulation.truth import LABELS as LEAVES

PATHS = (EXACT, ACCEPTED, REFUSED, SAME_JOB, TOGETHER, UNRELATED)


def wrong_by_path(noisy: bool, each: int = 400) -> dict[str, float]:
    """The share of single judgments that are wrong, by true path."""
    paths = [path for path in PATHS for _ in range(each)]
    votes = Panel(paths, 1, noisy=noisy).judge(np.arange(len(paths))).votes
    right = np.array([LABELS.index(LEAVES[path]) for path in paths])
    # The first two judgments alone: a third is asked only where those two differ.
    shares = 1 - votes[np.arange(len(paths)), right] / votes.sum(axis=1)
    return {path: float(shares[place * each : (place + 1) * each].mean()) for place, path in enumerate(PATHS)}


def test_hard_pairs_are_those_at_the_boundaries_of_the_tree() -> None:
    assert [is_hard(path) for path in PATHS] == [False, True, True, False, True, False]
    assert not is_hard(SILENT)


def test_people_err_on_a_few_pairs_of_every_kind() -> None:
    assert all(0.005 < wrong < 0.2 for wrong in wrong_by_path(noisy=False).values())


def test_noisy_people_err_on_the_hard_pairs_and_as_usual_on_the_others() -> None:
    usual, noisy = wrong_by_path(noisy=False), wrong_by_path(noisy=True)
    for path in PATHS:
        if is_hard(path):
            assert noisy[path] == pytest.approx(HARD_RATE, abs=0.06)
        else:
            assert noisy[path] == usual[path]


def test_third_judgment_settles_a_tie_and_is_asked_for_no_other() -> None:
    panel = Panel([ACCEPTED] * 500, 3, noisy=True)
    said = panel.judge(np.arange(500))
    agreed = (said.votes > 0).sum(axis=1) == 1
    assert (said.votes.sum(axis=1) == np.where(agreed, 2, 3)).all()
    assert (said.votes[np.arange(500), said.labels] == said.votes.max(axis=1)).all()
    assert 0.3 < agreed.mean() < 0.7


def test_people_say_the_same_of_a_pair_whoever_draws_it() -> None:
    def labels(order: list[int], seed: int) -> NDArray[np.int64]:
        said = Panel([EXACT, ACCEPTED] * 50, seed, noisy=True).judge(np.array(order))
        return said.labels[np.argsort(order)]

    forth = list(range(100))
    assert (labels(forth, 1) == labels(forth[::-1], 1)).all()
    assert not (labels(forth, 1) == labels(forth, 2)).all()
