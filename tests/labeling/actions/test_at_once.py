"""What holds when people act at the same moment: real threads, real transactions."""

import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import transaction

from labeling.actions.audits import claim_item, draw_audit
from labeling.actions.invitations import accept_invitation, digest_of, invite
from labeling.actions.judgments import Outcome
from labeling.actions.queue import claim_slot
from labeling.actions.shelf import claim_shelf, keep_shelf
from labeling.models import AuditItem, Consensus, Judgment, Membership, Role, Slot
from tests.labeling.acting import at_once, claim, expire, judge, make_adapter, make_members, predict, submit, undo_last
from tests.making import make_member, make_pair, make_project, make_round, make_user


def test_claims_of_many_at_once_never_share_a_slot(committed: None) -> None:
    project = make_project(overlap=2)
    make_round(project, [make_pair(project) for _ in range(40)])
    members = make_members(project, 8)

    def work(member: Membership) -> list[int]:
        done = []
        while (slot := claim_slot(project, member.user)) is not None:
            assert submit(member, slot, "E") == Outcome.STORED
            done.append(slot.pk)
        return done

    done = at_once(*(partial(work, member) for member in members))
    slots = [slot for one in done for slot in one]
    assert len(slots) == len(set(slots)) == 80
    judgments = Judgment.objects.filter(project=project, retired_at__isnull=True)
    by_pair: dict[int, list[int]] = defaultdict(list)
    for pair, annotator in judgments.values_list("pair_id", "annotator_id"):
        by_pair[pair].append(annotator)
    assert Counter(len(people) for people in by_pair.values()) == {2: 40}
    assert all(len(set(people)) == len(people) for people in by_pair.values())


def test_claims_at_once_pass_over_what_others_are_being_given(committed: None) -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project) for _ in range(8)])
    members = make_members(project, 8)
    slots = at_once(*(partial(claim_slot, project, member.user) for member in members))
    given = [slot.pk for slot in slots if slot is not None]
    assert len(set(given)) == len(given)
    # Who found all of the rest locked for a moment is served when asking again.
    assert {claim(member).pk for member in members} == set(
        Slot.objects.filter(round__project=project).values_list("pk", flat=True)
    )


def test_claims_of_two_tabs_at_once_are_one_lease(committed: None) -> None:
    project = make_project()
    make_round(project, [make_pair(project) for _ in range(5)])
    member = make_member(project)
    slots = at_once(*[lambda: claim(member)] * 4)
    assert len({slot.pk for slot in slots}) == 1
    assert len({slot.key for slot in slots}) == 1
    assert Slot.objects.filter(round__project=project, annotator=member.user).count() == 1


def test_claim_of_a_lease_that_is_being_taken_over_gives_it_up(committed: None) -> None:
    """The holder of an expired lease comes back just when somebody else is given their slot."""
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    gone, here = make_members(project, 2)
    slot = claim(gone)
    expire(slot)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert claim(here).pk == slot.pk
            coming_back = pool.submit(at_once, lambda: claim_slot(project, gone.user))
            time.sleep(0.3)  # until it waits for the row
        assert coming_back.result() == [None]
    assert Slot.objects.get(pk=slot.pk).annotator == here.user


def test_submits_of_both_slots_at_once_resolve_each_pair(committed: None) -> None:
    project = make_project(overlap=2)
    make_round(project, [make_pair(project) for _ in range(4)], stream="active")
    members = make_members(project, 2)
    for labels in ("EE", "SS", "EI", "CC"):
        slots = [claim(member) for member in members]
        assert slots[0].pair == slots[1].pair
        calls = [partial(submit, *turn) for turn in zip(members, slots, labels, strict=True)]
        assert at_once(*calls) == [Outcome.STORED] * 2
        consensus = Consensus.objects.get(pair=slots[0].pair)
        assert (consensus.state, consensus.judgments) == ("resolved" if labels[0] == labels[1] else "open", 2)
        assert Slot.objects.filter(pair=slots[0].pair).count() == (2 if labels[0] == labels[1] else 3)


def test_submit_sent_again_at_once_counts_once(committed: None) -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    slot = claim(member)
    outcomes = at_once(*[lambda: submit(member, slot, "E")] * 3)
    assert sorted(outcome.value for outcome in outcomes) == ["repeated", "repeated", "stored"]
    assert Judgment.objects.filter(project=project).count() == 1


def test_submits_and_undos_at_once_leave_a_true_consensus(committed: None) -> None:
    project = make_project(overlap=2, max_overlap=4)
    pair = make_pair(project)
    make_round(project, [pair])
    members = make_members(project, 4)

    def waver(member: Membership, labels: str) -> None:
        for label in labels:
            if claim_slot(project, member.user) is not None:
                judge(member, label)
            if label == "E":
                undo_last(project, member.user)

    at_once(
        *(partial(waver, member, labels) for member, labels in zip(members, ("ESES", "EIEI", "ES", "EC"), strict=True))
    )
    live = Judgment.objects.filter(pair=pair, retired_at__isnull=True)
    assert Slot.objects.filter(pair=pair, judged=True).count() == live.count()
    consensus = Consensus.objects.filter(pair=pair).first()
    assert (consensus.judgments if consensus else 0) == live.count()


def test_audit_item_that_is_being_taken_over_is_given_up(committed: None) -> None:
    project = make_project()
    predict(make_adapter(project), {make_pair(project): [0.7, 0.1, 0.1, 0.1]})
    gone, here = make_member(project, Role.AUDITOR), make_member(project, Role.AUDITOR)
    audit = draw_audit(project, 1, 1, None)
    assert audit is not None
    item = claim_item(audit, gone.user)
    assert item is not None
    AuditItem.objects.filter(pk=item.pk).update(leased_until=audit.created_at)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert claim_item(audit, here.user) == item
            coming_back = pool.submit(at_once, lambda: claim_item(audit, gone.user))
            time.sleep(0.3)  # until it waits for the row
        assert coming_back.result() == [None]
    assert AuditItem.objects.get(pk=item.pk).auditor == here.user


def test_tie_slot_that_somebody_is_being_given_outlives_the_undo_of_the_tie(committed: None) -> None:
    project = make_project(overlap=2, max_overlap=3)
    make_round(project, [make_pair(project)])
    first, second, third = make_members(project, 3)
    judge(first, "E")
    judge(second, "S")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            slot = claim(third)
            undoing = pool.submit(at_once, lambda: undo_last(project, second.user))
            time.sleep(0.3)  # until it has come as far as it can
        assert undoing.result(20) != [None]
    assert submit(third, slot, "S") == Outcome.STORED


def test_shelves_of_many_at_once_give_each_product_to_as_many_as_it_needs(committed: None) -> None:
    project = make_project(desk="shelf", overlap=2, max_overlap=2)
    make_round(project, [make_pair(project, f"query {number // 6}") for number in range(36)])
    members = make_members(project, 6)

    def work(member: Membership) -> list[int]:
        done: list[int] = []
        while shelf := claim_shelf(project, member.user):
            assert len({slot.pair.query_id for slot in shelf}) == 1
            assert keep_shelf(project, member.user, {slot.key: "need:yes" for slot in shelf}) == len(shelf)
            for place, slot in enumerate(shelf):
                assert submit(member, slot, "E") == Outcome.STORED
                if place == 2:
                    undo_last(project, member.user)
            done += [slot.pk for slot in shelf]
        return done

    at_once(*(partial(work, member) for member in members))
    for member in members:  # who found the rest locked for a moment
        work(member)
    live = Judgment.objects.filter(project=project, retired_at__isnull=True)
    assert Counter(Counter(live.values_list("pair", flat=True)).values()) == {2: 36}
    assert len(set(live.values_list("pair", "annotator"))) == 72
    assert not Slot.objects.filter(round__project=project, judged=False).exists()


def test_shelf_of_two_tabs_at_once_is_one_set_of_leases(committed: None) -> None:
    project = make_project(desk="shelf", overlap=2)
    make_round(project, [make_pair(project, f"query {number // 5}") for number in range(15)])
    member = make_member(project)
    shelves = at_once(*[lambda: claim_shelf(project, member.user)] * 4)
    assert len({frozenset((slot.pk, slot.key) for slot in shelf) for shelf in shelves}) == 1
    assert Slot.objects.filter(round__project=project, annotator=member.user).count() == 5


def test_shelves_at_once_of_one_query_never_share_a_slot(committed: None) -> None:
    project = make_project(desk="shelf", overlap=3, max_overlap=3)
    make_round(project, [make_pair(project, "the only query") for _ in range(8)])
    members = make_members(project, 3)
    at_once(*(partial(claim_shelf, project, member.user) for member in members))
    shelves = [claim_shelf(project, member.user) for member in members]
    assert [len(shelf) for shelf in shelves] == [8, 8, 8]
    assert len({slot.pk for shelf in shelves for slot in shelf}) == 24


def test_submit_does_not_wait_for_work_on_the_whole_project(committed: None) -> None:
    project = make_project()
    pairs = [make_pair(project) for _ in range(2)]
    predict(make_adapter(project), {pair: [0.7, 0.1, 0.1, 0.1] for pair in pairs})
    make_round(project, pairs)
    member = make_member(project)
    slot = claim(member)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        assert draw_audit(project, 1, 1, None) is not None
        make_round(project, pairs)
        assert pool.submit(at_once, lambda: submit(member, slot, "E")).result(20) == [Outcome.STORED]


def test_last_place_of_an_invitation_goes_to_one_of_two_who_come_at_once(committed: None) -> None:
    project = make_project()
    _, token = invite(project, make_member(project, Role.LEAD).user, Role.ANNOTATOR)
    first, second = make_user(), make_user()
    digest = digest_of(token)
    outcomes = at_once(lambda: accept_invitation(digest, first), lambda: accept_invitation(digest, second))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Joined", "Refusal"]
    assert Membership.objects.filter(project=project, role="annotator").count() == 1
