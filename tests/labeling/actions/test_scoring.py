"""Cutting the pool into shards, taking them, storing what is said of them, and ending the job with the last."""

import datetime as dt
from collections.abc import Sequence

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from labeling.actions import scoring as module
from labeling.actions.jobs import MOST_RESENDS, cancel_job, start_job
from labeling.actions.scoring import (
    MOST_ATTEMPTS,
    plan_shards,
    recover_scoring,
    settle_scoring,
    taken_shard,
)
from labeling.models import Adapter, Job, Pair, Prediction, ScoringShard
from labeling.queries.scoring import shard_texts
from tests.labeling.acting import judge, make_adapter, make_members, predict
from tests.labeling.scoring import score_shard, scoring_job
from tests.making import make_pair, make_pairs, make_project, make_round

pytestmark = pytest.mark.django_db

EVEN = [0.25, 0.25, 0.25, 0.25]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The jobs for which one more worker was asked."""
    asked: list[int] = []

    def send(task: tuple[str, str], job_id: int) -> None:
        assert task in (("worker.gpu.score_next", "gpu"), ("worker.default.plan_scoring", "default"))
        asked.append(job_id)

    monkeypatch.setattr(module, "send", send)
    return asked


def planned(job: Job, adapters: Sequence[Adapter]) -> list[list[int]]:
    """Return the pairs of each shard, as the worker would find them."""
    return [[row.pair_id for row in shard_texts(shard, adapters)] for shard in job.shards.order_by("number")]


def silent(job: Job, minutes: float) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - dt.timedelta(minutes=minutes))


def test_plan_covers_the_pool_and_asks_for_few_workers(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    project = make_project(shard_size=4)
    pairs = [pair.pk for pair in make_pairs(project, 16, per_query=2)]
    make_pairs(make_project(), 4)
    adapter = make_adapter(project)
    job = scoring_job(project)
    with django_capture_on_commit_callbacks() as callbacks:
        assert plan_shards(job, [adapter]) == 16
    assert planned(job, [adapter]) == [pairs[at : at + 4] for at in (0, 4, 8, 12)]
    assert list(job.shards.order_by("number").values_list("number", "pairs")) == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(callbacks) == 2
    job.refresh_from_db()
    assert (job.done, job.total, job.unit, job.params["adapters"]) == (0, 16, "pairs", [adapter.pk])


def test_plan_leaves_out_what_is_settled_or_scored(sent: list[int]) -> None:
    project = make_project(overlap=2)
    pairs = [make_pair(project) for _ in range(7)]
    make_round(project, pairs[:2], stream="active")
    first, second = make_members(project, 2)
    for member in (first, first, second):
        judge(member)
    adapter = make_adapter(project)
    predict(adapter, {pairs[3]: EVEN, pairs[5]: EVEN})
    job = scoring_job(project)
    assert plan_shards(job, [adapter]) == 4
    assert planned(job, [adapter]) == [[pairs[at].pk for at in (1, 2, 4, 6)]]
    assert sent == [job.pk]


def test_plan_of_a_scored_pool_has_no_shards(sent: list[int]) -> None:
    project = make_project()
    adapter = make_adapter(project)
    predict(adapter, {make_pair(project): EVEN})
    job = scoring_job(project)
    assert plan_shards(job, [adapter]) == 0
    assert not job.shards.exists()
    assert sent == []


def test_plan_by_two_workers_is_made_once(sent: list[int]) -> None:
    project = make_project(shard_size=2)
    make_pairs(project, 4, per_query=2)
    adapter = make_adapter(project)
    job = scoring_job(project)
    assert plan_shards(job, [adapter]) == 4
    assert plan_shards(job, [adapter]) == 4
    assert job.shards.count() == 2
    assert len(sent) == 2


def test_plan_of_a_cancelled_job_asks_for_nothing(sent: list[int]) -> None:
    project = make_project()
    make_pair(project)
    adapter = make_adapter(project)
    job = scoring_job(project)
    cancel_job(job, None)
    plan_shards(job, [adapter])
    assert not job.shards.exists()
    assert sent == []


def test_shard_is_taken_by_one_worker_at_a_time_and_given_back() -> None:
    project = make_project(shard_size=1)
    make_pairs(project, 2, per_query=1)
    adapter = make_adapter(project)
    job = scoring_job(project)
    plan_shards(job, [adapter])
    with taken_shard(job.pk, "gpu@one/0") as first:
        assert first is not None
        assert (first.number, first.attempts) == (1, 0)
        first.refresh_from_db()
        assert (first.worker, first.attempts) == ("gpu@one/0", 1)
    with taken_shard(job.pk, "gpu@two/0") as second:
        assert second is not None
        assert second.number == 2, "what was begun before comes last"
        score_shard(second, [adapter])
    with taken_shard(job.pk, "gpu@two/0") as again:
        assert again == first
        score_shard(again, [adapter])
    with taken_shard(job.pk, "gpu@two/0") as none:
        assert none is None


def test_shard_that_workers_die_of_fails_its_job() -> None:
    project = make_project()
    make_pair(project)
    adapter = make_adapter(project)
    job = scoring_job(project)
    plan_shards(job, [adapter])
    for _ in range(MOST_ATTEMPTS):
        with taken_shard(job.pk, "gpu@one/0") as shard:
            assert shard is not None
    with taken_shard(job.pk, "gpu@one/0") as shard:
        assert shard is None
    job.refresh_from_db()
    assert job.state == "failed"
    assert job.message.startswith("Shard 1 was begun 10 times, last by gpu@one/0, and never finished.")


def test_shard_that_is_finished_twice_is_stored_once_and_the_last_ends_the_job(sent: list[int]) -> None:
    project = make_project(shard_size=2, price_per_hour=3.6, currency="EUR")
    make_pairs(project, 5, per_query=1)
    adapter = make_adapter(project)
    job = scoring_job(project, then=(Job.Kind.SELECT,))
    plan_shards(job, [adapter])
    shards = list(job.shards.order_by("number"))
    assert [shard.pairs for shard in shards] == [2, 2, 1]
    ScoringShard.objects.filter(job=job).update(worker="gpu@one/0")
    assert score_shard(shards[1], [adapter])
    assert not score_shard(shards[1], [adapter])
    assert score_shard(shards[0], [adapter])
    settle_scoring(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.percent) == ("running", 4, 80)
    assert score_shard(shards[2], [adapter], seconds=1.5)
    settle_scoring(job.pk)
    settle_scoring(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.message) == ("done", 5, "5 pairs scored.")
    assert job.result == {
        "scored": 5,
        "predictions": 5,
        "worker_seconds": 5.5,
        "workers": 1,
        "price_per_hour": 3.6,
        "currency": "EUR",
    }
    assert Job.objects.get(project=project, kind="select").state == "queued"
    assert Prediction.objects.filter(adapter=adapter).count() == 5


def test_shard_of_a_cancelled_job_stores_and_ends_nothing() -> None:
    project = make_project()
    make_pair(project)
    adapter = make_adapter(project)
    job = scoring_job(project, then=(Job.Kind.SELECT,))
    plan_shards(job, [adapter])
    shard = job.shards.get()
    cancel_job(job, None)
    assert not score_shard(shard, [adapter])
    settle_scoring(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done) == ("cancelled", 0)
    assert not Prediction.objects.filter(adapter=adapter).exists()
    assert not Job.objects.filter(project=project, kind="select").exists()


def test_shard_of_two_adapters_gives_each_what_it_lacks(sent: list[int]) -> None:
    project = make_project()
    pairs: list[Pair] = make_pairs(project, 4, per_query=2)
    champion, challenger = make_adapter(project), make_adapter(project, champion=False)
    predict(champion, dict.fromkeys(pairs[:3], (0.7, 0.1, 0.1, 0.1)))
    job = scoring_job(project)
    assert plan_shards(job, [champion, challenger]) == 4
    assert score_shard(job.shards.get(), [champion, challenger])
    settle_scoring(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["scored"], job.result["predictions"]) == ("done", 4, 5)
    said = Prediction.objects.filter(adapter=champion).order_by("pair").values_list("confidence", flat=True)
    assert list(said) == pytest.approx([0.7, 0.7, 0.7, 0.25])
    assert Prediction.objects.filter(adapter=challenger).count() == 4


def test_recover_asks_again_for_what_nobody_works_on_a_few_times(sent: list[int]) -> None:
    project = make_project(shard_size=1)
    make_pairs(project, 2, per_query=1)
    adapter = make_adapter(project)
    job = scoring_job(project)
    plan_shards(job, [adapter])
    sent.clear()
    silent(job, 4)
    recover_scoring()
    assert job.pk not in sent
    for times in range(1, MOST_RESENDS + 1):
        silent(job, 6)
        recover_scoring()
        assert sent.count(job.pk) == times
    score_shard(job.shards.get(number=1), [adapter])
    silent(job, 6)
    recover_scoring()
    job.refresh_from_db()
    assert (job.state, job.done) == ("running", 1)
    for _ in range(MOST_RESENDS + 1):
        silent(job, 6)
        recover_scoring()
    job.refresh_from_db()
    assert (job.state, sent.count(job.pk)) == ("failed", 2 * MOST_RESENDS)
    assert job.message == "No gpu worker took up the last 1 shards. What is scored is kept; start it again."


def test_recover_leaves_alone_what_a_slow_worker_holds_or_a_training_keeps_waiting(sent: list[int]) -> None:
    project = make_project()
    make_pair(project)
    adapter = make_adapter(project)
    job = scoring_job(project)
    plan_shards(job, [adapter])
    sent.clear()
    silent(job, 60)
    with taken_shard(job.pk, "gpu@slow/0"):
        recover_scoring()
    assert job.pk not in sent
    training = Job.objects.create(project=make_project(), kind=Job.Kind.TRAIN, state="running")
    recover_scoring()
    assert job.pk not in sent
    training.delete()
    recover_scoring()
    assert job.pk in sent


def test_recover_plans_again_what_died_before_it_was_planned(sent: list[int]) -> None:
    job = scoring_job(make_project())
    silent(job, 29)
    recover_scoring()
    job.refresh_from_db()
    assert job.state == "running"
    silent(job, 31)
    recover_scoring()
    job.refresh_from_db()
    assert (job.state, job.params["resent"]) == ("queued", 1)
    assert job.pk in sent
    assert start_job(job.pk) is not None


def test_recover_ends_a_job_whose_last_worker_died_before_it_said_so(sent: list[int]) -> None:
    project = make_project()
    make_pair(project)
    adapter = make_adapter(project)
    job = scoring_job(project, then=(Job.Kind.SELECT,))
    plan_shards(job, [adapter])
    score_shard(job.shards.get(), [adapter])
    recover_scoring()
    job.refresh_from_db()
    assert (job.state, job.done) == ("done", 1)
