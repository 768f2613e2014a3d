import math
import time

import pytest

from modeling.judge.watch import LossWatch, Pace, TrainingError, memory_mb


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_loss_that_is_no_number_ends_the_run(loss: float) -> None:
    with pytest.raises(TrainingError, match=r"The loss became (nan|inf) at step 3 of 9: lower learning_rate"):
        LossWatch(4).check(loss, 3, 9)


def test_loss_that_rises_far_above_its_start_ends_the_run() -> None:
    watch = LossWatch(4)
    for step in range(1, 21):
        watch.check(0.8, step, 99)
    for step in range(21, 25):
        watch.check(9.0, step, 99)
    with pytest.raises(
        TrainingError, match=r"The loss has risen from 0\.8 to 4\.9 by step 25 of 99, so nothing is learned"
    ):
        watch.check(9.0, 25, 99)


def test_loss_may_be_high_for_a_step_and_rise_a_little() -> None:
    watch = LossWatch(4)
    for step, loss in enumerate([0.5] * 10 + [30.0] + [1.3] * 30, start=1):
        watch.check(loss, step, 99)


def test_loss_watch_goes_on_after_a_stop() -> None:
    one, two = LossWatch(2), LossWatch(2)
    for step in range(9):
        one.check(0.5 + step / 10, step, 99)
    two.restore(one.to_dict())
    assert (two.first, two.losses, two.losses.maxlen) == (one.first, one.losses, 10)


def test_pace_counts_pairs_by_time_and_time_by_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 4.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    pace = Pace(total=1000, done=100)
    pace.begin()
    assert pace.measured() == (None, None)
    pace.step(30, 100)
    pace.step(10, 100)
    assert pace.measured() == (10.0, 14.0)


def test_memory_is_that_of_a_process_with_torch() -> None:
    assert 50 < memory_mb() < 1e6
