"""Gold pairs and repeats among the rest, and what comes of them."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.judgments import Outcome, submit_answer, undo_step
from labeling.actions.members import pause_member, resume_member
from labeling.actions.queue import _personal_slot, claim_slot, take_back
from labeling.models import Consensus, GoldPair, Judgment, Membership, Project, Role, Slot
from labeling.queries.gold import ENOUGH_GOLD, gold_result
from labeling.queries.pairs import untouched_pairs
from labeling.queries.queue import waiting_slots
from tests.labeling.acting import SKIP_PATH, answer_for, claim, judge, make_members, submit, undo_last
from tests.making import make_gold, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

GOLD_TURN, REPEAT_TURN, USUAL_TURN = 0.0, 0.25, 0.9


def make_shop(**settings: object) -> Project:
    """Make a project that serves gold pairs and repeats, with ten pairs waiting."""
    project = make_project(gold_share=0.2, repeat_share=0.2, **settings)
    make_round(project, [make_pair(project) for _ in range(10)])
    return project


def claimed(member: Membership, turn: float) -> Slot:
    slot = claim_slot(member.project, member.user, turn)
    assert slot is not None
    return slot


def backdate(judgment: Judgment, days: int) -> None:
    # The trigger refuses this, as it should; only a test lives through weeks in a moment.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        Judgment.objects.filter(pk=judgment.pk).update(created_at=timezone.now() - dt.timedelta(days=days))
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_gold_is_served_to_each_annotator_once_and_settles_nothing() -> None:
    project = make_shop()
    gold = make_gold(project)
    first, second = make_members(project, 2)
    for member in (first, second):
        slot = claimed(member, GOLD_TURN)
        assert (slot.pair, slot.personal, slot.entry.stream) == (gold.pair, True, "gold")
        assert claimed(member, USUAL_TURN) == slot
        assert submit(member, slot, "E") == Outcome.STORED
        assert claimed(member, GOLD_TURN).personal is False
    assert Judgment.objects.filter(pair=gold.pair, stream="gold").count() == 2
    assert not Consensus.objects.filter(pair=gold.pair).exists()


def test_gold_is_in_no_round_and_in_nobodys_way() -> None:
    project = make_shop()
    gold = make_gold(project)
    assert gold.pair not in untouched_pairs(project)
    waiting = waiting_slots(project).count()
    first, second = make_members(project, 2)
    slot = claimed(first, GOLD_TURN)
    assert waiting_slots(project).count() == waiting
    Slot.objects.filter(pk=slot.pk).update(leased_until=timezone.now() - dt.timedelta(hours=1))
    assert claimed(second, USUAL_TURN) != slot


@pytest.mark.parametrize("use", ["training", "retired"])
def test_gold_for_training_or_retired_is_not_mixed_in(use: str) -> None:
    project = make_shop()
    gold = make_gold(project, use="training" if use == "training" else "check")
    if use == "retired":
        GoldPair.objects.filter(pk=gold.pk).update(retired_at=timezone.now())
    assert claimed(make_member(project), GOLD_TURN).personal is False


def test_gold_is_not_served_when_nothing_else_waits() -> None:
    project = make_project(gold_share=0.5)
    make_round(project, [])
    make_gold(project)
    assert claim_slot(project, make_member(project).user, GOLD_TURN) is None


def test_gold_can_be_skipped_and_the_skip_taken_back() -> None:
    project = make_shop()
    gold = make_gold(project)
    member = make_member(project)
    submit(member, claimed(member, GOLD_TURN), SKIP_PATH)
    assert not Slot.objects.filter(pair=gold.pair).exists()
    assert claimed(member, GOLD_TURN).pair != gold.pair
    slot = undo_last(project, member.user)
    assert slot is not None
    assert slot.pair == gold.pair
    assert submit(member, slot, "E") == Outcome.STORED


def test_gold_that_was_taken_back_keeps_the_answer_that_comes_after() -> None:
    project = make_shop()
    make_gold(project)
    member, lead = make_member(project), make_member(project, Role.LEAD)
    slot = claimed(member, GOLD_TURN)
    answer = answer_for(slot, "E")
    assert take_back(project, slot.pk, lead.user)
    assert submit_answer(project, member.user, answer) == Outcome.NOT_NEEDED
    assert Judgment.objects.get(key=answer.key).retired_as == "surplus"


def test_repeat_comes_after_its_days_once_and_counts_for_nothing_else() -> None:
    project = make_shop(repeat_after_days=14)
    member = make_member(project)
    judgment = judge(member, "E")
    Consensus.objects.filter(pair=judgment.pair).update(state="disputed")
    make_round(project, [make_pair(project) for _ in range(3)])
    backdate(judgment, 13)
    assert claimed(member, REPEAT_TURN).personal is False
    Slot.objects.filter(annotator=member.user, judged=False).update(annotator=None, leased_until=None)
    backdate(judgment, 15)
    slot = claimed(member, REPEAT_TURN)
    assert (slot.pair, slot.entry.stream) == (judgment.pair, "repeat")
    votes = Consensus.objects.get(pair=judgment.pair).judgments
    assert submit(member, slot, "I") == Outcome.STORED
    assert Judgment.objects.filter(pair=judgment.pair, annotator=member.user, retired_at=None).count() == 2
    assert Consensus.objects.get(pair=judgment.pair).judgments == votes
    assert claimed(member, REPEAT_TURN).personal is False


def test_gold_result_pauses_who_is_surely_below_the_mark() -> None:
    project = make_shop(pass_mark=0.8)
    member = make_member(project)
    for _ in range(ENOUGH_GOLD):
        make_gold(project, "S")
    for _ in range(ENOUGH_GOLD):
        submit(member, claimed(member, GOLD_TURN), "I")
    member.refresh_from_db()
    assert member.paused_because == "gold"
    assert claim_slot(project, member.user) is None
    assert gold_result(member).value == 0
    resume_member(project, member.user, make_member(project, Role.LEAD).user)
    member.refresh_from_db()
    assert gold_result(member).n == 0
    assert claim(member).annotator == member.user


def test_gold_result_leaves_who_errs_now_and_then() -> None:
    project = make_shop(pass_mark=0.8)
    member = make_member(project)
    for answer in ("S", "S", "I", "S", "S", "S"):
        make_gold(project, "S")
        submit(member, claimed(member, GOLD_TURN), answer)
    member.refresh_from_db()
    assert member.paused_at is None
    result = gold_result(member)
    assert (result.n, round(result.value, 3)) == (6, 0.833)


def test_claim_is_refused_while_paused_and_before_the_training() -> None:
    project = make_shop(training_required=True)
    member, lead = make_member(project), make_member(project, Role.LEAD)
    assert claim_slot(project, member.user) is None
    assert claim_slot(project, lead.user) is not None
    member.qualified_at = timezone.now()
    member.save()
    assert claim_slot(project, member.user) is not None
    pause_member(project, member.user, "Please call me.", lead.user)
    assert claim_slot(project, member.user) is None


def test_claim_and_submit_of_gold_stay_in_the_budget(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    project = make_shop()
    for _ in range(3):
        make_gold(project)
    member = make_member(project)
    for _ in range(3):
        with django_assert_max_num_queries(8 + 2):  # and the savepoint of the transaction around the test
            slot = claimed(member, GOLD_TURN)
        answer = answer_for(slot, "E")
        with django_assert_max_num_queries(8 + 2):
            submit_answer(project, member.user, answer)


def test_gold_is_not_served_as_what_it_was_queued_for_before() -> None:
    project = make_shop()
    gold = make_gold(project)
    before = make_round(project, [gold.pair])
    make_round(project, [make_pair(project)])
    member = make_member(project)
    instead_of = Slot.objects.get(round=before, pair=gold.pair, number=1)
    # A round opened between the look at the queue and the turn of a gold pair.
    assert _personal_slot(member, instead_of, timezone.now(), GOLD_TURN) is None


def test_desk_goes_on_from_a_pair_that_only_a_repeat_has_judged() -> None:
    project = make_project(overlap=1, repeat_share=0.2, repeat_after_days=0)
    make_round(project, [make_pair(project) for _ in range(3)])
    member = make_member(project)
    first = judge(member, "E")
    make_round(project, [make_pair(project) for _ in range(3)])
    repeat = claimed(member, 0.0)
    assert (repeat.entry.stream, repeat.pair) == ("repeat", first.pair)
    assert submit(member, repeat, "E") == Outcome.STORED
    again = undo_step(project, member.user, first)
    assert again is not None
    assert claimed(member, USUAL_TURN) == again
    assert submit(member, again, "S") == Outcome.STORED
    assert claimed(member, USUAL_TURN).pair != first.pair
