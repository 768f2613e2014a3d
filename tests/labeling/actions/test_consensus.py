"""Resolving a pair: majority, ties, disputes, and slots that follow."""

import pytest

from labeling.actions.judgments import skip_pair
from labeling.actions.queue import claim_slot, take_back
from labeling.models import Consensus, Membership, Pair, Project, Role, Slot
from tests.labeling.acting import answer_for, claim, expire, judge, make_members, submit, undo_last
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def one_pair(**settings: object) -> tuple[Project, Pair]:
    """Make a project whose queue is one pair."""
    project = make_project(**settings)
    pair = make_pair(project)
    make_round(project, [pair])
    return project, pair


def standing(pair: Pair) -> tuple[str, str | None, float, int]:
    consensus = Consensus.objects.select_related("label").get(pair=pair)
    label = consensus.label.key if consensus.label else None
    return consensus.state, label, round(consensus.confidence, 3), consensus.judgments


def slots(pair: Pair) -> int:
    return Slot.objects.filter(pair=pair).count()


@pytest.mark.parametrize(
    ("overlap", "limit", "labels", "expected"),
    [
        (1, 1, "E", ("resolved", "E", 1.0, 1)),
        (2, 3, "E", ("open", None, 1.0, 1)),
        (2, 3, "SS", ("resolved", "S", 1.0, 2)),
        (2, 3, "ES", ("open", None, 0.5, 2)),
        (2, 2, "ES", ("disputed", None, 0.5, 2)),
        (2, 3, "ESE", ("resolved", "E", 0.667, 3)),
        (2, 3, "ESI", ("disputed", None, 0.333, 3)),
        (2, 4, "ESI", ("open", None, 0.333, 3)),
        (2, 4, "ESIC", ("disputed", None, 0.25, 4)),
        (3, 5, "EEC", ("resolved", "E", 0.667, 3)),
        (3, 5, "EE", ("open", None, 1.0, 2)),
        (3, 5, "ESIE", ("resolved", "E", 0.5, 4)),
        (4, 5, "EESS", ("open", None, 0.5, 4)),
    ],
)
def test_consensus_follows_the_judgments(
    overlap: int, limit: int, labels: str, expected: tuple[str, str | None, float, int]
) -> None:
    project, pair = one_pair(overlap=overlap, max_overlap=limit)
    for member, label in zip(make_members(project, len(labels)), labels, strict=True):
        judge(member, label)
    assert standing(pair) == expected
    waiting = slots(pair) - len(labels)
    assert waiting == max(overlap - len(labels), int(expected[0] == "open"))


def test_consensus_of_a_tie_is_broken_by_a_third_person() -> None:
    project, pair = one_pair(overlap=2, max_overlap=3)
    first, second, third = make_members(project, 3)
    judge(first, "E")
    judge(second, "I")
    assert claim_slot(project, first.user) is None
    assert judge(third, "I").slot.number == 3
    assert standing(pair) == ("resolved", "I", 0.667, 3)


def test_consensus_drops_the_tie_slot_when_the_tie_is_undone() -> None:
    project, pair = one_pair(overlap=2, max_overlap=3)
    first, second, third = make_members(project, 3)
    judge(first, "E")
    judge(second, "S")
    assert slots(pair) == 3
    undo_last(project, second.user)
    assert slots(pair) == 2
    assert claim_slot(project, third.user) is None
    judge(second, "E")
    assert standing(pair) == ("resolved", "E", 1.0, 2)


def test_consensus_leaves_a_tie_slot_that_somebody_holds() -> None:
    project, pair = one_pair(overlap=2, max_overlap=3)
    first, second, third = make_members(project, 3)
    judge(first, "E")
    judge(second, "S")
    held = claim(third)
    undo_last(project, second.user)
    judge(second, "E")
    assert standing(pair) == ("resolved", "E", 1.0, 2)
    submit(third, held, "S")
    assert standing(pair) == ("resolved", "E", 0.667, 3)


def test_consensus_drops_a_needless_slot_when_its_holder_skips() -> None:
    project, pair = one_pair(overlap=2, max_overlap=3)
    first, second, third, fourth = make_members(project, 4)
    judge(first, "E")
    judge(second, "S")
    held = claim(third)
    undo_last(project, second.user)
    judge(second, "E")
    skip_pair(project, third.user, answer_for(held, ""), "text_missing")
    assert slots(pair) == 2
    assert claim_slot(project, fourth.user) is None
    assert standing(pair) == ("resolved", "E", 1.0, 2)


def needless_lease(project: Project) -> tuple[list[Membership], Slot]:
    """Let two tie, a third person take the slot that the tie asks for, and the tie dissolve."""
    members = make_members(project, 4)
    judge(members[0], "E")
    judge(members[1], "S")
    held = claim(members[2])
    undo_last(project, members[1].user)
    return members, held


def test_consensus_drops_a_needless_slot_whose_lease_ran_out() -> None:
    project, pair = one_pair(overlap=2, max_overlap=3)
    members, held = needless_lease(project)
    expire(held)
    judge(members[1], "E")
    assert slots(pair) == 2
    assert claim_slot(project, members[3].user) is None
    assert standing(pair) == ("resolved", "E", 1.0, 2)


def test_consensus_drops_a_needless_slot_that_is_taken_back() -> None:
    project, pair = one_pair(overlap=2, max_overlap=3)
    members, held = needless_lease(project)
    judge(members[1], "E")
    assert slots(pair) == 3
    assert take_back(project, held.pk, make_member(project, Role.LEAD).user)
    assert slots(pair) == 2
    assert claim_slot(project, members[3].user) is None
    assert standing(pair) == ("resolved", "E", 1.0, 2)


def test_consensus_keeps_a_free_slot_whose_judgment_was_withdrawn() -> None:
    """Judgments are never deleted, so their slot stays; an undo by somebody else must not stumble over it."""
    project, pair = one_pair(overlap=2, max_overlap=3)
    first, second, third = make_members(project, 3)
    judge(first, "E")
    judge(second, "S")
    judge(third, "I")
    assert standing(pair) == ("disputed", None, 0.333, 3)
    slot = undo_last(project, third.user)
    assert slot is not None
    skip_pair(project, third.user, answer_for(slot, ""), "text_missing")
    undo_last(project, first.user)
    assert slots(pair) == 3
    assert standing(pair) == ("open", None, 1.0, 1)
    judge(first, "S")
    assert standing(pair) == ("resolved", "S", 1.0, 2)


def test_consensus_adds_tie_slots_under_numbers_of_their_own() -> None:
    project, pair = one_pair(overlap=2, max_overlap=4)
    first, second, third, fourth, fifth = make_members(project, 5)
    judge(first, "E")
    judge(second, "S")
    judge(third, "I")
    held = claim(fourth)
    assert held.number == 4
    undone = undo_last(project, third.user)
    assert undone is not None
    submit(fourth, held, "E")
    assert standing(pair) == ("resolved", "E", 0.667, 3)
    submit(third, undone, "S")
    assert standing(pair) == ("disputed", None, 0.5, 4)
    assert claim_slot(project, fifth.user) is None


def test_consensus_counts_an_expired_lease_as_a_place_to_fill() -> None:
    project, pair = one_pair(overlap=2, max_overlap=3)
    first, second, third = make_members(project, 3)
    gone = claim(third)
    expire(gone)
    judge(first, "E")
    assert standing(pair) == ("open", None, 1.0, 1)
    judge(second, "E")
    assert standing(pair) == ("resolved", "E", 1.0, 2)
    assert submit(third, gone, "E").value == "not needed"


def test_any_difference_asks_for_one_more_where_the_project_wants_it() -> None:
    project = make_project(overlap=3, max_overlap=4, escalate_on="difference")
    pair = make_pair(project)
    make_round(project, [pair])
    for label in ("E", "E", "S"):
        judge(make_member(project), label)
    assert Consensus.objects.get(pair=pair).state == "open"
    judge(make_member(project), "I")
    settled = Consensus.objects.get(pair=pair)
    assert (settled.state, str(settled.label), settled.judgments) == ("resolved", "Exact", 4)
