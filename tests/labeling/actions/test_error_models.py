"""Finding out how people err, what is kept of it, and resolving everything anew by it."""

import datetime as dt

import pytest
from django.utils import timezone

from labeling.actions import consensus_in_bulk
from labeling.actions.consensus_in_bulk import resolve_again
from labeling.actions.error_models import current_errors, fit_errors
from labeling.actions.jobs import enqueue_job
from labeling.actions.projects import configure_project
from labeling.actions.queue import claim_slot
from labeling.models import Consensus, ErrorModel, Job, Membership, Pair, Project, Split, Stream
from labeling.queries.agreement import fetch_evidence
from labeling.queries.projects import labels_of
from modeling.labels.aggregation import dawid_skene
from tests.labeling.acting import judge_all, make_members, submit
from tests.labeling.actions.test_adjudication import rule
from tests.making import make_gold, make_pair, make_pair_of, make_project, make_round
from worker.default import measure_agreement

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has just settled counts as settled before it measures."""
    monkeypatch.setattr(consensus_in_bulk, "LATE", dt.timedelta())


# Two who know, and one who calls every substitute exact.
TRUTH = "EEEESSSSIIII"


def judged(**settings: object) -> tuple[Project, list[Pair], list[Membership]]:
    """Make a project with a pair for each letter of TRUTH, judged by two who know and one who is lenient."""
    project = make_project(**{"overlap": 3, "max_overlap": 3} | settings)
    pairs = [make_pair_of(project, Split.TRAIN) for _ in TRUTH]
    make_round(project, pairs)
    people = make_members(project, 3)
    judge_all(people, {pair: label * 2 + label.replace("S", "E") for pair, label in zip(pairs, TRUTH, strict=True)})
    return project, pairs, people


def standing(pair: Pair) -> tuple[str, str | None, str]:
    found = Consensus.objects.select_related("label").get(pair=pair)
    return found.state, found.label.key if found.label else None, found.method


def test_fit_keeps_how_each_person_errs() -> None:
    project, _, people = judged()
    model = fit_errors(project)
    assert model == ErrorModel.objects.get(project=project)
    assert (model.judgments, model.labels) == (36, [label.pk for label in labels_of(project)])
    assert set(model.people) == {str(member.user_id) for member in people}
    careful, _, lenient = (model.people[str(member.user_id)] for member in people)
    assert careful[1][1] > 0.7
    assert lenient[1][0] > 0.6  # exact, where substitute is true
    assert sum(model.prior) == pytest.approx(1)
    rows = {row["person"]: row for row in model.report["persons"]}
    worst = model.report["persons"][0]
    assert worst["person"] == people[2].user_id
    assert worst["error"]["value"] == pytest.approx(1 / 3, abs=0.03)
    assert worst["labels"][1]["instead"] == 0
    assert rows[people[0].user_id]["counts"][1][1] == pytest.approx(4, abs=0.2)
    where = {(row["person"], row["question"]): row["error"]["value"] for row in model.report["questions"]}
    assert where[people[2].user_id, "conflict"] == pytest.approx(0.5)
    assert where[people[0].user_id, "conflict"] == 0
    assert where[people[2].user_id, "need"] == 0


def test_fit_of_nothing_says_nothing() -> None:
    project = make_project(resolve_by="dawid_skene")
    model = fit_errors(project)
    assert (model.judgments, model.people) == (0, {})
    assert [row["pairs"] for row in model.report["methods"]] == [0, 0]


def test_methods_are_compared_where_the_label_is_known() -> None:
    project, pairs, people = judged()
    substitute, exact = pairs[4], pairs[0]
    rule(project, substitute, "S")
    rule(project, exact, "S")
    gold = make_gold(project, "S", pair=make_pair_of(project, Split.TRAIN))
    _answer_gold(project, gold.pair, people, "SSE")
    ruled, on_gold = fit_errors(project).report["methods"]
    assert (ruled["of"], ruled["pairs"], ruled["ties"]) == ("ruled", 2, 0)
    assert [ruled["right"][name]["value"] for name in ("majority", "dawid_skene")] == [0.5, 0.5]
    assert (on_gold["of"], on_gold["pairs"]) == ("gold", 1)
    assert on_gold["right"]["dawid_skene"]["n"] == 1


def _answer_gold(project: Project, pair: Pair, people: list[Membership], labels: str) -> None:
    """Have people answer a gold pair that is mixed into their work."""
    project.gold_share = 0.5
    project.save()
    make_round(project, [make_pair(project)])
    for member, label in zip(people, labels, strict=True):
        slot = claim_slot(project, member.user, turn=0)
        assert slot is not None
        assert (slot.pair, slot.entry.stream) == (pair, Stream.GOLD)
        submit(member, slot, label)


def test_labels_are_resolved_anew_by_a_fit_and_ruled_and_open_ones_stay() -> None:
    project, pairs, people = judged(overlap=3, max_overlap=4)
    odd, ruled, opened = (make_pair_of(project, Split.TRAIN) for _ in range(3))
    make_round(project, [odd, ruled, opened])
    judge_all([people[0], people[2]], {odd: "SE", ruled: "SE", opened: "SE"})
    Consensus.objects.filter(pair__in=(odd, ruled)).update(state="disputed")
    rule(project, ruled, "C")
    project.resolve_by = "dawid_skene"
    project.save()
    fit_errors(project)
    assert standing(odd) == ("resolved", "S", "dawid_skene")
    assert standing(ruled) == ("resolved", "C", "adjudicated")
    assert standing(opened)[::2] == ("open", "majority")
    found = Consensus.objects.get(pair=odd)
    assert 0.75 <= found.confidence < 1
    assert (found.parts_at, found.measured) == ("conflict", False)
    assert found.stake is not None
    assert standing(pairs[0]) == ("resolved", "E", "dawid_skene")
    assert Consensus.objects.get(pair=pairs[0]).stake is None


def test_only_a_label_that_changes_counts_as_new_for_the_loop() -> None:
    project, pairs, _ = judged()
    before = dict(project.consensuses.values_list("pair", "updated_at"))
    project.resolve_by = "dawid_skene"
    project.save()
    Consensus.objects.filter(pair=pairs[0]).update(label=labels_of(project)[3])
    fit_errors(project)
    moved = {pair for pair, at in project.consensuses.values_list("pair", "updated_at") if at != before[pair]}
    assert moved == {pairs[0].pk}
    assert standing(pairs[0])[1] == "E"


def test_unsure_label_is_disputed_where_no_judgments_are_left_to_ask_for() -> None:
    project = make_project(overlap=2, max_overlap=2, resolve_by="dawid_skene")
    pairs = [make_pair_of(project, Split.HOLDOUT) for _ in range(4)]
    make_round(project, pairs)
    judge_all(make_members(project, 2), dict.fromkeys(pairs, "EI"))
    project.consensuses.update(state="resolved", label=labels_of(project)[0], measured=False)
    fit_errors(project)
    assert [standing(pair)[:2] for pair in pairs] == [("disputed", None)] * 4
    assert set(project.consensuses.values_list("parts_at", "measured")) == {("type", True)}
    project.max_overlap = 3
    project.save()
    project.consensuses.update(state="resolved", label=labels_of(project)[0])
    fit_errors(project)
    assert {standing(pair)[0] for pair in pairs} == {"resolved"}


def test_pairs_that_change_while_a_fit_is_made_are_left_to_their_own() -> None:
    project, pairs, _ = judged(resolve_by="dawid_skene")
    started = timezone.now()
    evidence = fetch_evidence(project)
    judged_, labels = evidence.judged, len(evidence.gains)
    model = dawid_skene(judged_.pair, judged_.person, judged_.label, labels=labels)
    Consensus.objects.filter(pair=pairs[0]).update(updated_at=timezone.now(), confidence=0.1)
    Consensus.objects.filter(pair=pairs[1]).update(judgments=9, confidence=0.1)
    assert resolve_again(project, started, evidence, model) == len(pairs) - 2
    assert [Consensus.objects.get(pair=pair).confidence for pair in pairs[:2]] == [0.1, 0.1]
    assert resolve_again(project, started, evidence, model) == 0


def test_majority_counts_again_after_the_project_has_gone_back_to_it() -> None:
    project, pairs, _ = judged()
    columns = ("pair", "state", "label", "confidence", "stake", "parts_at")
    before = list(project.consensuses.order_by("pair").values(*columns))
    project.resolve_by = "dawid_skene"
    project.save()
    fit_errors(project)
    assert standing(pairs[0])[2] == "dawid_skene"
    project.resolve_by = "majority"
    project.save()
    fit_errors(project)
    after = list(
        project.consensuses.order_by("pair").values("pair", "state", "label", "confidence", "stake", "parts_at")
    )
    assert after == before
    assert set(project.consensuses.values_list("method", flat=True)) == {"majority"}


def test_worth_is_found_out_for_pairs_of_before() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pair = make_pair_of(project, Split.HOLDOUT)
    make_round(project, [pair])
    judge_all(make_members(project, 2), {pair: "EI"})
    known = project.consensuses.get()
    project.consensuses.update(stake=0, parts_at="", measured=False)
    fit_errors(project)
    found = project.consensuses.get()
    assert (found.stake, found.parts_at, found.measured) == (known.stake, "type", True)


def test_errors_are_brought_up_to_date_at_sight_of_a_small_project() -> None:
    project, pairs, _ = judged()
    first = current_errors(project)
    assert first is not None
    again = current_errors(project)
    assert again is not None
    assert again.computed_at == first.computed_at
    ruling = rule(project, pairs[4], "S")
    newer = current_errors(project)
    assert newer is not None
    assert newer.computed_at > first.computed_at
    assert newer.report["methods"][0]["pairs"] == 1
    assert ruling.label.key == "S"
    assert set(project.consensuses.exclude(pair=pairs[4]).values_list("method", flat=True)) == {"majority"}


def test_measuring_fits_errors_too() -> None:
    project, _, _ = judged()
    job = enqueue_job(project, Job.Kind.MEASURE)
    assert job is not None
    measure_agreement(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.message
    assert ErrorModel.objects.get(project=project).judgments == 36


def test_changing_how_labels_are_resolved_measures_anew() -> None:
    project, _, _ = judged()
    configure_project(project, {"resolve_by": "dawid_skene", "agreement_goal": 0.85})
    assert project.jobs.filter(kind=Job.Kind.MEASURE, state="queued").count() == 1
    configure_project(project, {"agreement_goal": 0.8})
    assert project.jobs.count() == 1


def test_what_was_settled_shortly_before_a_fit_is_left_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been committed after the evidence was read, so that the fit does not know it."""
    monkeypatch.setattr(consensus_in_bulk, "LATE", dt.timedelta(minutes=1))
    project, pairs, _ = judged(resolve_by="dawid_skene")
    Consensus.objects.filter(pair=pairs[0]).update(updated_at=timezone.now() - dt.timedelta(minutes=2))
    evidence = fetch_evidence(project)
    judged_, labels = evidence.judged, len(evidence.gains)
    model = dawid_skene(judged_.pair, judged_.person, judged_.label, labels=labels)
    assert resolve_again(project, timezone.now(), evidence, model) == 1
