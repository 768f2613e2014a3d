"""How gold pairs did."""

import pytest
from pytest_django import DjangoAssertNumQueries

from labeling.actions.gold import retire_gold
from labeling.actions.members import pause_member, resume_member
from labeling.actions.qualification import TrainingWalk, answer_training
from labeling.models import GoldPair, Membership, Role
from labeling.queries.gold import gold_result, gold_results, gold_standings, retired_gold
from labeling.queries.projects import published_guideline
from tests.labeling.acting import make_members, submit
from tests.labeling.actions.test_streams import GOLD_TURN, claimed, make_shop
from tests.making import PATHS, make_gold, make_member, make_project

pytestmark = pytest.mark.django_db


def learn(member: Membership, gold: GoldPair, label: str) -> None:
    version = published_guideline(member.project)
    answer_training(member.project, member.user, TrainingWalk(gold.pk, 1, version, PATHS.get(label, label)))


def test_gold_that_most_get_wrong_is_doubtful_and_comes_first() -> None:
    project = make_shop()
    doubtful = make_gold(project, "E", use="training")
    fine = make_gold(project, "E", use="training")
    untried = make_gold(project, "S", use="training")
    for member, label in zip(make_members(project, 4), ("S", "S", "E", "need:no"), strict=True):
        learn(member, doubtful, label)
        learn(member, fine, "E")
    first, *rest = gold_standings(project)
    assert (first.gold, first.answers, first.right, first.doubtful) == (doubtful, 4, 1, True)
    assert first.mostly == untried.label_id
    assert [(one.gold, one.doubtful, one.answers) for one in rest] == [(untried, False, 0), (fine, False, 4)]
    assert rest[0].mostly is None
    assert (rest[1].share.value, rest[1].share.n) == (1, 4)


def test_gold_is_not_doubtful_for_two_answers() -> None:
    project = make_shop()
    gold = make_gold(project, "E", use="training")
    for member in make_members(project, 2):
        learn(member, gold, "I")
    assert not gold_standings(project)[0].doubtful


def test_standing_counts_what_was_answered_unseen() -> None:
    project = make_shop()
    gold = make_gold(project, "E")
    one, other = make_members(project, 2)
    submit(one, claimed(one, GOLD_TURN), "E")
    submit(other, claimed(other, GOLD_TURN), "C")
    [standing] = gold_standings(project)
    assert (standing.gold, standing.answers, standing.right) == (gold, 2, 1)


def test_retired_gold_is_listed_apart() -> None:
    project = make_project()
    gold = make_gold(project)
    retire_gold(project, gold.pk, make_member(project, Role.LEAD).user)
    assert gold_standings(project) == []
    assert list(retired_gold(project)) == [gold]
    assert not retired_gold(make_project())


def test_standings_take_as_many_queries_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = make_shop()
    for _ in range(4):
        make_gold(project)
    with django_assert_num_queries(3):
        gold_standings(project)


def test_results_of_everybody_are_each_ones_result(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = make_shop()
    one, resumed, newcomer = make_members(project, 3)
    for label in ("E", "I", "E"):
        make_gold(project, "E")
        submit(one, claimed(one, GOLD_TURN), label)
        submit(resumed, claimed(resumed, GOLD_TURN), "I")
    lead = make_member(project, Role.LEAD)
    pause_member(project, resumed.user, "Please call me.", lead.user)
    resumed = resume_member(project, resumed.user, lead.user)
    make_gold(project, "E")
    submit(resumed, claimed(resumed, GOLD_TURN), "E")
    with django_assert_num_queries(1):
        results = gold_results(project)
    assert results == {one.user_id: gold_result(one), resumed.user_id: gold_result(resumed)}
    assert (results[one.user_id].n, results[resumed.user_id].n) == (3, 1)
    assert newcomer.user_id not in results
