"""Handing out whole queries: one person each product once, the same again until it is done."""

import datetime as dt
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.judgments import Outcome, skip_pair, undo_step
from labeling.actions.queue import GRACE
from labeling.actions.set_aside import withdraw_if_closed
from labeling.actions.shelf import MOST, claim_shelf, keep_shelf
from labeling.models import Judgment, Membership, Pair, Project, SetAside, Slot
from labeling.queries.judgments import last_step
from labeling.queries.shelf import shelf_card, shelf_cards
from tests.labeling.acting import answer_for, expire, make_members, submit
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def shop(sizes: dict[str, int], **settings: object) -> tuple[Project, dict[str, list[Pair]]]:
    """Make a project for shelves whose round serves these queries in this order, with so many products each."""
    project = make_project(**({"desk": "shelf", "overlap": 1, "max_overlap": 1} | settings))
    pairs = {query: [make_pair(project, query) for _ in range(size)] for query, size in sizes.items()}
    make_round(project, [pair for of_query in pairs.values() for pair in of_query], stream="active")
    return project, pairs


def claim(member: Membership) -> list[Slot]:
    return claim_shelf(member.project, member.user)


def pairs_on(slots: list[Slot]) -> set[int]:
    return {slot.pair_id for slot in slots}


def test_shelf_is_all_of_the_first_query_leased_with_a_key_each() -> None:
    project, pairs = shop({"mouse": 5, "lamp": 3}, overlap=2, max_overlap=3, lease_minutes=7)
    member = make_member(project)
    slots = claim(member)
    assert sorted(slot.pair_id for slot in slots) == [pair.pk for pair in pairs["mouse"]]
    assert len({slot.key for slot in slots}) == 5
    stored = Slot.objects.filter(annotator=member.user)
    assert {(slot.pk, slot.key) for slot in stored} == {(slot.pk, slot.key) for slot in slots}
    left = {slot.leased_until for slot in stored}
    assert len(left) == 1
    assert abs((left.pop() or timezone.now()) - timezone.now() - dt.timedelta(minutes=7)) < dt.timedelta(seconds=10)


def test_shelf_of_a_second_tab_is_the_same_with_renewed_leases() -> None:
    project, _ = shop({"mouse": 4, "lamp": 4})
    member = make_member(project)
    first = claim(member)
    for slot in first:
        expire(slot)
    second = claim(member)
    assert {(slot.pk, slot.key) for slot in second} == {(slot.pk, slot.key) for slot in first}
    assert Slot.objects.filter(annotator=member.user, leased_until__gt=timezone.now()).count() == 4


def test_shelf_leaves_out_what_others_hold_and_what_one_has_done() -> None:
    project, pairs = shop({"mouse": 4, "lamp": 2})
    here, other = make_members(project, 2)
    mine = claim(here)
    assert pairs_on(claim(other)) == {pair.pk for pair in pairs["lamp"]}
    submit(here, mine[0], "E")
    skip_pair(project, here.user, answer_for(mine[1], "", path=""), "needs_evidence")
    assert pairs_on(claim(here)) == pairs_on(mine[2:])
    for slot in mine[2:]:
        submit(here, slot, "S")
    assert claim(here) == []
    for slot in claim(other):
        submit(other, slot, "S")
    assert pairs_on(claim(other)) == {mine[1].pair_id}  # skipped by the one, so free for the other


def test_shelf_of_a_large_query_has_so_many_products_at_most() -> None:
    project, _ = shop({"mouse": MOST + 6}, overlap=2, max_overlap=2)
    member = make_member(project)
    first = claim(member)
    assert len(pairs_on(first)) == len(first) == MOST
    for slot in first:
        submit(member, slot, "E")
    second = claim(member)
    assert len(second) == 6
    assert not pairs_on(first) & pairs_on(second)


def test_shelf_goes_to_readers_of_its_language_and_to_nobody_who_is_paused() -> None:
    project = make_project(desk="shelf", overlap=1, max_overlap=1)
    make_round(project, [make_pair(project, "ratón", locale="es"), make_pair(project, "mouse")], stream="active")
    reader, paused = make_members(project, 2)
    Membership.objects.filter(pk=reader.pk).update(languages=["us"])
    Membership.objects.filter(pk=paused.pk).update(paused_at=timezone.now(), paused_because="asked to")
    assert [slot.locale for slot in claim(reader)] == ["us"]
    assert claim(paused) == []


def test_shelf_takes_over_what_its_holder_let_run_out_with_new_keys() -> None:
    project, _ = shop({"mouse": 3})
    gone, here = make_members(project, 2)
    old = claim(gone)
    assert claim(here) == []
    for slot in old:
        expire(slot)
    new = claim(here)
    assert pairs_on(new) == pairs_on(old)
    assert not {slot.key for slot in new} & {slot.key for slot in old}
    assert submit(gone, old[0], "E") == Outcome.NOT_NEEDED
    assert claim(gone) == []


def test_undo_on_a_shelf_opens_the_product_again_beside_the_others() -> None:
    project, _ = shop({"mouse": 3, "lamp": 2})
    member = make_member(project)
    slots = claim(member)
    submit(member, slots[0], "S")
    opened = undo_step(project, member.user, last_step(project, member.user))
    assert opened is not None
    assert (opened.pair_id, opened.draft) == (slots[0].pair_id, PATHS["S"])
    assert pairs_on(claim(member)) == pairs_on(slots)


def test_undo_of_the_query_before_comes_first_and_keeps_the_shelf() -> None:
    project, pairs = shop({"mouse": 2, "lamp": 2})
    member = make_member(project)
    for slot in claim(member):
        submit(member, slot, "E")
    lamps = claim(member)
    undo_step(project, member.user, Judgment.objects.filter(annotator=member.user).latest("id"))
    again = claim(member)
    assert len(again) == 1
    assert again[0].pair_id in {pair.pk for pair in pairs["mouse"]}
    submit(member, again[0], "S")
    assert {slot.key for slot in claim(member)} == {slot.key for slot in lamps}


def test_shelf_is_kept_by_one_update_with_its_half_walks() -> None:
    project, _ = shop({"mouse": 3}, lease_minutes=20)
    member, other = make_members(project, 2)
    slots = claim(member)
    for slot in slots:
        expire(slot)
    drafts = {slot.key: "need:yes" for slot in slots} | {uuid.uuid4(): "need:no", slots[2].key: "no path"}
    assert keep_shelf(project, member.user, drafts) == 3
    kept = Slot.objects.filter(annotator=member.user).order_by("rank")
    assert [slot.draft for slot in kept] == ["need:yes", "need:yes", ""]
    assert all((slot.leased_until or timezone.now()) > timezone.now() + dt.timedelta(minutes=19) for slot in kept)
    assert keep_shelf(project, other.user, {slot.key: "need:no" for slot in slots}) == 0
    keep_shelf(project, member.user, {slot.key: "" for slot in slots}, leaving=True)
    assert all((slot.leased_until or timezone.now()) <= timezone.now() + GRACE for slot in kept.all())


@pytest.mark.parametrize("size", [2, MOST])
def test_shelf_costs_the_same_few_queries_however_many_products(
    size: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project, _ = shop({"mouse": size, "lamp": size}, overlap=2, max_overlap=3)
    member = make_member(project)
    with django_assert_max_num_queries(8):
        slots = claim(member)
    assert len(slots) == size
    with django_assert_max_num_queries(8):
        claim(member)
    with django_assert_max_num_queries(6):
        assert keep_shelf(project, member.user, {slot.key: "need:yes" for slot in slots}) == size
    with django_assert_max_num_queries(4):
        shelf_cards(project, member.user, slots, MOST)


def test_slots_are_locked_in_the_order_of_their_ids() -> None:
    """Whoever locks several does so alike, or two of them could wait for each other."""
    project, pairs = shop({"mouse": 4}, overlap=2, max_overlap=3)
    member = make_member(project)
    claim(member)
    Slot.objects.filter(pair=pairs["mouse"][0], annotator=member.user).update(leased_at=timezone.now())
    SetAside.objects.create(project=project, pair=pairs["mouse"][1], reason="other")
    with CaptureQueriesContext(connection) as queries:
        assert claim(member)[0].pair == pairs["mouse"][0]
        withdraw_if_closed(pairs["mouse"][1].pk)
    locks = [one["sql"] for one in queries if 'FROM "labeling_slot"' in one["sql"] and "FOR UPDATE" in one["sql"]]
    assert len(locks) == 2
    assert all('ORDER BY "labeling_slot"."id" ASC' in sql for sql in locks)
    assert Slot.objects.filter(pair=pairs["mouse"][1], withdrawn=True).count() == 2


def test_cards_are_shuffled_alike_for_one_person_and_differently_for_two() -> None:
    project, pairs = shop({"mouse": 12}, overlap=2, max_overlap=2)
    orders = []
    for member in make_members(project, 2):
        slots = claim(member)
        before = [card.pair.pk for card in shelf_cards(project, member.user, slots, MOST)]
        submit(member, slots[3], "E")
        after = [card.pair.pk for card in shelf_cards(project, member.user, claim(member), MOST)]
        assert after == before
        orders.append(before)
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == [pair.pk for pair in pairs["mouse"]]
    assert orders[0] != sorted(orders[0])


def test_cards_say_what_is_open_and_what_was_done() -> None:
    project, _ = shop({"mouse": 3})
    member = make_member(project)
    slots = claim(member)
    submit(member, slots[0], "C")
    skip_pair(project, member.user, answer_for(slots[1], "", path=""), "needs_evidence")
    cards = {card.pair.pk: card for card in shelf_cards(project, member.user, claim(member), MOST)}
    judged, skipped, still_open = (cards[slot.pair_id] for slot in slots)
    assert isinstance(judged.step, Judgment)
    assert (judged.step.label.key, judged.slot) == ("C", None)
    assert (str(skipped.step), skipped.slot) != ("None", slots[1])
    assert (still_open.slot, still_open.step) == (slots[2], None)
    for slot in slots:
        assert shelf_card(project, member.user, slot.pair_id) == cards[slot.pair_id]


def test_cards_of_a_query_that_comes_again_leave_out_the_ones_of_long_ago() -> None:
    project, _ = shop({"mouse": 5})
    member = make_member(project)
    slots = claim(member)
    for slot in slots[:3]:
        submit(member, slot, "E")
    cards = shelf_cards(project, member.user, claim(member), 4)
    assert {card.pair.pk for card in cards} == {slot.pair_id for slot in (slots[1], slots[2], slots[3], slots[4])}


def test_card_of_another_project_is_none() -> None:
    project, _ = shop({"mouse": 1})
    stranger = make_pair(make_project())
    with pytest.raises(Pair.DoesNotExist):
        shelf_card(project, make_member(project).user, stranger.pk)
