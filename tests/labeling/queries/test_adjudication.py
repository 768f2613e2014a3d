"""What a ruling is worth, and which comes next."""

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.models import Consensus, Pair, Project, SetAside, Split
from labeling.queries.adjudication import (
    Dispute,
    by_worth,
    count_by_question,
    disputes_of,
    left_out,
    next_to_rule,
    rulings_of,
    skips_of,
    walks_to_rule,
)
from tests.labeling.acting import SKIP_PATH, claim, judge_all, make_members, submit
from tests.labeling.actions.test_adjudication import rule
from tests.making import make_gold, make_pair, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db


def judged(project: Project, labels: dict[Pair, str], stream: str = "active") -> None:
    """Have people judge the pairs, one for each letter of the longest."""
    make_round(project, list(labels), stream=stream)
    judge_all(make_members(project, max(map(len, labels.values()))), labels)


def worths(project: Project) -> dict[int, Dispute]:
    """Return what there is to rule, in its order."""
    counts = count_by_question(project)
    return {one.pair_id: one for one in disputes_of(project, by_worth(project, counts), counts)}


def test_pairs_to_rule_are_those_on_which_people_part() -> None:
    project = make_project(overlap=3, max_overlap=3)
    alike, split, outvoted, open_yet = (make_pair(project) for _ in range(4))
    judged(project, {alike: "EEE", split: "ESI", outvoted: "EES"})
    make_round(project, [open_yet])
    judge_all(make_members(project, 2), {open_yet: "ES"})
    assert set(worths(project)) == {split.pk, outvoted.pk}


def test_worth_is_the_doubt_the_gain_at_stake_and_how_many_part_alike() -> None:
    project = make_project(overlap=3, max_overlap=3)
    first, second, third = (make_pair_of(project, Split.TRAIN) for _ in range(3))
    judged(project, {first: "EES", second: "EES", third: "SSI"})
    found = worths(project)
    one = found[first.pk]
    assert [one.doubt, one.loss, one.alike] == pytest.approx([1 / 3, 0.9 / 3, 1])
    assert one.worth == pytest.approx(1 / 3 + 0.9 / 3 + 2 / 3)
    last = found[third.pk]
    assert [last.loss, last.alike] == pytest.approx([0.1 / 3, 0])
    assert (one.consensus.parts_at, last.consensus.parts_at) == ("conflict", "type")
    assert list(found) == [first.pk, second.pk, third.pk]


@pytest.mark.parametrize(("split", "stream", "twice"), [("holdout", "random", True), ("train", "random", False)])
def test_worth_is_doubled_where_accuracy_is_measured(split: str, stream: str, twice: bool) -> None:
    project = make_project(overlap=2, max_overlap=2)
    pair = make_pair_of(project, Split(split))
    judged(project, {pair: "EI"}, stream)
    one = worths(project)[pair.pk]
    assert one.consensus.measured is twice
    assert one.worth == pytest.approx((0.5 + 0.5) * (2 if twice else 1) + 1)


def test_worth_of_picked_holdout_pairs_is_not_doubled() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pair = make_pair_of(project, Split.HOLDOUT)
    judged(project, {pair: "EI"}, "active")
    assert not worths(project)[pair.pk].consensus.measured


def test_gain_at_stake_is_told_as_a_share_of_the_schemes_span() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pair = make_pair_of(project, Split.TRAIN)
    judged(project, {pair: "EI"})
    project.scheme.labels.filter(key="E").update(gain=31)
    Consensus.objects.filter(pair=pair).update(stake=15.5)
    assert worths(project)[pair.pk].loss == 0.5


def test_pairs_that_are_ruled_or_set_aside_wait_for_no_ruling() -> None:
    project = make_project(overlap=2, max_overlap=2)
    ruled, aside, back = (make_pair(project) for _ in range(3))
    judged(project, dict.fromkeys((ruled, aside, back), "ES"))
    ruling = rule(project, ruled)
    SetAside.objects.create(project=project, pair=aside, reason="other")
    SetAside.objects.create(
        project=project,
        pair=back,
        reason="other",
        state="returned",
        decided_by=ruling.ruled_by,
        decided_at=timezone.now(),
    )
    assert set(worths(project)) == {back.pk}
    assert count_by_question(project) == {"conflict": 1}
    assert set(worths(make_project())) == set()


def test_next_to_rule_goes_down_by_worth_and_begins_anew() -> None:
    project = make_project(overlap=3, max_overlap=3)
    pairs = [make_pair_of(project, Split.TRAIN) for _ in range(4)]
    judged(project, dict(zip(pairs, ("SSI", "EEI", "EEI", "ESI"), strict=True)))
    counts = count_by_question(project)
    order = list(worths(project))
    assert order[-1] == pairs[0].pk
    assert next_to_rule(project, counts) == order[0]
    assert [next_to_rule(project, counts, pair) for pair in order] == [*order[1:], order[0]]
    for pair in pairs[1:]:
        rule(project, pair)
    assert next_to_rule(project, count_by_question(project), pairs[0].pk) is None
    assert next_to_rule(project, count_by_question(project), pairs[1].pk) == pairs[0].pk


def test_walks_to_rule_come_in_an_order_that_says_nothing_and_stays() -> None:
    project = make_project(overlap=3, max_overlap=3)
    pairs = [make_pair(project) for _ in range(12)]
    judged(project, dict.fromkeys(pairs, "ESI"))
    orders = {pair.pk: [judgment.label.key for judgment in walks_to_rule(pair.pk)] for pair in pairs}
    assert {tuple(sorted(keys)) for keys in orders.values()} == {("E", "I", "S")}
    assert len(set(map(tuple, orders.values()))) > 2
    assert orders == {pair.pk: [judgment.label.key for judgment in walks_to_rule(pair.pk)] for pair in pairs}


def test_skips_are_told_by_reason_without_names() -> None:
    project = make_project(overlap=2, max_overlap=2, skips_to_lead=0)
    pair = make_pair(project)
    make_round(project, [pair])
    for member in make_members(project, 2):
        submit(member, claim(member), SKIP_PATH)
    assert skips_of(pair.pk) == {"unclear_query": 2}


def test_rulings_say_what_their_pair_is_gold_for() -> None:
    project = make_project(overlap=2, max_overlap=2)
    one, other = make_pair_of(project, Split.TRAIN), make_pair_of(project, Split.TRAIN)
    judged(project, {one: "ES", other: "ES"})
    rule(project, one), rule(project, other)
    make_gold(project, "S", "training", one)
    assert [(row.pair, row.gold_use) for row in rulings_of(project)] == [  # type: ignore[attr-defined]
        (other, None),
        (one, "training"),
    ]
    assert not left_out(project).exists()


def test_queue_costs_the_same_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = make_project(overlap=2, max_overlap=2)
    for size in (2, 9):
        judged(project, {make_pair(project): "ES" for _ in range(size)})
        with django_assert_num_queries(4):
            worths(project)
