"""How far rounds are."""

import pytest
from pytest_django import DjangoAssertNumQueries

from labeling.actions.rounds import Drawn, open_round
from labeling.models import Stream
from labeling.queries.rounds import asked_shares, round_progress
from tests.labeling.acting import judge, judge_all, make_members, submit
from tests.labeling.actions.test_streams import GOLD_TURN, USUAL_TURN, claimed, make_shop
from tests.making import make_gold, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def test_progress_counts_streams_and_judged_slots_the_newest_round_first() -> None:
    project, other = make_project(overlap=2, max_overlap=3), make_project()
    make_round(other, [make_pair(other)])
    tied, agreed = make_pair(project), make_pair(project)
    make_round(project, [tied, agreed])
    judge_all(make_members(project, 2), {tied: "ES", agreed: "EE"})
    drawn = [Drawn(make_pair(project).pk, "random", 0.5, None), Drawn(make_pair(project).pk, "active", None, 0.9)]
    open_round(project, drawn, strategy="margin", seed=1, pool_size=4)
    judge(make_member(project))
    newest, first = round_progress(project)
    assert (newest.round.number, newest.pairs, newest.random, newest.active) == (2, 3, 2, 1)
    assert (newest.judged, newest.slots, newest.share) == (1, 5, 0.2)
    assert (first.round.number, first.pairs, first.random, first.active) == (1, 2, 2, 0)
    assert (first.judged, first.slots) == (4, 5)
    assert [one.round.number for one in round_progress(project, newest=1)] == [2]


def test_progress_of_an_empty_round_is_nothing_of_nothing() -> None:
    project = make_project()
    assert round_progress(project) == []
    make_round(project, [])
    (only,) = round_progress(project)
    assert (only.pairs, only.slots, only.share) == (0, 0, 0.0)


def test_gold_and_repeats_are_served_and_nobodys_progress() -> None:
    project = make_shop()
    member = make_member(project)
    make_gold(project)
    submit(member, claimed(member, GOLD_TURN), "E")
    judge(member)
    claimed(member, USUAL_TURN)
    [progress] = round_progress(project)
    assert (progress.pairs, progress.judged, progress.slots) == (10, 1, 20)
    assert progress.served == {"random": 1, "gold": 1}


def test_asked_shares_add_up_and_have_no_picked_pairs_before_a_strategy() -> None:
    project = make_project(gold_share=0.1, repeat_share=0.1, random_share=0.25)
    opened = make_round(project, [make_pair(project)])
    later = asked_shares(project, opened, picked=True)
    assert {str(stream): round(share, 6) for stream, share in later.items()} == {
        "random": 0.2,
        "active": 0.6,
        "gold": 0.1,
        "repeat": 0.1,
    }
    first = asked_shares(project, opened, picked=False)
    assert (round(first[Stream.RANDOM], 6), first[Stream.ACTIVE]) == (0.8, 0)
    opened.rules = {"random_share": 0.75}  # the mix had moved
    moved = asked_shares(project, opened, picked=True)
    assert (round(moved[Stream.RANDOM], 6), round(moved[Stream.ACTIVE], 6)) == (0.6, 0.2)


def test_progress_takes_as_many_queries_for_many_rounds(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = make_project()
    for rounds in (1, 4):
        make_round(project, [make_pair(project) for _ in range(rounds)])
        with django_assert_num_queries(3):
            round_progress(project)
