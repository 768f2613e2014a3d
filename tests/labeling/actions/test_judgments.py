"""Taking answers in and taking them back."""

import uuid

import pytest
from pytest_django import DjangoAssertNumQueries

from labeling.actions.guidelines import publish_guideline
from labeling.actions.judgments import Outcome, correct_judgment, skip_pair, submit_answer, tree_of, undo_step
from labeling.actions.queue import claim_slot
from labeling.guidelines.parse import default_source
from labeling.guidelines.walk import PathError
from labeling.models import Consensus, Judgment, Pair, Project, Skip, Slot
from labeling.queries.judgments import last_step
from tests.labeling.acting import SKIP_PATH, answer_for, claim, expire, judge, make_members, submit, undo_last
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

OTHER_TREE = """
title: Short
start: fits
questions:
  fits:
    ask: Does it fit?
    help: Look at it.
    answers:
      yes: {text: "Yes", label: E}
      no: {text: "No", label: I}
skips:
  text_missing: There is no text
"""


def live(project: Project) -> list[tuple[int, str]]:
    """Return (annotator, label) of the project's live judgments."""
    return list(
        Judgment.objects.filter(project=project, retired_at__isnull=True)
        .order_by("id")
        .values_list("annotator_id", "label__key")
    )


@pytest.mark.parametrize("label", list(PATHS))
def test_submit_stores_the_label_at_the_paths_end(label: str) -> None:
    project = make_project()
    pair = make_pair(project)
    make_round(project, [pair])
    member = make_member(project)
    slot = claim(member)
    assert submit(member, slot, label, note="plain") == Outcome.STORED
    judgment = Judgment.objects.get(key=slot.key)
    assert judgment.label.key == label
    assert (judgment.pair, judgment.annotator, judgment.slot, judgment.path) == (pair, member.user, slot, PATHS[label])
    assert (judgment.stream, judgment.note, judgment.revision) == ("random", "plain", pair.product.revision)
    assert 0 <= judgment.seconds < 60
    assert Slot.objects.get(pk=slot.pk).judged


def test_submit_sent_twice_counts_once() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    slot = claim(member)
    assert submit(member, slot, "E") == Outcome.STORED
    assert submit(member, slot, "E") == Outcome.REPEATED
    assert live(project) == [(member.user_id, "E")]


def test_submit_of_a_skip_leaf_stores_a_skip_and_frees_the_slot() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    member, other = make_members(project, 2)
    slot = claim(member)
    assert submit(member, slot, SKIP_PATH, note="gibberish") == Outcome.STORED
    assert submit(member, slot, SKIP_PATH) == Outcome.REPEATED
    skip = Skip.objects.get(project=project)
    assert (skip.reason, skip.path, skip.note, skip.annotator) == (
        "unclear_query",
        SKIP_PATH,
        "gibberish",
        member.user,
    )
    assert live(project) == []
    assert claim(other).pk == slot.pk


def test_skip_takes_reasons_of_the_guideline_only() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    slot = claim(member)
    answer = answer_for(slot, "need:yes")
    with pytest.raises(
        ValueError, match=r"'bored' is not a reason to skip\. Reasons are: unclear_query, needs_evidence"
    ):
        skip_pair(project, member.user, answer, "bored")
    assert not Skip.objects.filter(project=project).exists()
    assert skip_pair(project, member.user, answer, "offensive_content") == Outcome.STORED
    assert skip_pair(project, member.user, answer, "offensive_content") == Outcome.REPEATED
    assert Skip.objects.get(project=project).path == "need:yes"


def test_skip_from_a_second_tab_with_an_older_key_is_not_stored_twice() -> None:
    project = make_project(overlap=1, max_overlap=1, skips_to_lead=0)
    make_round(project, [make_pair(project)])
    member, other = make_members(project, 2)
    first = claim(member)
    expire(first)
    skip_pair(project, other.user, answer_for(claim(other), ""), "text_missing")
    second = claim(member)
    assert second.key != first.key
    assert skip_pair(project, member.user, answer_for(second, ""), "text_missing") == Outcome.STORED
    assert skip_pair(project, member.user, answer_for(first, ""), "text_missing") == Outcome.REPEATED
    assert Skip.objects.filter(project=project, annotator=member.user).count() == 1
    assert Slot.objects.get(pk=first.pk).annotator is None


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("need:yes,type:yes", ValueError, "not at its end: 'Does anything the query states contradict"),
        ("", ValueError, "not at its end: 'Can you tell what the shopper wants"),
        ("fits:yes", PathError, "Step 1 of the path: expected an answer to 'need', not to 'fits'"),
        (PATHS["E"] + ",accept:yes", PathError, "Step 5 of the path: 'accept' comes after the walk has ended"),
        ("need:maybe", PathError, "'maybe' is no answer to 'need'; its answers are yes, no"),
        ("need", PathError, "expected question:answer, found 'need'"),
    ],
)
def test_submit_refuses_a_path_that_ends_in_no_leaf(path: str, error: type[Exception], message: str) -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    slot = claim(member)
    with pytest.raises(error, match=message):
        submit(member, slot, "E", path=path)
    assert live(project) == []
    assert claim(member).pk == slot.pk


def test_submit_walks_the_version_that_the_desk_showed() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member, other = make_members(project, 2)
    slot = claim(member)
    shown = answer_for(slot, "S")
    newer = publish_guideline(project, OTHER_TREE, None)
    assert submit_answer(project, member.user, shown) == Outcome.STORED
    with pytest.raises(PathError, match="expected an answer to 'fits'"):
        submit(other, claim(other), "S")
    assert submit(other, claim(other), "fits:yes") == Outcome.STORED
    assert live(project) == [(member.user_id, "S"), (other.user_id, "E")]
    assert tree_of(project, newer).title == "Short"


def test_submit_refuses_the_guideline_of_another_project() -> None:
    project, other = make_project(), make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    foreign = publish_guideline(other, default_source(), None)
    with pytest.raises(ValueError, match="is not a guideline of Shop"):
        submit(member, claim(member), "E", guideline=foreign)
    assert live(project) == []


def test_submit_refuses_the_pair_of_another_project() -> None:
    project, other = make_project(), make_project()
    make_round(project, [make_pair(project)])
    make_round(other, [make_pair(other)])
    member, stranger = make_member(project), make_member(other)
    slot = claim(member)
    theirs = claim(stranger)
    with pytest.raises(Pair.DoesNotExist):
        submit_answer(project, member.user, answer_for(slot, "E", pair_id=theirs.pair_id))
    assert live(other) == []


def test_submit_after_the_lease_ran_out_is_taken() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    slot = claim(member)
    expire(slot)
    assert submit(member, slot, "E") == Outcome.STORED


def test_submit_after_a_lost_lease_takes_another_place_of_the_pair() -> None:
    project = make_project(overlap=2)
    make_round(project, [make_pair(project)])
    late, other = make_members(project, 2)
    lost = claim(late)
    expire(lost)
    taken = claim(other)
    assert taken.pk == lost.pk
    assert submit(late, lost, "S") == Outcome.STORED
    assert submit(other, taken, "E") == Outcome.STORED
    assert sorted(live(project)) == sorted([(late.user_id, "S"), (other.user_id, "E")])
    assert Judgment.objects.get(annotator=late.user).slot_id != taken.pk


def test_submit_after_a_lost_lease_is_not_needed_when_others_hold_every_place() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    late, other = make_members(project, 2)
    lost = claim(late)
    expire(lost)
    taken = claim(other)
    assert submit(late, lost, "S") == Outcome.NOT_NEEDED
    assert skip_pair(project, late.user, answer_for(lost, "", key=uuid.uuid4()), "text_missing") == Outcome.NOT_NEEDED
    assert submit(other, taken, "E") == Outcome.STORED
    assert submit(late, lost, "S") == Outcome.REPEATED
    assert live(project) == [(other.user_id, "E")]
    assert not Skip.objects.filter(project=project).exists()


def test_submit_with_another_key_for_what_the_person_judged_is_not_needed() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    slot = claim(member)
    submit(member, slot, "E")
    assert submit(member, slot, "I", key=uuid.uuid4()) == Outcome.NOT_NEEDED
    assert live(project) == [(member.user_id, "E")]


def test_submit_costs_the_same_after_a_long_history(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    project = make_project(overlap=2)
    make_round(project, [make_pair(project) for _ in range(12)])
    busy, other = make_members(project, 2)
    for _ in range(10):
        judge(busy)
    for member, label in ((busy, "E"), (other, "E"), (other, "E")):
        slot = claim(member)
        answer = answer_for(slot, label)
        # Two of them are the transaction's own: BEGIN and COMMIT, here a savepoint.
        with django_assert_max_num_queries(8 + 2):
            submit_answer(project, member.user, answer)


def test_submit_that_asks_for_one_more_stays_in_the_budget(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    project = make_project(overlap=2, max_overlap=3)
    make_round(project, [make_pair(project)])
    first, second = make_members(project, 2)
    judge(first, "E")
    slot = claim(second)
    answer = answer_for(slot, "S")
    with django_assert_max_num_queries(8 + 2):  # and the savepoint of the transaction around the test
        submit_answer(project, second.user, answer)
    assert Slot.objects.filter(pair=slot.pair).count() == 3


def test_undo_gives_the_pair_back_under_a_new_key() -> None:
    project = make_project(overlap=1, max_overlap=1)
    first, second = make_pair(project), make_pair(project)
    make_round(project, [first, second], stream="active")
    member = make_member(project)
    judgment = judge(member, "I")
    held = claim(member)
    assert held.pair == second
    slot = undo_last(project, member.user)
    assert slot is not None
    assert (slot.pair, slot.annotator, slot.judged) == (first, member.user, False)
    assert slot.key != judgment.key
    judgment.refresh_from_db()
    assert judgment.retired_as == "undone"
    assert Slot.objects.get(pk=held.pk).annotator is None
    assert claim(member).pk == slot.pk
    assert submit(member, slot, "E") == Outcome.STORED
    assert submit(member, slot, "I", key=judgment.key) == Outcome.REPEATED
    assert live(project) == [(member.user_id, "E")]


def test_undo_goes_back_step_by_step_and_ends() -> None:
    project = make_project(overlap=1, max_overlap=1)
    pairs = [make_pair(project) for _ in range(3)]
    make_round(project, pairs, stream="active")
    member = make_member(project)
    judge(member)
    submit(member, claim(member), SKIP_PATH)
    judge(member)
    for pair in reversed(pairs):
        slot = undo_last(project, member.user)
        assert slot is not None
        assert slot.pair == pair
        assert Slot.objects.filter(round__project=project, annotator=member.user, judged=False).get() == slot
    assert undo_last(project, member.user) is None
    assert live(project) == []
    assert not Skip.objects.filter(project=project, retired_at__isnull=True).exists()


def test_undo_takes_back_ones_own_steps_only() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member, other = make_members(project, 2)
    assert undo_last(project, member.user) is None
    judge(member, "E")
    assert undo_last(project, other.user) is None
    assert live(project) == [(member.user_id, "E")]


def test_undo_reaches_back_into_a_closed_round() -> None:
    project = make_project(overlap=1, max_overlap=1)
    pair = make_pair(project)
    make_round(project, [pair])
    member = make_member(project)
    judge(member, "E")
    make_round(project, [make_pair(project)])
    slot = undo_last(project, member.user)
    assert slot is not None
    assert slot.pair == pair
    assert claim(member).pk == slot.pk
    assert not Consensus.objects.filter(pair=pair).exists()
    assert submit(member, claim(member), "S") == Outcome.STORED
    assert live(project) == [(member.user_id, "S")]
    assert claim(member).pair != pair


def test_undo_sent_twice_takes_back_one_step() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project), make_pair(project)])
    member = make_member(project)
    judge(member, "E")
    judge(member, "I")
    step = last_step(project, member.user)
    first = undo_step(project, member.user, step)
    again = undo_step(project, member.user, step)
    assert first is not None
    assert again == first
    assert live(project) == [(member.user_id, "E")]
    assert first.draft == PATHS["I"]


def test_correction_supersedes_and_keeps_the_slot() -> None:
    project = make_project(overlap=2)
    pair = make_pair(project)
    make_round(project, [pair])
    first, second = make_members(project, 2)
    old = judge(first, "E")
    judge(second, "S")
    make_round(project, [])
    key = uuid.uuid4()
    answer = answer_for(old.slot, "S", key=key)
    assert correct_judgment(project, first.user, old.pk, answer) == Outcome.STORED
    assert correct_judgment(project, first.user, old.pk, answer) == Outcome.REPEATED
    old.refresh_from_db()
    assert old.retired_as == "superseded"
    new = Judgment.objects.get(key=key)
    assert (new.slot_id, new.label.key, new.retired_at) == (old.slot_id, "S", None)
    consensus = Consensus.objects.get(pair=pair)
    assert (consensus.state, str(consensus.label)) == ("resolved", "Substitute")


def test_correction_is_of_ones_own_live_judgment_and_ends_in_a_label() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member, other = make_members(project, 2)
    old = judge(member, "E")
    answer = answer_for(old.slot, "S", key=uuid.uuid4())
    with pytest.raises(Judgment.DoesNotExist):
        correct_judgment(project, other.user, old.pk, answer)
    with pytest.raises(ValueError, match="another label only"):
        correct_judgment(project, member.user, old.pk, answer_for(old.slot, SKIP_PATH, key=uuid.uuid4()))
    undo_last(project, member.user)
    with pytest.raises(Judgment.DoesNotExist):
        correct_judgment(project, member.user, old.pk, answer)
    assert live(project) == []


def test_submit_that_is_not_needed_is_kept_and_counts_for_nothing() -> None:
    project = make_project(overlap=1, max_overlap=1)
    pair = make_pair(project)
    make_round(project, [pair])
    late, other = make_members(project, 2)
    lost = claim(late)
    expire(lost)
    judge(other, "E")
    assert submit(late, lost, "I") == Outcome.NOT_NEEDED
    assert submit(late, lost, "I") == Outcome.REPEATED
    kept = Judgment.objects.get(annotator=late.user)
    assert (kept.retired_as, kept.label.key) == ("surplus", "I")
    assert live(project) == [(other.user_id, "E")]
    assert Consensus.objects.get(pair=pair).judgments == 1


def test_undo_of_a_skip_when_others_took_every_place_changes_nothing() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project), make_pair(project)], stream="active")
    member, other = make_members(project, 2)
    submit(member, claim(member), SKIP_PATH)
    held = claim(member)
    assert claim(other).pk != held.pk
    assert undo_last(project, member.user) is None
    assert Skip.objects.get(project=project).retired_at is None
    assert claim(member).key == held.key


def test_undo_restores_the_consensus() -> None:
    project = make_project(overlap=2)
    pair = make_pair(project)
    make_round(project, [pair])
    first, second = make_members(project, 2)
    judge(first, "E")
    judge(second, "E")
    assert Consensus.objects.get(pair=pair).state == "resolved"
    undo_last(project, second.user)
    consensus = Consensus.objects.get(pair=pair)
    assert (consensus.state, consensus.label, consensus.judgments) == ("open", None, 1)
    undo_last(project, first.user)
    assert not Consensus.objects.filter(pair=pair).exists()
    judge(second, "S")
    judge(first, "S")
    resolved = Consensus.objects.get(pair=pair)
    assert resolved.label is not None
    assert resolved.label.key == "S"


def test_submit_of_an_old_lease_fills_the_place_in_the_new_round() -> None:
    project = make_project(overlap=2)
    pair = make_pair(project)
    make_round(project, [pair])
    first, second = make_members(project, 2)
    judge(second, "E")
    old = claim(first)
    make_round(project, [])
    new = claim(first)
    assert new == old
    assert submit(first, old, "E") == Outcome.STORED
    assert claim_slot(project, first.user) is None
    consensus = Consensus.objects.get(pair=pair)
    assert (consensus.state, consensus.judgments) == ("resolved", 2)
    stored = Judgment.objects.get(key=old.key)
    assert stored.slot_id != old.pk
    assert stored.slot.round.state == "open"


def test_submit_of_an_old_lease_is_taken_when_the_new_places_are_held() -> None:
    project = make_project(overlap=2)
    pair = make_pair(project)
    make_round(project, [pair])
    first, second, third = make_members(project, 3)
    judge(second, "E")
    old = claim(first)
    make_round(project, [])
    new = claim(third)
    assert submit(first, old, "S") == Outcome.STORED
    assert submit(third, new, "E") == Outcome.STORED
    consensus = Consensus.objects.get(pair=pair)
    assert (consensus.state, consensus.judgments) == ("resolved", 3)
    assert consensus.confidence == pytest.approx(2 / 3)


def test_late_submit_that_makes_a_tie_stays_in_the_budget(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    project = make_project(overlap=2, max_overlap=3)
    make_round(project, [make_pair(project)])
    late, other = make_members(project, 2)
    lost = claim(late)
    expire(lost)
    judge(other, "E")
    answer = answer_for(lost, "S")
    Slot.objects.filter(pair=lost.pair_id, judged=False).update(annotator=None, leased_until=None, key=uuid.uuid4())
    with django_assert_max_num_queries(8 + 2):
        assert submit_answer(project, late.user, answer) == Outcome.STORED
