"""How much of a round is drawn at random: moved by what the arms showed, each comparison once, and only as asked."""

import datetime as dt
from typing import Any

import pytest

from labeling.actions.rounds import open_round
from labeling.models import Adapter, Project, Round
from labeling.queries.mix import AHEAD, ALIKE, BEHIND, SET, next_mix
from tests.labeling.acting import make_adapter
from tests.making import make_project

pytestmark = pytest.mark.django_db


def compared(project: Project, low: float, high: float) -> Adapter:
    """Make an adapter whose training found the active arm so far ahead."""
    lead = {"value": (low + high) / 2, "low": low, "high": high, "n": 100}
    made = make_adapter(project, champion=False)
    arms: dict[str, Any] = {"active": [], "random": [], "difference": [], "lead": lead}
    Adapter.objects.filter(pk=made.pk).update(manifest=made.manifest | {"arms": arms})
    return made


def drawn(project: Project) -> Round:
    """Open the round that the mix asks for, as the worker does."""
    rules = {"random_share": next_mix(project).random_share, "usual": project.random_share}
    return open_round(project, [], strategy="mixed", seed=1, pool_size=1, rules=rules)


def test_setting_stands_until_the_arms_were_compared() -> None:
    project = make_project(random_share=0.4)
    make_adapter(project)
    assert (next_mix(project).random_share, next_mix(project).because) == (0.4, SET)


def test_active_share_is_halved_where_it_harms_and_comes_back_slowly_where_it_helps() -> None:
    project = make_project(random_share=0.4)
    compared(project, -0.08, -0.02)
    mix = next_mix(project)
    assert mix.random_share == pytest.approx(0.7)
    assert mix.because == BEHIND
    drawn(project)
    compared(project, -0.08, -0.02)
    assert next_mix(project).random_share == pytest.approx(0.85)
    drawn(project)
    compared(project, 0.01, 0.05)
    mix = next_mix(project)
    assert mix.random_share == pytest.approx(1 - 0.15 * 1.25)
    assert mix.because == AHEAD


def test_one_comparison_moves_one_round() -> None:
    project = make_project(random_share=0.4)
    compared(project, -0.08, -0.02)
    shares = [drawn(project).rules["random_share"] for _ in range(3)]
    assert shares == pytest.approx([0.7, 0.7, 0.7])


def test_random_share_has_a_floor_where_choosing_helps() -> None:
    project = make_project(random_share=0.4)
    for _ in range(6):
        made = compared(project, 0.01, 0.05)
        opened = drawn(project)
        Round.objects.filter(pk=opened.pk).update(opened_at=made.created_at + dt.timedelta(microseconds=1))
    assert next_mix(project).random_share == pytest.approx(0.2)


def test_arms_that_cannot_be_told_apart_bring_back_the_setting() -> None:
    project = make_project(random_share=0.4)
    compared(project, -0.08, -0.02)
    drawn(project)
    compared(project, -0.02, 0.02)
    mix = next_mix(project)
    assert mix.random_share == pytest.approx(0.55)
    assert mix.because == ALIKE


def test_new_setting_is_where_the_mix_starts_again() -> None:
    project = make_project(random_share=0.4)
    compared(project, -0.08, -0.02)
    drawn(project)
    Project.objects.filter(pk=project.pk).update(random_share=0.6)
    project.refresh_from_db()
    assert next_mix(project).random_share == pytest.approx(0.8)


def test_strategy_that_a_lead_chose_is_left_as_set() -> None:
    project = make_project(random_share=0.4, strategy="entropy")
    compared(project, -0.08, -0.02)
    assert (next_mix(project).random_share, next_mix(project).because) == (0.4, SET)
