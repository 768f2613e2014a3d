"""Ruling pairs on which people part, and what follows."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from labeling.actions.adjudication import (
    RulingError,
    add_example_of_ruling,
    leave_out_pair,
    make_gold_of_ruling,
    put_back_pair,
    rule_pair,
    take_back_ruling,
)
from labeling.actions.gold import GoldError
from labeling.actions.guidelines import discard_draft, draft_digest, publish_guideline
from labeling.actions.judgments import Outcome, correct_judgment, skip_pair, submit_answer
from labeling.actions.queue import claim_slot
from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.walk import PathError
from labeling.models import (
    AuditLogEntry,
    Consensus,
    GoldPair,
    GuidelineVersion,
    Judgment,
    Membership,
    Pair,
    Project,
    Role,
    Ruling,
    SetAside,
    Slot,
    Split,
)
from labeling.queries.judgments import last_step
from labeling.queries.pairs import untouched_pairs
from labeling.queries.projects import published_guideline
from tests.labeling.acting import SKIP_PATH, answer_for, claim, judge, make_members, submit, undo_last
from tests.making import PATHS, make_member, make_pair, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db


def disputed(labels: str = "ES", **settings: object) -> tuple[Project, Pair, list[Membership]]:
    """Make a project with one queued pair that has got these labels, and all that it may ask for."""
    project = make_project(**{"overlap": 2, "max_overlap": len(labels)} | settings)
    pair = make_pair(project)
    make_round(project, [pair])
    members = make_members(project, len(labels))
    for member, label in zip(members, labels, strict=True):
        judge(member, label)
    return project, pair, members


def rule(project: Project, pair: Pair, label: str = "S", expert: Membership | None = None, **changes: Any) -> Ruling:
    expert = expert or make_member(project, Role.LEAD)
    fields: dict[str, Any] = {
        "key": uuid.uuid4(),
        "version": published_guideline(project),
        "path": PATHS[label],
        "why": "A fleece does a sweater's job.",
    }
    return rule_pair(project, expert.user, pair.pk, **(fields | changes))


def standing(pair: Pair) -> tuple[str, str | None, str, float, int]:
    found = Consensus.objects.select_related("label").get(pair=pair)
    return found.state, found.label.key if found.label else None, found.method, found.confidence, found.judgments


def verbs(project: Project) -> list[str]:
    return list(AuditLogEntry.objects.filter(project=project).order_by("id").values_list("verb", flat=True))


def test_ruling_is_the_consensus_and_is_logged() -> None:
    project, pair, _ = disputed()
    assert standing(pair)[:2] == ("disputed", None)
    ruling = rule(project, pair)
    assert standing(pair) == ("resolved", "S", "adjudicated", 1.0, 2)
    assert (ruling.label.key, ruling.path, ruling.revision_id) == ("S", PATHS["S"], pair.product.revision_id)
    entry = AuditLogEntry.objects.get(project=project, verb="pair.rule")
    assert entry.data == {"label": "S", "path": PATHS["S"], "why": "A fleece does a sweater's job."}


def test_ruling_may_be_what_nobody_said() -> None:
    project, pair, _ = disputed("ES")
    rule(project, pair, "I")
    assert standing(pair)[1] == "I"


def test_ruling_sent_twice_counts_once_and_a_second_expert_finds_the_first() -> None:
    project, pair, _ = disputed()
    key = uuid.uuid4()
    first = rule(project, pair, "S", key=key)
    assert rule(project, pair, "E", key=key) == first
    assert rule(project, pair, "E") == first
    assert Ruling.objects.filter(pair=pair).count() == 1
    assert verbs(project).count("pair.rule") == 1
    take_back_ruling(project, first.pk, first.ruled_by)
    assert rule(project, pair, "S", key=key).retired_at is not None


def test_ruling_once_per_pair_is_the_databases_rule() -> None:
    project, pair, _ = disputed()
    ruling = rule(project, pair)
    ruling.pk, ruling.key = None, uuid.uuid4()
    with pytest.raises(IntegrityError, match="ruling_once_per_pair"), transaction.atomic():
        ruling.save(force_insert=True)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"why": " "}, RulingError, "Say why"),
        ({"path": "need:yes,type:yes"}, ValueError, "not at its end"),
        ({"path": SKIP_PATH}, ValueError, "ends in no label"),
        ({"path": "need:perhaps"}, PathError, "perhaps"),
    ],
)
def test_ruling_needs_a_whole_walk_and_a_reason(changes: dict[str, Any], error: type[Exception], says: str) -> None:
    project, pair, _ = disputed()
    with pytest.raises(error, match=says):
        rule(project, pair, **changes)
    assert standing(pair)[:2] == ("disputed", None)


def test_ruling_is_of_the_projects_own_pairs_and_guideline() -> None:
    project, pair, _ = disputed()
    elsewhere, other, _ = disputed()
    with pytest.raises(Pair.DoesNotExist):
        rule(project, other)
    with pytest.raises(ValueError, match="not a guideline"):
        rule(project, pair, version=published_guideline(elsewhere))
    unjudged = make_pair(project)
    with pytest.raises(RulingError, match="Nobody has judged"):
        rule(project, unjudged)


def test_ruled_pair_asks_for_no_more_judgments() -> None:
    project, pair, _ = disputed("ES", max_overlap=3)
    assert Slot.objects.filter(pair=pair, judged=False).count() == 1
    rule(project, pair)
    assert not Slot.objects.filter(pair=pair, judged=False).exists()
    assert claim_slot(project, make_member(project).user) is None
    assert pair not in untouched_pairs(project)


def test_ruling_leaves_a_pair_with_who_holds_it_and_keeps_their_answer() -> None:
    project, pair, _ = disputed("ES", max_overlap=3)
    third, fourth = make_members(project, 2)
    held = claim(third)
    rule(project, pair, "S")
    assert claim(third).pk == held.pk
    assert submit(third, held, "E") == Outcome.STORED
    assert standing(pair) == ("resolved", "S", "adjudicated", 1.0, 3)
    undo_last(project, third.user)
    assert standing(pair) == ("resolved", "S", "adjudicated", 1.0, 2)
    Slot.objects.filter(pair=pair, judged=False).update(leased_until="2020-01-01T00:00Z")
    assert claim_slot(project, fourth.user) is None


def test_ruling_stays_when_judgments_are_undone_corrected_and_skipped() -> None:
    project, pair, members = disputed("ES", max_overlap=3)
    third = make_member(project)
    held = claim(third)
    rule(project, pair, "C")
    mine = last_step(project, members[0].user)
    assert isinstance(mine, Judgment)
    answer = answer_for(mine.slot, "S", key=uuid.uuid4())
    correct_judgment(project, members[0].user, mine.pk, answer)
    assert standing(pair)[:3] == ("resolved", "C", "adjudicated")
    skip_pair(project, third.user, answer_for(held, ""), "text_missing")
    for member in members:
        undo_last(project, member.user)
    assert standing(pair) == ("resolved", "C", "adjudicated", 1.0, 0)


def test_ruled_pair_is_not_set_aside_by_who_still_skips_it() -> None:
    project, pair, _ = disputed("ES", max_overlap=3, skips_to_lead=1)
    third = make_member(project)
    held = claim(third)
    rule(project, pair)
    submit(third, held, SKIP_PATH)
    assert not SetAside.objects.filter(pair=pair).exists()
    assert standing(pair)[:3] == ("resolved", "S", "adjudicated")


def test_submit_to_a_ruled_pair_takes_no_more_statements(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    project, pair, _ = disputed("ES", max_overlap=3)
    third = make_member(project)
    answer = answer_for(claim(third), "E")
    rule(project, pair)
    with django_assert_max_num_queries(8 + 2):  # and the savepoint of the transaction around the test
        assert submit_answer(project, third.user, answer) == Outcome.STORED


def test_ruling_taken_back_lets_what_people_said_count_again() -> None:
    project, pair, _ = disputed("ES", max_overlap=3)
    ruling = rule(project, pair)
    lead = make_member(project, Role.LEAD).user
    assert take_back_ruling(project, ruling.pk, lead).retired_at is not None
    assert take_back_ruling(project, ruling.pk, lead).retired_by == lead
    assert standing(pair) == ("open", None, "majority", 0.5, 2)
    third = make_member(project)
    assert claim(third).pair == pair
    assert verbs(project).count("pair.unrule") == 1
    assert rule(project, pair, "E").label.key == "E"


def test_ruling_taken_back_leaves_a_set_aside_pair_out_of_the_queue() -> None:
    project, pair, _ = disputed("ES", max_overlap=3)
    ruling = rule(project, pair)
    expert = ruling.ruled_by
    SetAside.objects.create(project=project, pair=pair, reason="other")
    take_back_ruling(project, ruling.pk, expert)
    assert claim_slot(project, make_member(project).user) is None


def test_ruling_locks_the_pair_before_all_else() -> None:
    project, pair, _ = disputed()
    expert = make_member(project, Role.LEAD)
    with CaptureQueriesContext(connection) as queries:
        rule(project, pair, expert=expert)
    locks = [query["sql"] for query in queries if "FOR " in query["sql"]]
    assert "labeling_pair" in locks[0]


def test_gold_of_a_ruling_has_its_walk_and_reason() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pair = make_pair_of(project, Split.TRAIN)
    make_round(project, [pair])
    for member, label in zip(make_members(project, 2), "ES", strict=True):
        judge(member, label)
    ruling = rule(project, pair)
    gold = make_gold_of_ruling(project, ruling.pk, GoldPair.Use.TRAINING, ruling.ruled_by)
    assert (gold.pair, gold.label, gold.path, gold.why) == (pair, ruling.label, ruling.path, ruling.why)
    assert (gold.use, gold.origin, gold.created_by) == ("training", "a ruling", ruling.ruled_by)
    assert make_gold_of_ruling(project, ruling.pk, GoldPair.Use.CHECK, ruling.ruled_by) == gold
    take_back_ruling(project, ruling.pk, ruling.ruled_by)
    with pytest.raises(RulingError, match="taken back"):
        make_gold_of_ruling(project, ruling.pk, GoldPair.Use.CHECK, ruling.ruled_by)


def test_gold_of_a_ruling_leaves_out_a_walk_that_the_guideline_no_longer_has() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pair = make_pair_of(project, Split.TRAIN)
    make_round(project, [pair])
    for member, label in zip(make_members(project, 2), "ES", strict=True):
        judge(member, label)
    ruling = rule(project, pair)
    newer = default_source().replace("conflict", "clash")
    publish_guideline(project, newer, ruling.ruled_by)
    gold = make_gold_of_ruling(project, ruling.pk, GoldPair.Use.CHECK, ruling.ruled_by)
    assert (gold.path, gold.label.key) == ("", "S")


def test_gold_of_a_ruling_is_never_of_a_holdout_query() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pair = make_pair_of(project, Split.HOLDOUT)
    make_round(project, [pair])
    for member, label in zip(make_members(project, 2), "ES", strict=True):
        judge(member, label)
    ruling = rule(project, pair)
    with pytest.raises(GoldError, match="held out"):
        make_gold_of_ruling(project, ruling.pk, GoldPair.Use.CHECK, ruling.ruled_by)


def test_example_of_a_ruling_goes_to_the_question_that_it_decides() -> None:
    project, pair, _ = disputed("ES")
    ruling = rule(project, pair, "S")
    draft = add_example_of_ruling(project, ruling.pk, ruling.ruled_by)
    assert add_example_of_ruling(project, ruling.pk, ruling.ruled_by) == draft
    ruling.refresh_from_db()
    assert ruling.example_in == draft
    assert draft.published_at is None
    tree = parse_guideline(draft.source, ("E", "S", "C", "I"))
    added = tree.questions["conflict"].examples[-1]
    assert (added.query, added.product) == (pair.query.text, ruling.revision.title)
    assert (added.answer, added.why) == ("yes", ruling.why)
    assert sum(example.why == ruling.why for one in tree.questions.values() for example in one.examples) == 1


def test_example_of_a_ruling_that_never_came_by_there_goes_to_its_last_question() -> None:
    project, pair, _ = disputed("ES")
    ruling = rule(project, pair, "I")
    draft = add_example_of_ruling(project, ruling.pk, ruling.ruled_by)
    assert draft.source.count(ruling.why) == 1
    example = parse_guideline(draft.source, ("E", "S", "C", "I")).questions["together"].examples[-1]
    assert (example.answer, example.why) == ("no", ruling.why)


def test_draft_with_an_example_of_a_ruling_that_was_taken_back_can_be_discarded() -> None:
    project, pair, _ = disputed("ES")
    ruling = rule(project, pair, "S")
    draft = add_example_of_ruling(project, ruling.pk, ruling.ruled_by)
    take_back_ruling(project, ruling.pk, ruling.ruled_by)
    assert discard_draft(project, draft_digest(draft), ruling.ruled_by).stored
    ruling.refresh_from_db()
    assert ruling.example_in is None


def test_example_of_a_ruling_that_was_taken_back_is_refused() -> None:
    project, pair, _ = disputed("ES")
    ruling = rule(project, pair)
    take_back_ruling(project, ruling.pk, ruling.ruled_by)
    with pytest.raises(RulingError, match="taken back"):
        add_example_of_ruling(project, ruling.pk, ruling.ruled_by)
    assert not GuidelineVersion.objects.filter(project=project, published_at=None).exists()


def test_pair_that_cannot_be_judged_is_left_out_and_can_be_put_back() -> None:
    project, pair, _ = disputed("ES", max_overlap=3)
    expert = make_member(project, Role.AUDITOR).user
    aside = leave_out_pair(project, expert, pair.pk, "unclear_query", "Two readings, both common")
    assert leave_out_pair(project, expert, pair.pk, "unclear_query") == aside
    assert (aside.state, aside.reason, aside.decided_by) == ("excluded", "unclear_query", expert)
    assert claim_slot(project, make_member(project).user) is None
    with pytest.raises(RulingError, match="set aside"):
        rule(project, pair)
    entry = AuditLogEntry.objects.get(project=project, verb="pair.set_aside")
    assert entry.data == {"decision": "excluded", "reason": "unclear_query", "note": "Two readings, both common"}
    put_back_pair(project, aside.pk, expert)
    assert put_back_pair(project, aside.pk, expert).state == "returned"
    assert claim(make_member(project)).pair == pair
    assert verbs(project).count("pair.set_aside") == 2


def test_pair_that_waits_for_the_lead_is_left_out_by_the_expert() -> None:
    project, pair, _ = disputed()
    waiting = SetAside.objects.create(project=project, pair=pair, reason="text_missing")
    expert = make_member(project, Role.AUDITOR).user
    assert leave_out_pair(project, expert, pair.pk, "unclear_query").pk == waiting.pk


def test_pair_is_left_out_with_a_reason_of_the_guideline_and_not_when_ruled() -> None:
    project, pair, _ = disputed()
    expert = make_member(project, Role.AUDITOR).user
    with pytest.raises(ValueError, match="not a reason"):
        leave_out_pair(project, expert, pair.pk, "boredom")
    rule(project, pair)
    with pytest.raises(RulingError, match="ruled"):
        leave_out_pair(project, expert, pair.pk, "unclear_query")
