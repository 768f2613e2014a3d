"""What the loop does by itself, and when."""

import datetime as dt

import pytest
from django.utils import timezone

from labeling.actions.adapters import promote_adapter
from labeling.actions.jobs import cancel_job, fail_job, finish_job, start_job
from labeling.actions.loop import advance_loop, labels_since_training, next_step
from labeling.actions.scoring import plan_shards
from labeling.models import Job, Pair, Project
from tests.labeling.acting import SKIP_PATH, claim, judge, judge_all, make_adapter, make_members, submit
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def settle(project: Project, count: int) -> list[Pair]:
    """Have pairs judged alike by two people, in a round of their own."""
    pairs = [make_pair(project) for _ in range(count)]
    make_round(project, pairs)
    judge_all(make_members(project, 2), dict.fromkeys(pairs, "E"))
    return pairs


def test_loop_selects_for_an_empty_queue_while_there_are_pairs() -> None:
    project = make_project()
    assert next_step(project) is None
    make_pair(project)
    assert next_step(project) == Job.Kind.SELECT


def test_loop_leaves_a_queue_alone_until_hardly_anything_is_left() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project) for _ in range(20)])
    make_pair(project)
    member = make_member(project)
    assert next_step(project) is None
    for _ in range(18):
        judge(member)
    assert next_step(project) is None
    judge(member)
    assert next_step(project) == Job.Kind.SELECT


def test_loop_does_not_select_again_what_is_queued_already() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    member = make_member(project)
    submit(member, claim(member), SKIP_PATH)
    assert next_step(project) is None
    make_pair(project)
    assert next_step(project) == Job.Kind.SELECT


def test_loop_does_not_wait_for_pairs_that_nobody_here_can_judge() -> None:
    """Two people, and a third judgment wanted of a pair, or one of them skipped it: that must not stop the loop."""
    project = make_project(overlap=2, max_overlap=3)
    tied, skipped = make_pair(project), make_pair(project)
    make_round(project, [tied, skipped], stream="active")
    make_pair(project)
    first, second = make_members(project, 2)
    judge(first, "E")
    judge(second, "S")
    submit(first, claim(first), SKIP_PATH)
    assert next_step(project) is None
    judge(second, "S")
    assert next_step(project) == Job.Kind.SELECT


def test_loop_trains_at_the_threshold_and_counts_from_there() -> None:
    project = make_project(train_after=3)
    settle(project, 2)
    assert labels_since_training(project) == 2
    assert next_step(project) is None
    settle(project, 1)
    assert labels_since_training(project) == 3
    assert next_step(project) == Job.Kind.TRAIN
    job = advance_loop(project)
    assert job is not None
    assert (job.kind, job.params) == ("train", {"then": ["score", "select"]})
    started = start_job(job.pk)
    assert started is not None
    finish_job(started, "Done.")
    Job.objects.filter(project=project, kind="score").update(state="done", finished_at=timezone.now())
    assert labels_since_training(project) == 0
    settle(project, 1)
    assert labels_since_training(project) == 1


def test_loop_does_not_try_a_failed_training_again_at_once() -> None:
    project = make_project(train_after=2, check_seconds=0)
    settle(project, 2)
    job = advance_loop(project)
    assert job is not None
    started = start_job(job.pk)
    assert started is not None
    fail_job(started, "No GPU.")
    assert labels_since_training(project) == 0
    assert advance_loop(project) is None


@pytest.mark.parametrize("kind", [Job.Kind.TRAIN, Job.Kind.SCORE, Job.Kind.SELECT])
@pytest.mark.parametrize("state", ["queued", "running"])
def test_loop_waits_for_a_job_that_is_active(kind: Job.Kind, state: str) -> None:
    project = make_project(train_after=1)
    settle(project, 1)
    make_pair(project)
    job = Job.objects.create(project=project, kind=kind, state=state)
    assert advance_loop(project) is None
    job.state, job.finished_at = Job.State.CANCELLED, timezone.now()
    job.save()
    Project.objects.filter(pk=project.pk).update(loop_checked_at=None)
    assert advance_loop(project) is not None


def test_loop_looks_once_a_period() -> None:
    project = make_project(check_seconds=60)
    now = timezone.now()
    assert advance_loop(project, now) is None
    make_pair(project)
    assert advance_loop(project, now + dt.timedelta(seconds=59)) is None
    job = advance_loop(project, now + dt.timedelta(seconds=60))
    assert job is not None
    assert (job.kind, job.params, job.requested_by) == ("select", {"then": []}, None)


def test_loop_that_is_off_does_nothing() -> None:
    project = make_project(loop_enabled=False)
    make_pair(project)
    assert advance_loop(project) is None
    assert not Job.objects.filter(project=project).exists()


def test_loop_scores_what_came_with_an_import_once() -> None:
    project = make_project(check_seconds=0)
    make_round(project, [make_pair(project)])
    imported = Job.objects.create(project=project, kind=Job.Kind.IMPORT, state="done", finished_at=timezone.now())
    assert next_step(project) is None, "there is no champion"
    adapter = make_adapter(project)
    assert next_step(project) == Job.Kind.SCORE
    job = advance_loop(project)
    assert job is not None
    assert (job.kind, job.params) == ("score", {"then": []})
    assert next_step(project) is None
    started = start_job(job.pk)
    assert started is not None
    assert plan_shards(started, [adapter]) == 1
    fail_job(started, "No gpu worker.")
    assert next_step(project) is None, "nothing is tried again by itself"
    running = Job.objects.create(project=project, kind=Job.Kind.IMPORT, state="running")
    assert next_step(project) is None
    Job.objects.filter(pk=running.pk).update(state="done", finished_at=timezone.now())
    assert next_step(project) == Job.Kind.SCORE
    assert imported.finished_at is not None


def test_loop_scores_with_an_adapter_that_a_person_promoted() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    first, second = make_adapter(project), make_adapter(project, champion=False)
    job = Job.objects.create(project=project, kind=Job.Kind.SCORE, params={"adapters": [first.pk]})
    cancel_job(job, None)
    assert next_step(project) is None
    promote_adapter(second, None)
    assert next_step(project) == Job.Kind.SCORE
