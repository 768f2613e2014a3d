import numpy as np
import pytest

from modeling.judge.batches import TokenBatches, share_step

LENGTHS = [int(length) for length in np.random.default_rng(3).integers(5, 80, 400)]


def epoch(batches: TokenBatches, number: int) -> list[list[int]]:
    batches.set_epoch(number)
    return list(batches)


def padded(rows: list[int]) -> int:
    return len(rows) * max(LENGTHS[row] for row in rows)


@pytest.mark.parametrize("budget", [160, 1024, 4096])
def test_steps_hold_every_row_once_within_their_budget(budget: int) -> None:
    batches = TokenBatches(LENGTHS, budget, seed=1)
    steps = epoch(batches, 0)
    assert sorted(row for step in steps for row in step) == list(range(400))
    assert len(steps) == len(batches)
    assert all(padded(step) <= budget for step in steps)
    assert sum(padded(step) for step in steps) == batches.tokens()


def test_steps_are_nearly_free_of_padding() -> None:
    assert TokenBatches(LENGTHS, 1024, seed=1).tokens() < 1.07 * sum(LENGTHS)


def test_steps_are_even() -> None:
    sizes = [padded(step) for step in epoch(TokenBatches(LENGTHS, 1024, seed=1), 0)]
    assert min(sizes) > 0.7 * max(sizes)


def test_steps_follow_from_seed_and_epoch_alone() -> None:
    one, two, other = (TokenBatches(LENGTHS, 1024, seed) for seed in (1, 1, 2))
    epoch(one, 0)
    assert epoch(one, 2) == epoch(two, 2)
    assert epoch(one, 2) != epoch(one, 1)
    assert epoch(one, 2) != epoch(other, 2)
    assert len(epoch(one, 2)) == len(epoch(one, 1))


def test_row_above_the_budget_has_a_step_of_its_own() -> None:
    assert sorted(map(sorted, TokenBatches([3, 90, 3, 70], 10, seed=0))) == [[0, 2], [1], [3]]


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("budget", [100, 640])
def test_share_gives_every_process_as_many_micro_batches(processes: int, budget: int) -> None:
    lengths = LENGTHS[:50]
    shared = share_step(lengths, processes, budget)
    assert all(len(micro) == processes for micro in shared)
    assert sorted(row for micro in shared for rows in micro for row in rows) == list(range(50))
    for rows in (rows for micro in shared for rows in micro if rows):
        assert len(rows) * max(lengths[row] for row in rows) <= budget


def test_share_of_a_step_that_fits_is_one_micro_batch() -> None:
    assert share_step([4, 2, 3], 1, 12) == [[[1, 2, 0]]]
    assert share_step([4], 2, 12) == [[[0], []]]
