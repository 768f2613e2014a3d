"""The task that brings judgments under a new version. Its own function, without a worker."""

import pytest

from labeling.models import Job, Judgment, Role
from tests.labeling.acting import judge
from tests.labeling.relabeling import STRICT, edited, publish
from tests.making import make_member, make_pair, make_project, make_round
from worker.default import take_over_guideline

pytestmark = pytest.mark.django_db


def waiting() -> Job:
    """Return the job of a version that gives one judgment another label."""
    project = make_project()
    make_round(project, [make_pair(project)])
    judge(make_member(project), "S")
    publish(make_member(project, Role.LEAD), edited(STRICT))
    return project.jobs.get()


def test_task_brings_judgments_under_the_version_once() -> None:
    job = waiting()
    for _ in range(2):
        take_over_guideline(job_id=job.pk)
        job.refresh_from_db()
        assert (job.state, job.result) == ("done", {"changed": 1, "asked": 0})
    assert Judgment.objects.filter(project=job.project).count() == 2
    take_over_guideline(job_id=0)


def test_task_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(job: Job) -> None:
        raise RuntimeError("no room on the disk")

    monkeypatch.setattr("worker.default.bring_under", breaks)
    job = waiting()
    take_over_guideline(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "RuntimeError: no room on the disk")


def test_task_of_a_job_that_is_stopped_meanwhile_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    job = waiting()
    monkeypatch.setattr("labeling.actions.relabeling.report_progress", lambda *_: False)
    take_over_guideline(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == "running"  # as nobody has really stopped it
    assert Judgment.objects.filter(project=job.project).count() == 1
