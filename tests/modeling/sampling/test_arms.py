"""The mix of a round, moved by arms that are planted: active helps, harms, makes no difference."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.estimates import Estimate
from modeling.sampling.arms import LEAST_ACTIVE, next_random_share

HELPS = Estimate(0.03, 0.01, 0.05, 500)
HARMS = Estimate(-0.03, -0.05, -0.01, 500)
NEITHER = Estimate(0.01, -0.01, 0.03, 500)
UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0)


def shares(leads: list[Estimate], share: float = 0.5, floor: float = 0.2, usual: float = 0.5) -> list[float]:
    """The random share of each round after the first."""
    found = []
    for lead in leads:
        share = next_random_share(share, lead, floor=floor, usual=usual)
        found.append(share)
    return found


def test_arm_that_helps_gets_more_until_the_floor_is_random() -> None:
    found = shares([HELPS] * 6)
    assert found[0] == pytest.approx(0.375)
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(0.2)


def test_arm_that_harms_is_nearly_gone_after_four_rounds() -> None:
    found = shares([HARMS] * 6)
    assert found[:3] == pytest.approx([0.75, 0.875, 0.9375])
    assert found[3:] == pytest.approx([1 - LEAST_ACTIVE] * 3)


@pytest.mark.parametrize("lead", [NEITHER, UNKNOWN])
def test_arm_that_makes_no_difference_goes_back_to_the_usual_mix(lead: Estimate) -> None:
    assert shares([lead] * 3) == pytest.approx([0.5] * 3)
    assert shares([lead] * 2, share=0.9) == pytest.approx([0.7, 0.6])
    assert shares([lead] * 2, share=0.2) == pytest.approx([0.35, 0.425])


def test_harm_is_ended_faster_than_help_is_taken_up() -> None:
    helped, harmed = shares([HELPS])[0], shares([HARMS])[0]
    assert 0.5 - helped < harmed - 0.5


def test_mix_finds_back_when_harm_has_ended() -> None:
    found = shares([HARMS] * 5 + [HELPS] * 20)
    assert found[4] == pytest.approx(1 - LEAST_ACTIVE)
    assert found[-1] == pytest.approx(0.2)


def test_noise_alone_keeps_the_mix_near_the_usual_one() -> None:
    random = np.random.default_rng(1)
    leads = [Estimate(lead, lead - 0.02, lead + 0.02, 500) for lead in random.normal(0, 0.01, 200)]
    found = shares(leads)
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)


@given(
    values=st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), max_size=30),
    share=st.floats(0, 1),
    floor=st.floats(0.01, 1),
    more=st.floats(0, 1),
)
def test_random_share_never_leaves_its_floor(
    values: list[tuple[float, float]], share: float, floor: float, more: float
) -> None:
    usual = floor + more * (1 - floor)
    leads = [Estimate(value, value - half, value + half, 100) for value, half in values]
    assert all(floor - 1e-12 <= one <= 1 for one in shares(leads, share, floor, usual))


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="got floor 0 and usual"):
        next_random_share(0.5, HELPS, floor=0, usual=0.5)
    with pytest.raises(ValueError, match=r"got floor 0\.6"):
        next_random_share(0.5, HELPS, floor=0.6, usual=0.5)
    with pytest.raises(ValueError, match="share must lie between 0 and 1"):
        next_random_share(1.2, HELPS, floor=0.2, usual=0.5)
