"""Opening rounds: what is served in which order, and what comes along from the round before."""

import pytest

from labeling.actions.queue import claim_slot
from labeling.actions.rounds import Drawn, open_round
from labeling.models import AuditLogEntry, Consensus, Pair, Project, QueueEntry, Round, Slot
from tests.labeling.acting import claim, judge, make_adapter, make_members, submit
from tests.making import make_pair, make_project, make_round, make_user

pytestmark = pytest.mark.django_db


def mixed_round(project: Project, pairs: list[Pair], seed: int) -> Round:
    """Open a round with the first half of the pairs drawn at random and the others picked."""
    half = len(pairs) // 2
    drawn = [Drawn(pair.pk, "random", 0.25, None) for pair in pairs[:half]]
    drawn += [Drawn(pair.pk, "active", None, 1 - place / 100) for place, pair in enumerate(pairs[half:])]
    return open_round(project, drawn, strategy="margin", seed=seed, pool_size=4 * half)


def served(opened: Round) -> list[QueueEntry]:
    return list(QueueEntry.objects.filter(round=opened).order_by("rank"))


def test_round_mixes_its_streams_and_serves_the_active_ones_best_first() -> None:
    project = make_project()
    pairs = [make_pair(project) for _ in range(40)]
    entries = served(mixed_round(project, pairs, seed=5))
    random = [entry for entry in entries if entry.stream == "random"]
    active = [entry for entry in entries if entry.stream == "active"]
    assert [entry.pair_id for entry in active] == [pair.pk for pair in pairs[20:]]
    assert sorted(entry.pair_id for entry in random) == [pair.pk for pair in pairs[:20]]
    assert [entry.pair_id for entry in random] != [pair.pk for pair in pairs[:20]]
    first_half = [entry.stream for entry in entries[:20]]
    assert 4 <= first_half.count("random") <= 16
    assert [entry.rank for entry in entries] == list(range(40))


def test_round_stores_chance_and_score_of_each_pair() -> None:
    project = make_project(overlap=3, max_overlap=3)
    entries = served(mixed_round(project, [make_pair(project) for _ in range(4)], seed=5))
    assert {(entry.stream, entry.chance, entry.score) for entry in entries} == {
        ("random", 0.25, None),
        ("active", None, 1.0),
        ("active", None, 0.99),
    }
    slots = Slot.objects.filter(round__project=project)
    assert sorted(slots.values_list("entry", "number")) == [
        (entry, number) for entry in sorted(entry.pk for entry in entries) for number in (1, 2, 3)
    ]
    assert all(slot.rank == slot.entry.rank and slot.pair_id == slot.entry.pair_id for slot in slots)


def test_round_is_drawn_again_alike_with_the_same_seed() -> None:
    orders = []
    for seed in (5, 5, 6):
        project = make_project()
        pairs = [make_pair(project) for _ in range(12)]
        entries = served(mixed_round(project, pairs, seed))
        orders.append([entry.pair_id - pairs[0].pk for entry in entries])
    assert orders[0] == orders[1] != orders[2]


def test_round_that_opens_closes_the_one_before_and_is_logged() -> None:
    project, lead = make_project(), make_user("lead")
    champion = make_adapter(project)
    first = make_round(project, [make_pair(project)])
    pair = make_pair(project)
    drawn = [Drawn(pair.pk, "active", None, 0.5)]
    second = open_round(project, drawn, strategy="margin", seed=7, pool_size=9, adapter=champion, actor=lead)
    first.refresh_from_db()
    assert (first.state, second.state) == ("closed", "open")
    assert first.closed_at is not None
    assert (second.number, second.seed, second.pool_size, second.adapter) == (2, 7, 9, champion)
    entry = AuditLogEntry.objects.filter(project=project, verb="round.open").latest("id")
    assert (entry.actor, entry.target) == (lead, "2")
    assert entry.data == {"pairs": 1, "carried": 0, "strategy": "margin"}


def test_round_carries_what_is_half_judged_with_the_overlap_that_is_left() -> None:
    project = make_project(overlap=3, max_overlap=4)
    settled, begun, touched, untouched = (make_pair(project) for _ in range(4))
    drawn = [Drawn(settled.pk, "active", None, 0.9), Drawn(begun.pk, "active", None, 0.8)]
    drawn += [Drawn(touched.pk, "active", None, 0.7), Drawn(untouched.pk, "active", None, 0.6)]
    open_round(project, drawn, strategy="margin", seed=1, pool_size=9)
    first, second, third = make_members(project, 3)
    for member, pairs in ((first, 3), (second, 2), (third, 1)):
        for _ in range(pairs):
            judge(member)
    fresh = make_pair(project)
    entries = served(make_round(project, [fresh]))
    assert [(entry.pair, entry.stream, entry.score, entry.overlap) for entry in entries] == [
        (begun, "active", 0.8, 1),
        (touched, "active", 0.7, 2),
        (fresh, "random", None, 3),
    ]
    assert [entry.slots.count() for entry in entries] == [1, 2, 3]


def test_round_carries_the_chance_of_a_random_pair() -> None:
    project = make_project(overlap=2)
    pair = make_pair(project)
    open_round(project, [Drawn(pair.pk, "random", 0.125, None)], strategy="uniform", seed=1, pool_size=8)
    judge(make_members(project, 1)[0])
    (entry,) = served(make_round(project, []))
    assert (entry.pair, entry.stream, entry.chance) == (pair, "random", 0.125)


def test_round_carries_a_tie_with_one_more_place() -> None:
    project = make_project(overlap=2, max_overlap=3)
    pair = make_pair(project)
    make_round(project, [pair])
    first, second, third = make_members(project, 3)
    judge(first, "E")
    judge(second, "S")
    (entry,) = served(make_round(project, []))
    assert (entry.pair, entry.overlap) == (pair, 1)
    assert claim_slot(project, first.user) is None
    judge(third, "S")
    consensus = Consensus.objects.get(pair=pair)
    assert (consensus.state, consensus.judgments) == ("resolved", 3)


def test_round_leaves_out_what_was_judged_while_it_was_drawn() -> None:
    project = make_project(overlap=2)
    settled, begun, fresh = (make_pair(project) for _ in range(3))
    make_round(project, [settled, begun], stream="active")
    first, second = make_members(project, 2)
    for member, pairs in ((first, 2), (second, 1)):
        for _ in range(pairs):
            judge(member)
    entries = served(make_round(project, [settled, begun, fresh], stream="active"))
    assert [(entry.pair, entry.overlap) for entry in entries] == [(begun, 1), (fresh, 2)]


def test_round_carries_a_pair_whose_first_judgment_came_after_its_round() -> None:
    project = make_project(overlap=2)
    pair = make_pair(project)
    make_round(project, [pair])
    (late,) = make_members(project, 1)
    old = claim(late)
    make_round(project, [make_pair(project)])
    submit(late, old, "E")
    assert Consensus.objects.get(pair=pair).state == "open"
    entries = served(make_round(project, []))
    assert [(entry.pair, entry.overlap) for entry in entries] == [(pair, 1)]


def test_round_takes_the_overlap_that_the_project_has_now() -> None:
    project = make_project(overlap=1, max_overlap=3)
    Project.objects.filter(pk=project.pk).update(overlap=3)
    (entry,) = served(make_round(project, [make_pair(project)]))
    assert entry.overlap == 3


def test_round_keeps_whole_queries_together_and_shuffles_them() -> None:
    project = make_project(desk="shelf")
    pairs = [make_pair(project, f"query {number % 8}") for number in range(40)]
    by_query = sorted(pairs, key=lambda pair: pair.query_id)
    drawn = [Drawn(pair.pk, "random", 0.5, None, pair.query_id) for pair in by_query[:20]]
    drawn += [Drawn(pair.pk, "active", None, 0.5, pair.query_id) for pair in by_query[20:]]
    opened = open_round(project, drawn, strategy="margin", seed=5, pool_size=80)
    order = list(QueueEntry.objects.filter(round=opened).order_by("rank").values_list("pair__query", "stream"))
    turns = [order[at] for at in range(0, 40, 5)]
    assert order == [turn for turn in turns for _ in range(5)]
    active = [query for query, stream in turns if stream == "active"]
    assert active == sorted(active)
    assert [stream for _, stream in turns] != ["random"] * 4 + ["active"] * 4
