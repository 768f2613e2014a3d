"""What it may cost that a label is wrong."""

from typing import Any

import numpy as np
import pytest

from modeling.labels.stakes import expected_loss

GAINS = [1.0, 0.1, 0.01, 0.0]


def test_loss_is_the_expected_distance_from_the_likeliest_label() -> None:
    assert expected_loss([0.6, 0.3, 0.1, 0.0], GAINS) == pytest.approx(0.3 * 0.9 + 0.1 * 0.99)


def test_loss_of_what_is_certain_is_nothing() -> None:
    assert expected_loss([0, 1, 0, 0], GAINS) == 0


def test_loss_of_a_tie_is_that_of_the_better_guess() -> None:
    third = 1 / 3
    assert expected_loss([third, third, 0, third], GAINS) == pytest.approx((0.9 + 0.1) / 3)


def test_loss_is_told_for_many_at_once_with_gains_of_their_own() -> None:
    chances = np.array([[0.5, 0.5], [0.75, 0.25]])
    assert expected_loss(chances, np.array([[1, 0], [0.1, 0]])).tolist() == pytest.approx([0.5, 0.025])
    assert expected_loss(np.empty((0, 4)), GAINS).shape == (0,)


@pytest.mark.parametrize(("chances", "gains"), [([0.5, 0.5], [1.0]), ([], []), (0.5, [1.0])])
def test_loss_needs_a_gain_for_each_label(chances: Any, gains: Any) -> None:
    with pytest.raises(ValueError, match="shapes"):
        expected_loss(chances, gains)
