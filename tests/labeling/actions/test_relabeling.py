"""Bringing judgments under a new version, and asking people again."""

import datetime as dt
import uuid
from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from labeling.actions import relabeling
from labeling.actions.adjudication import rule_pair
from labeling.actions.consensus import resolve_pair
from labeling.actions.guidelines import DraftChangedError, draft_digest, publish_draft, publish_guideline
from labeling.actions.jobs import cancel_job, fail_job, recover_jobs, start_job
from labeling.actions.judgments import Answer, Outcome, correct_judgment, undo_step
from labeling.actions.queue import claim_slot
from labeling.actions.relabeling import (
    StoppedError,
    answer_again,
    bring_under,
    start_take_over,
    withdraw_relabels,
)
from labeling.guidelines.parse import GuidelineError
from labeling.guidelines.walk import PathError
from labeling.models import (
    AuditLogEntry,
    Consensus,
    GuidelineVersion,
    Job,
    Judgment,
    Membership,
    Pair,
    Project,
    Relabel,
    Role,
    Skip,
    Slot,
)
from labeling.queries.history import steps_of
from labeling.queries.judgments import last_step, today_of
from labeling.queries.projects import published_guideline
from labeling.queries.relabels import relabel_progress, stranded_relabels, waiting_relabels
from tests.labeling.acting import claim, judge, judge_all, submit, undo_last
from tests.labeling.relabeling import DECIDED, REWORDED, SHORT, STRICT, bring, edited, make_draft, publish, run_job
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def judged(labels: str, people: int = 2, **settings: object) -> tuple[Membership, list[Membership], list[Pair]]:
    """Let annotators judge a pair for each group of labels, in turn; return a lead, them, and the pairs."""
    project = make_project(**({"overlap": people, "max_overlap": people} | settings))
    lead, members = make_member(project, Role.LEAD), [make_member(project) for _ in range(people)]
    pairs = [make_pair(project) for _ in labels.split()]
    make_round(project, pairs)
    judge_all(members, dict(zip(pairs, labels.split(), strict=True)))
    return lead, members, pairs


def live(project: Project) -> list[Judgment]:
    found = Judgment.objects.filter(project=project, retired_at__isnull=True)
    return list(found.select_related("label", "guideline").order_by("pair", "annotator"))


def said(project: Project) -> list[str]:
    return [judgment.label.key for judgment in live(project)]


def settled(pair: Pair) -> tuple[str, str | None]:
    consensus = Consensus.objects.select_related("label").get(pair=pair)
    return consensus.state, consensus.label.key if consensus.label else None


def again(asked: Relabel, path: str, **changes: Any) -> Answer:
    """Return what the page sends for a question that is asked again."""
    fields: dict[str, Any] = {"pair_id": asked.pair_id, "key": uuid.uuid4(), "guideline": asked.guideline, "path": path}
    return Answer(**(fields | changes))


def only(project: Project) -> Relabel:
    return waiting_relabels(project).select_related("guideline", "judgment", "annotator").get()


# Publishing -----------------------------------------------------------------------------------------------


def test_draft_is_published_with_what_is_asked_again_and_its_counts_are_on_record() -> None:
    lead, _, _ = judged("S ES I")
    version = publish(lead, edited(REWORDED, STRICT), {"accept"}, note="Compromises are none.")
    assert published_guideline(lead.project) == version
    assert (version.number, version.asked_again, version.change_note) == (2, ["accept"], "Compromises are none.")
    assert version.published_by == lead.user
    assert version.paths.filter(label__key="I", path=PATHS["S"]).exists()
    entry = AuditLogEntry.objects.filter(project=lead.project, verb="guideline.publish").latest("id")
    assert entry.data["judgments"] == {"keep": 3, "change": 0, "ask": 3}
    assert (entry.actor, entry.data["relabel"], entry.data["asked_again"]) == (lead.user, True, ["accept"])


def test_draft_that_is_not_the_one_shown_is_not_published() -> None:
    lead, _, _ = judged("S")
    digest = draft_digest(make_draft(lead, edited(STRICT)))
    make_draft(lead, edited(STRICT, REWORDED))
    with pytest.raises(DraftChangedError):
        publish_draft(lead.project, digest, (), relabel=True, take_over=True, actor=lead.user)
    assert published_guideline(lead.project).number == 1
    make_draft(lead, edited(STRICT))
    publish_draft(lead.project, digest, (), relabel=True, take_over=True, actor=lead.user)
    with pytest.raises(DraftChangedError, match="gone"):
        publish_draft(lead.project, digest, (), relabel=True, take_over=True, actor=lead.user)
    assert GuidelineVersion.objects.filter(project=lead.project).count() == 2


def test_draft_is_not_published_over_a_version_that_came_since_its_effect_was_shown() -> None:
    lead, _, _ = judged("S")
    digest = draft_digest(make_draft(lead, edited(STRICT)))
    publish_guideline(lead.project, edited(REWORDED), None)
    with pytest.raises(DraftChangedError, match="has changed"):
        publish_draft(lead.project, digest, (), relabel=True, take_over=True, actor=lead.user)
    assert published_guideline(lead.project).number == 2


def test_draft_with_problems_or_for_a_question_that_is_the_same_is_not_published() -> None:
    lead, _, _ = judged("S")
    choices: dict[str, Any] = {"relabel": True, "take_over": True, "actor": lead.user}
    digest = draft_digest(make_draft(lead, edited(("label: E}", "label: X}"))))
    with pytest.raises(GuidelineError, match="X"):
        publish_draft(lead.project, digest, (), **choices)
    digest = draft_digest(make_draft(lead, edited(STRICT)))
    with pytest.raises(DraftChangedError, match="job: no question that has changed"):
        publish_draft(lead.project, digest, {"job"}, **choices)
    assert published_guideline(lead.project).number == 1
    assert not lead.project.jobs.exists()


USED = """  used:
    ask: Is it used?
    help: Look at its state.
    answers:
      yes: {text: "Yes", label: I}
      no: {text: "No", label: E}

"""


def test_new_question_is_asked_whatever_the_lead_ticks() -> None:
    lead, _, _ = judged("E")
    ending = 'text: "No, all of it is there", '
    version = bring(lead, edited((ending + "label: E", ending + "go: used"), ("  accept:\n", USED + "  accept:\n")))
    assert version.asked_again == ["used"]
    assert {(one.question, one.path) for one in waiting_relabels(lead.project)} == {("used", PATHS["E"])}


def test_publishing_what_changes_nothing_starts_no_job() -> None:
    lead, _, _ = judged("E C")
    publish(lead, edited(STRICT, REWORDED), {"accept"})
    assert not lead.project.jobs.exists()


# Taking over ----------------------------------------------------------------------------------------------


def test_label_that_changes_is_taken_over_with_everything_that_is_the_persons() -> None:
    lead, _, pairs = judged("S ES")
    before = {judgment.pk: judgment for judgment in live(lead.project)}
    version = bring(lead, edited(STRICT))
    assert said(lead.project) == ["I", "I", "E", "I"]
    for judgment in live(lead.project):
        if judgment.pk in before:
            assert (judgment.label.key, judgment.guideline.number) == ("E", 1)
            continue
        assert (judgment.guideline, judgment.path) == (version, PATHS["S"])
        old = Judgment.objects.get(slot=judgment.slot, guideline__number=1)
        kept = ("pair", "annotator", "slot", "revision", "stream", "seconds", "note", "created_at")
        assert [getattr(judgment, name) for name in kept] == [getattr(old, name) for name in kept]
        assert old.retired_as == "superseded"
        assert judgment.key != old.key
    assert [settled(pair) for pair in pairs] == [("resolved", "I"), ("disputed", None)]


def test_shorter_walk_to_the_same_label_leaves_the_judgment_as_it_is() -> None:
    lead, _, _ = judged("ES")
    bring(lead, SHORT)
    assert [(one.guideline.number, one.path, one.label.key) for one in live(lead.project)] == [
        (1, PATHS["E"], "E"),
        (2, "need:yes,type:yes", "E"),
    ]


def test_taking_over_can_be_left_out() -> None:
    lead, _, _ = judged("S")
    bring(lead, edited(STRICT), take_over=False)
    assert said(lead.project) == ["S", "S"]
    assert not lead.project.jobs.exists()


def test_disagreement_that_a_new_version_brings_asks_for_one_more_judgment() -> None:
    lead, _, (pair, other) = judged("SI S", max_overlap=3)
    bring(lead, edited(('{text: "No, it would not do", label: I}', '{text: "No, it would not do", label: C}')))
    assert [settled(pair), settled(other)] == [("open", None), ("resolved", "S")]
    assert claim(make_member(lead.project)).pair_id == pair.pk


def test_job_that_is_stopped_in_the_middle_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    lead, _, _ = judged("S S S S S E I")
    monkeypatch.setattr(relabeling, "CHANGED_AT_ONCE", 3)
    version = publish(lead, edited(STRICT))
    calls: list[object] = []

    def dies(*args: Any) -> Consensus | None:
        calls.append(args)
        if len(calls) == 4:
            raise RuntimeError("The machine went away.")
        return resolve_pair(*args)

    monkeypatch.setattr("labeling.actions.relabeling.resolve_pair", dies)
    job = start_job(lead.project.jobs.get().pk)
    assert job is not None
    with pytest.raises(RuntimeError):
        bring_under(job)
    fail_job(job, "The worker stopped before it was done.")
    part = Counter(said(lead.project))
    assert 0 < part["S"] < 10
    assert Judgment.objects.filter(project=lead.project, retired_at__isnull=True).count() == 14

    monkeypatch.setattr("labeling.actions.relabeling.resolve_pair", resolve_pair)
    for _ in range(2):
        assert start_take_over(version, lead.user, take_over=True, relabel=True) is not None
        done = run_job(lead.project)
    assert done.result == {"changed": 0, "asked": 0}
    assert Counter(said(lead.project)) == {"I": 12, "E": 2}
    assert Judgment.objects.filter(project=lead.project, guideline=version).count() == 10
    assert Judgment.objects.filter(project=lead.project).count() == 24
    assert set(Consensus.objects.filter(project=lead.project).values_list("state", flat=True)) == {"resolved"}


def test_job_that_is_cancelled_or_overtaken_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    lead, _, _ = judged("S S S")
    monkeypatch.setattr(relabeling, "CHANGED_AT_ONCE", 2)
    publish(lead, edited(STRICT))
    job = start_job(lead.project.jobs.get().pk)
    assert job is not None
    cancel_job(job, lead.user)
    with pytest.raises(StoppedError):
        bring_under(job)
    assert said(lead.project) == ["S"] * 6
    second = published_guideline(lead.project)
    assert start_take_over(second, lead.user, take_over=True, relabel=True) is not None
    publish(lead, edited(STRICT, DECIDED))  # stops the job of the version before
    states = list(lead.project.jobs.order_by("id").values_list("state", "params__guideline"))
    assert [state for state, _ in states] == ["cancelled", "cancelled", "queued"]
    run_job(lead.project)
    assert said(lead.project) == ["I"] * 6
    late = Job.objects.create(project=lead.project, kind="relabel", state="queued", params={"guideline": second.pk})
    done = start_job(late.pk)
    assert done is not None
    bring_under(done)
    done.refresh_from_db()
    assert "newer" in done.message


def test_job_whose_worker_is_silent_goes_on_by_itself_a_few_times() -> None:
    lead, _, _ = judged("S")
    publish(lead, edited(STRICT))
    job = lead.project.jobs.get()
    for resent in range(4):
        job.refresh_from_db()
        assert (job.state, job.params.get("resent", 0)) == ("queued", resent)
        assert start_job(job.pk) is not None
        Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - dt.timedelta(hours=1))
        recover_jobs()
    job.refresh_from_db()
    assert job.state == "failed"
    assert start_take_over(published_guideline(lead.project), lead.user, take_over=True, relabel=True) is not None
    run_job(lead.project)
    assert said(lead.project) == ["I", "I"]


# Today's work ---------------------------------------------------------------------------------------------


def test_undo_takes_back_the_newest_walk_also_when_it_was_taken_over() -> None:
    lead, (member, _), _ = judged("S E")
    newest = last_step(lead.project, member.user)
    before = today_of(lead.project, member.user)
    bring(lead, edited(STRICT))
    assert today_of(lead.project, member.user).judged == before.judged
    assert last_step(lead.project, member.user) == newest
    undo_last(lead.project, member.user)  # the E of the second pair
    slot = undo_last(lead.project, member.user)
    assert slot is not None
    assert (slot.draft, slot.annotator) == (PATHS["S"], member.user)
    taken_over = Judgment.objects.get(slot=slot, guideline__number=2)
    assert (taken_over.label.key, taken_over.retired_as) == ("I", "undone")


def test_undo_of_a_page_from_before_takes_nothing_back() -> None:
    lead, (member, _), _ = judged("S")
    step = last_step(lead.project, member.user)
    bring(lead, edited(STRICT))
    assert undo_step(lead.project, member.user, step) is None
    assert said(lead.project) == ["I", "I"]


def test_answer_that_was_taken_over_is_corrected_as_it_stands_now() -> None:
    lead, (member, _), _ = judged("S")
    old = Judgment.objects.get(project=lead.project, annotator=member.user)
    bring(lead, edited(STRICT))
    new = Judgment.objects.get(slot=old.slot, retired_at__isnull=True)
    answer = Answer(old.pair_id, uuid.uuid4(), new.guideline, PATHS["E"])
    with pytest.raises(Judgment.DoesNotExist):
        correct_judgment(lead.project, member.user, old.pk, answer)
    assert correct_judgment(lead.project, member.user, new.pk, answer) == Outcome.STORED
    assert sorted(said(lead.project)) == ["E", "I"]


def test_my_work_shows_what_stands_now() -> None:
    lead, (member, _), _ = judged("S E")
    before = steps_of(lead.project, member.user)[0:10]
    bring(lead, edited(STRICT))
    after = steps_of(lead.project, member.user)[0:10]
    assert [step.at for step in after] == [step.at for step in before]
    assert [step.label.key for step in after if step.label] == ["E", "I"]


def test_submit_that_comes_again_after_its_judgment_was_taken_over_counts_once() -> None:
    lead, (member, _), _ = judged("S")
    old = Judgment.objects.get(project=lead.project, annotator=member.user)
    first = old.guideline
    bring(lead, edited(STRICT))
    slot = Slot.objects.get(pk=old.slot_id)
    assert submit(member, slot, "S", key=old.key, guideline=first) == Outcome.REPEATED
    assert said(lead.project) == ["I", "I"]


# Asking again ---------------------------------------------------------------------------------------------


def test_question_is_asked_again_of_who_answered_it_and_of_nobody_else() -> None:
    lead, members, pairs = judged("S EI C")
    version = bring(lead, edited(REWORDED), {"accept"})
    asked = list(waiting_relabels(lead.project))
    assert {(one.pair_id, one.annotator_id) for one in asked} == {(pairs[0].pk, member.user_id) for member in members}
    assert {(one.question, one.path, one.guideline_id) for one in asked} == {
        ("accept", "need:yes,type:yes,conflict:yes", version.pk)
    }
    assert Counter(said(lead.project)) == {"S": 2, "E": 1, "I": 1, "C": 2}
    assert lead.project.jobs.get().result == {"changed": 0, "asked": 2}


def test_questions_are_not_asked_where_the_lead_did_not_want_it() -> None:
    lead, _, _ = judged("S")
    bring(lead, edited(REWORDED), {"accept"}, relabel=False)
    assert not waiting_relabels(lead.project).exists()


def test_answer_given_again_supersedes_the_old_one_and_the_consensus_follows() -> None:
    lead, members, (pair,) = judged("S", people=1)
    bring(lead, edited(REWORDED), {"accept"})
    asked = only(lead.project)
    answer = again(asked, "need:yes,type:yes,conflict:yes,accept:no", seconds=2.5, note="worn")
    assert answer_again(lead.project, members[0].user, asked.pk, answer) == Outcome.STORED
    (new,) = live(lead.project)
    assert (new.label.key, new.guideline, new.slot, new.stream) == ("I", asked.guideline, asked.judgment.slot, "random")
    assert (new.seconds, new.note) == (2.5, "worn")
    assert Judgment.objects.get(pk=asked.judgment_id).retired_as == "superseded"
    assert settled(pair) == ("resolved", "I")
    asked.refresh_from_db()
    assert (asked.state, asked.settled_at is None) == ("done", False)
    assert answer_again(lead.project, members[0].user, asked.pk, answer) == Outcome.REPEATED
    other = again(asked, PATHS["S"])
    assert answer_again(lead.project, members[0].user, asked.pk, other) == Outcome.NOT_NEEDED
    assert said(lead.project) == ["I"]


@pytest.mark.parametrize("by_reason", [True, False])
def test_skip_takes_the_old_answer_back_and_frees_its_place(by_reason: bool) -> None:
    lead, (member,), (pair,) = judged("S", people=1)
    bring(lead, edited(REWORDED), {"accept"})
    asked = only(lead.project)
    path, reason = ("", "needs_evidence") if by_reason else ("need:yes,type:yes,conflict:no,silent:yes", "")
    assert answer_again(lead.project, member.user, asked.pk, again(asked, path), reason) == Outcome.STORED
    assert said(lead.project) == []
    assert Judgment.objects.get(pk=asked.judgment_id).retired_as == "undone"
    skip = Skip.objects.get(project=lead.project)
    assert (skip.annotator, skip.reason, skip.pair_id) == (member.user, "needs_evidence", pair.pk)
    assert not Consensus.objects.filter(pair=pair).exists()
    asked.refresh_from_db()
    assert asked.state == "done"
    assert claim(make_member(lead.project)).pair_id == pair.pk


def test_answer_again_refuses_what_is_no_answer_and_changes_nothing() -> None:
    lead, (member,), _ = judged("S", people=1)
    first = published_guideline(lead.project)
    bring(lead, edited(REWORDED), {"accept"})
    asked = only(lead.project)

    def send(answer: Answer, who: Membership = member, reason: str = "") -> Outcome:
        return answer_again(lead.project, who.user, asked.pk, answer, reason)

    with pytest.raises(ValueError, match="not at its end"):
        send(again(asked, asked.path))
    with pytest.raises(PathError):
        send(again(asked, "need:maybe"))
    with pytest.raises(ValueError, match="version 2, not of 1"):
        send(again(asked, PATHS["S"], guideline=first))
    with pytest.raises(ValueError, match="not a reason"):
        send(again(asked, ""), reason="tired")
    with pytest.raises(Relabel.DoesNotExist):
        send(again(asked, PATHS["S"]), who=make_member(lead.project))
    assert only(lead.project) == asked
    assert said(lead.project) == ["S"]


def test_correction_and_undo_settle_what_was_asked_of_the_judgment() -> None:
    lead, (member,), _ = judged("S S", people=1)
    bring(lead, edited(REWORDED), {"accept"})
    first, second = waiting_relabels(lead.project).select_related("judgment", "guideline")
    correction = again(first, PATHS["E"])
    assert correct_judgment(lead.project, member.user, first.judgment_id, correction) == Outcome.STORED
    undo_step(lead.project, member.user, second.judgment)
    assert list(Relabel.objects.order_by("id").filter(project=lead.project).values_list("state", flat=True)) == [
        "done",
        "withdrawn",
    ]


def test_correction_through_an_old_version_does_not_answer_what_a_new_one_asks() -> None:
    lead, (member,), _ = judged("S", people=1)
    old = published_guideline(lead.project)
    bring(lead, edited(REWORDED), {"accept"})
    asked = only(lead.project)
    with pytest.raises(ValueError, match="asked again of you"):
        correct_judgment(lead.project, member.user, asked.judgment_id, again(asked, PATHS["E"], guideline=old))
    assert only(lead.project) == asked
    assert said(lead.project) == ["S"]


def test_answer_of_a_pair_that_was_carried_into_a_later_round_leaves_it_settled() -> None:
    """The first round wanted two judgments and got one; the second got the other."""
    project = make_project(overlap=2, max_overlap=2)
    lead, first, second = make_member(project, Role.LEAD), make_member(project), make_member(project)
    pair = make_pair(project)
    make_round(project, [pair])
    judge(first, "S")
    make_round(project, [])
    judge(second, "S")
    assert settled(pair) == ("resolved", "S")
    bring(lead, edited(REWORDED), {"accept"})
    for asked in waiting_relabels(project).select_related("guideline", "annotator"):
        answer_again(project, asked.annotator, asked.pk, again(asked, PATHS["S"]))
        assert settled(pair) == ("resolved", "S")


def test_skip_of_what_is_asked_again_does_not_put_a_ruled_pair_back_into_the_queue() -> None:
    lead, (member, _), (pair,) = judged("SE")
    rule_pair(
        lead.project, lead.user, pair.pk, uuid.uuid4(), published_guideline(lead.project), PATHS["S"], "So it is."
    )
    bring(lead, edited(REWORDED), {"accept"})
    asked = only(lead.project)
    answer_again(lead.project, member.user, asked.pk, again(asked, ""), reason="needs_evidence")
    assert claim_slot(lead.project, make_member(lead.project).user) is None


def test_take_over_that_is_stopped_says_in_the_log_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relabeling, "CHANGED_AT_ONCE", 1)
    lead, _, _ = judged("S S", people=1)
    version = publish(lead, edited(STRICT))
    job = start_job(lead.project.jobs.get(kind=Job.Kind.RELABEL).pk)
    assert job is not None
    change = relabeling._change

    def once(*given: Any) -> None:
        change(*given)
        cancel_job(job, lead.user)

    monkeypatch.setattr(relabeling, "_change", once)
    with pytest.raises(StoppedError):
        bring_under(job)
    entry = AuditLogEntry.objects.get(project=lead.project, verb="relabel.take_over")
    assert (entry.target, entry.data) == (
        f"version {version.number}",
        {"changed": 1, "asked": 0, "stopped": True},
    )


def test_next_version_withdraws_what_waits_and_asks_again_what_still_has_to_be_asked() -> None:
    lead, _, _ = judged("S E", people=1)
    bring(lead, edited(REWORDED), {"accept"})
    old = only(lead.project)
    version = bring(lead, edited(REWORDED, DECIDED))
    old.refresh_from_db()
    assert old.state == "withdrawn"
    assert (only(lead.project).guideline, only(lead.project).question) == (version, "accept")


def test_withdrawn_questions_are_not_asked_again_by_the_same_version() -> None:
    lead, members, _ = judged("S S")
    version = bring(lead, edited(REWORDED), {"accept"})
    assert withdraw_relabels(lead.project, lead.user, members[0].user) == 2
    assert withdraw_relabels(lead.project, lead.user, members[0].user) == 0
    assert {one.annotator for one in waiting_relabels(lead.project)} == {members[1].user}
    start_take_over(version, lead.user, take_over=True, relabel=True)
    assert run_job(lead.project).result == {"changed": 0, "asked": 0}
    assert waiting_relabels(lead.project).count() == 2
    assert withdraw_relabels(lead.project, lead.user) == 2
    entries = AuditLogEntry.objects.filter(project=lead.project, verb="relabel.withdraw").order_by("id")
    assert [entry.data for entry in entries] == [
        {"questions": 2, "annotator": members[0].user.username},
        {"questions": 2},
    ]
    assert said(lead.project) == ["S"] * 4


def test_progress_is_by_version_and_person() -> None:
    lead, (first, second), _ = judged("S S")
    bring(lead, edited(REWORDED), {"accept"})
    asked = waiting_relabels(lead.project, first.user).select_related("guideline").first()
    assert asked is not None
    answer_again(lead.project, first.user, asked.pk, again(asked, PATHS["S"]))
    Membership.objects.filter(pk=second.pk).update(role=Role.AUDITOR)
    ((whole, each),) = relabel_progress(lead.project)
    assert (whole.version.number, whole.waiting, whole.done, whole.withdrawn, whole.share) == (2, 3, 1, 0, 0.25)
    assert [(one.user, one.waiting, one.done, one.away) for one in each] == [
        (second.user, 2, 0, True),
        (first.user, 1, 1, False),
    ]
    assert {one.annotator for one in stranded_relabels(lead.project)} == {second.user}
