"""When agreement is measured, and what is kept of it."""

import datetime as dt

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions import agreement
from labeling.actions.agreement import current_report, measure_agreement, measurement_is_due
from labeling.actions.guidelines import publish_guideline
from labeling.actions.loop import measure_when_due
from labeling.models import AgreementReport, Job, Membership, Pair, Project
from labeling.queries.agreement import Evidence, News, news_since, stored_report
from labeling.queries.projects import published_guideline
from tests.labeling.acting import judge, judge_all, make_members, undo_last
from tests.labeling.judged import modeled
from tests.making import make_pair, make_project, make_round
from worker.default import measure_agreement as measure_agreement_task

pytestmark = pytest.mark.django_db


def judged_project(labels: str = "EE ES SS", **settings: object) -> tuple[Project, list[Pair], list[Membership]]:
    """Make a project with a pair for each word, whose letters are what two people said of it."""
    project = make_project(overlap=2, max_overlap=2, loop_enabled=False, **settings)
    pairs = [make_pair(project) for _ in labels.split()]
    make_round(project, pairs)
    members = make_members(project, 2)
    judge_all(members, dict(zip(pairs, labels.split(), strict=True)))
    return project, pairs, members


def age(project: Project, **by: int) -> None:
    """Let the report of a project have been made earlier."""
    found = AgreementReport.objects.get(project=project)
    AgreementReport.objects.filter(project=project).update(computed_at=found.computed_at - dt.timedelta(**by))


def measure_by_job(project: Project) -> Job:
    """Have a worker measure."""
    job = Job.objects.create(project=project, kind=Job.Kind.MEASURE)
    measure_agreement_task(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.message
    return job


def test_measure_agreement_keeps_what_modeling_says() -> None:
    project, _, _ = judged_project()
    report = measure_agreement(project)
    expected = modeled(project, draws=agreement.DRAWS, seed=agreement.SEED)
    stored = AgreementReport.objects.get(project=project)
    assert stored.data == report.data == expected.to_dict()
    assert stored.data["overall"]["raw"]["value"] == pytest.approx(2 / 3)
    assert (stored.judgments, stored.data["units"]) == (6, 3)


def test_measure_agreement_leaves_out_who_was_asked_because_others_differed() -> None:
    project = make_project(overlap=2, max_overlap=3, loop_enabled=False)
    pairs = [make_pair(project), make_pair(project)]
    make_round(project, pairs)
    members = make_members(project, 3)
    judge_all(members[:2], {pairs[0]: "EE", pairs[1]: "ES"})
    make_round(project, [])  # the pair on which they part is carried into the next round
    judge(members[2], "E")
    report = measure_agreement(project)
    assert (report.judgments, report.data["units"]) == (5, 2)
    assert report.data["overall"]["raw"]["value"] == 0.5
    assert report.data == modeled(project, draws=agreement.DRAWS, seed=agreement.SEED).to_dict()


def test_measure_agreement_of_nothing_is_kept_too() -> None:
    project = make_project()
    report = measure_agreement(project)
    assert (report.judgments, report.through_id) == (0, 0)
    assert report.data["overall"]["raw"]["value"] is None


def test_measure_agreement_does_not_put_older_over_newer() -> None:
    project, _, _ = judged_project()
    newer = measure_agreement(project)
    AgreementReport.objects.filter(project=project).update(
        computed_at=timezone.now() + dt.timedelta(hours=1), data={"newer": True}
    )
    assert measure_agreement(project).data == {"newer": True}
    newer.refresh_from_db()
    assert newer.data == {"newer": True}


def test_current_report_is_made_at_first_sight_and_stays_while_nothing_happens(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    project, _, _ = judged_project()
    first = current_report(project)
    assert first is not None
    with django_assert_num_queries(3):
        again = current_report(project)
    assert again is not None
    assert again.computed_at == first.computed_at


def test_report_of_an_older_winnow_is_measured_again() -> None:
    project, _, _ = judged_project()
    measure_by_job(project)
    assert not measurement_is_due(project)
    AgreementReport.objects.filter(project=project).update(data={"overall": {}})
    assert stored_report(project) is None
    assert measurement_is_due(project)
    assert "units" in current_report(project).data  # type: ignore[union-attr]
    assert not measurement_is_due(project)


def test_current_report_follows_judgments_that_come_and_go() -> None:
    project, _, [one, _] = judged_project("EE")
    assert current_report(project).judgments == 2  # type: ignore[union-attr]
    make_round(project, [make_pair(project)])
    judge(one, "E")
    assert current_report(project).judgments == 3  # type: ignore[union-attr]
    undo_last(project, one.user)
    report = current_report(project)
    assert report is not None
    assert report.judgments == 2
    assert not news_since(report)


def test_current_report_of_a_large_project_waits_for_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "SMALL", 5)
    project, _, [one, _] = judged_project("EE ES SS")
    assert current_report(project) is None
    report = measure_agreement(project)
    make_round(project, [make_pair(project)])
    judge(one, "E")
    found = current_report(project)
    assert found is not None
    assert found.computed_at == report.computed_at
    assert news_since(found) == News(came=1, gone=0)


def test_current_report_of_a_middling_project_is_renewed_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "QUICK", 5)
    project, _, [one, _] = judged_project("EE ES SS")
    measure_agreement(project)
    make_round(project, [make_pair(project)])
    judge(one, "E")
    assert current_report(project).judgments == 6  # type: ignore[union-attr]
    age(project, minutes=2)
    assert current_report(project).judgments == 7  # type: ignore[union-attr]


def test_news_count_what_came_and_what_was_taken_back() -> None:
    project, _, [one, other] = judged_project("EE ES")
    report = measure_agreement(project)
    undo_last(project, other.user)
    make_round(project, [make_pair(project) for _ in range(2)])
    judge(one, "E")
    judge(one, "E")
    undo_last(project, one.user)
    assert news_since(report) == News(came=1, gone=1)


def test_measurement_is_due_after_enough_judgments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "LEAST_GROWTH", 3)
    project, _, [one, other] = judged_project("EE")
    assert not measurement_is_due(project)
    make_round(project, [make_pair(project) for _ in range(2)])
    judge(one, "E")
    assert measurement_is_due(project)
    measure_agreement(project)
    assert measurement_is_due(project)  # what a page measures changes no labels
    measure_by_job(project)
    assert not measurement_is_due(project)
    judge(one, "E")
    judge(other, "E")
    assert not measurement_is_due(project)
    judge(other, "E")
    assert measurement_is_due(project)


def test_measurement_is_due_after_a_share_of_many_judgments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "LEAST_GROWTH", 1)
    monkeypatch.setattr(agreement, "GROWTH", 0.5)
    project, _, [one, other] = judged_project("EE EE")
    measure_by_job(project)
    make_round(project, [make_pair(project)])
    judge(one, "E")
    assert not measurement_is_due(project)
    judge(other, "E")
    assert measurement_is_due(project)


def test_measurement_is_due_after_publishing_and_after_taking_over() -> None:
    project, _, _ = judged_project()
    assert not measurement_is_due(project)
    measure_agreement(project)
    assert not measurement_is_due(project)
    publish_guideline(project, published_guideline(project).source, None)
    assert measurement_is_due(project)
    measure_by_job(project)
    assert not measurement_is_due(project)
    Job.objects.create(project=project, kind=Job.Kind.RELABEL, state="done", finished_at=timezone.now())
    assert measurement_is_due(project)


def test_measurement_that_failed_is_not_tried_again_at_once() -> None:
    project, _, _ = judged_project()
    measure_by_job(project)
    publish_guideline(project, published_guideline(project).source, None)
    job = Job.objects.create(project=project, kind=Job.Kind.MEASURE, state="failed", finished_at=timezone.now())
    assert not measurement_is_due(project)
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - agreement.RETRY_AFTER)
    assert measurement_is_due(project)


def test_measurement_is_queued_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "LEAST_GROWTH", 1)
    project, _, _ = judged_project()
    job = measure_when_due(project)
    assert job is not None
    assert (job.kind, job.state) == ("measure", "queued")
    assert measure_when_due(project) is None
    measure_agreement_task(job_id=job.pk)
    job.refresh_from_db()
    newest = AgreementReport.objects.get(project=project).through_id
    assert (job.state, job.message) == ("done", "6 judgments.")
    assert job.result == {"judgments": 6, "through_id": newest, "resolve_by": "majority"}
    assert measure_when_due(project) is None


def test_measuring_job_that_breaks_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(project: Project) -> Evidence:
        raise ValueError("pair 7 has two queries")

    monkeypatch.setattr(agreement, "fetch_evidence", broken)
    job = Job.objects.create(project=make_project(), kind=Job.Kind.MEASURE)
    measure_agreement_task(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "ValueError: pair 7 has two queries")
