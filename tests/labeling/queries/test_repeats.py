"""Whether people agree with themselves."""

import math

import pytest
from pytest_django import DjangoAssertNumQueries

from labeling.actions.queue import claim_slot
from labeling.models import Membership, Project
from labeling.queries.repeats import self_agreement, self_agreements
from tests.labeling.acting import judge, make_members, submit, undo_last
from tests.labeling.actions.test_streams import REPEAT_TURN, backdate, make_shop
from tests.making import make_member, make_pair, make_round

pytestmark = pytest.mark.django_db


def repeat(member: Membership, labels: str) -> None:
    """Judge all that waits as Exact, let weeks pass, and judge the same pairs again with these labels."""
    for _ in range(len(labels)):
        backdate(judge(member, "E"), days=20)
    make_round(member.project, [make_pair(member.project) for _ in range(5)])
    for label in labels:
        slot = claim_slot(member.project, member.user, REPEAT_TURN)
        assert slot is not None
        assert slot.personal
        submit(member, slot, label)


def shop_with_repeats(first: str, second: str) -> tuple[Project, Membership, Membership]:
    project = make_shop(repeat_after_days=14, overlap=1)
    one, other = make_members(project, 2)
    repeat(one, first)
    repeat(other, second)
    return project, one, other


def test_self_agreement_is_the_share_of_repeats_with_the_first_label() -> None:
    project, one, other = shop_with_repeats("EES", "S")
    alike = self_agreement(one)
    assert (round(alike.value, 3), alike.n) == (0.667, 3)
    assert alike.low < alike.value < alike.high
    assert self_agreements(project) == {one.user_id: alike, other.user_id: self_agreement(other)}
    assert self_agreement(other).value == 0


def test_self_agreement_leaves_out_what_was_taken_back() -> None:
    project, one, _ = shop_with_repeats("ES", "")
    undo_last(project, one.user)
    assert (self_agreement(one).value, self_agreement(one).n) == (1, 1)
    assert project.judgments.filter(stream="repeat").count() == 2


def test_self_agreement_of_who_repeated_nothing_is_unknown() -> None:
    member = make_member(make_shop())
    judge(member)
    alike = self_agreement(member)
    assert (alike.n, math.isnan(alike.value), math.isnan(alike.low)) == (0, True, True)


def test_self_agreements_take_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project, *_ = shop_with_repeats("EE", "S")
    with django_assert_num_queries(1):
        self_agreements(project)
