"""Cutting the pool into shards, and ending the job with the last of them."""

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from labeling.actions.jobs import cancel_job, enqueue_job, start_job
from labeling.actions.scoring import finish_shard, plan_shards
from labeling.models import Adapter, Job, Pair, ProductRevision, Project, ScoringShard
from labeling.queries.pairs import shard_texts
from tests.labeling.acting import judge, make_adapter, make_members, predict
from tests.making import make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

EVEN = [0.25, 0.25, 0.25, 0.25]


def scoring_job(project: Project, then: tuple[Job.Kind, ...] = ()) -> Job:
    job = enqueue_job(project, Job.Kind.SCORE, then=then)
    assert job is not None
    started = start_job(job.pk)
    assert started is not None
    return started


def planned(job: Job, adapter: Adapter) -> list[list[int]]:
    """Return the pairs of each shard, as the worker would find them."""
    return [[row.pair_id for row in shard_texts(shard, adapter)] for shard in job.shards.order_by("number")]


def pool_with_gaps(project: Project, count: int) -> list[Pair]:
    """Make pairs whose ids have other projects' between them."""
    other = make_project()
    pairs = []
    for _ in range(count):
        pairs.append(make_pair(project))
        make_pair(other)
    return pairs


def test_plan_covers_the_pool_in_shards_of_at_most_the_size(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    project = make_project(shard_size=3)
    pairs = [pair.pk for pair in pool_with_gaps(project, 8)]
    adapter = make_adapter(project)
    job = scoring_job(project)
    with django_capture_on_commit_callbacks() as callbacks:
        assert plan_shards(job, adapter) == 8
    assert planned(job, adapter) == [pairs[:3], pairs[3:6], pairs[6:]]
    shards = job.shards.order_by("number").values_list("number", "pairs", "first_pair", "last_pair")
    assert list(shards) == [(1, 3, pairs[0], pairs[2]), (2, 3, pairs[3], pairs[5]), (3, 2, pairs[6], pairs[7])]
    assert len(callbacks) == 3
    job.refresh_from_db()
    assert (job.done, job.total, job.unit, job.params["adapter"]) == (0, 8, "pairs", adapter.pk)


def test_plan_leaves_out_what_is_settled_or_scored(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    project = make_project(shard_size=2, overlap=2)
    pairs = pool_with_gaps(project, 7)
    make_round(project, pairs[:2], stream="active")
    first, second = make_members(project, 2)
    for member in (first, first, second):
        judge(member)
    adapter = make_adapter(project)
    predict(adapter, {pairs[3]: EVEN, pairs[5]: EVEN})
    job = scoring_job(project)
    assert plan_shards(job, adapter) == 4
    assert planned(job, adapter) == [[pairs[1].pk, pairs[2].pk], [pairs[4].pk, pairs[6].pk]]
    revision = pairs[3].product.revision
    assert revision is not None
    newer = ProductRevision.objects.create(product=pairs[3].product, number=2, digest=revision.digest, title="Newer")
    type(pairs[3].product).objects.filter(pk=pairs[3].product_id).update(revision=newer)
    predict(adapter, {pairs[position]: EVEN for position in (1, 2, 4, 6)})
    Job.objects.filter(pk=job.pk).update(state="done", finished_at=job.started_at)
    again = scoring_job(project)
    assert plan_shards(again, adapter) == 1
    (shard,) = again.shards.all()
    (text,) = shard_texts(shard, adapter)
    assert (text.pair_id, text.revision_id, text.title, text.query) == (
        pairs[3].pk,
        newer.pk,
        "Newer",
        pairs[3].query.text,
    )


def test_plan_of_a_scored_pool_has_no_shards() -> None:
    project = make_project()
    adapter = make_adapter(project)
    predict(adapter, {make_pair(project): EVEN})
    job = scoring_job(project)
    assert plan_shards(job, adapter) == 0
    assert not job.shards.exists()


def test_shard_that_is_finished_twice_counts_once_and_the_last_ends_the_job() -> None:
    project = make_project(shard_size=2)
    pool_with_gaps(project, 5)
    adapter = make_adapter(project)
    job = scoring_job(project, then=(Job.Kind.SELECT,))
    plan_shards(job, adapter)
    shards = list(job.shards.order_by("number"))
    for shard, scored in ((shards[1], 2), (shards[1], 2), (shards[0], 2)):
        finish_shard(shard, scored)
    job.refresh_from_db()
    assert (job.state, job.done, job.percent) == ("running", 4, 80)
    finish_shard(shards[2], 1)
    job.refresh_from_db()
    assert (job.state, job.done, job.message, job.result) == ("done", 5, "5 pairs scored.", {"scored": 5})
    assert Job.objects.get(project=project, kind="select").state == "queued"
    assert not ScoringShard.objects.filter(job=job, finished_at__isnull=True).exists()


def test_shard_of_a_cancelled_job_ends_nothing() -> None:
    project = make_project()
    make_pair(project)
    adapter = make_adapter(project)
    job = scoring_job(project, then=(Job.Kind.SELECT,))
    plan_shards(job, adapter)
    cancel_job(job, None)
    finish_shard(job.shards.get(), 1)
    job.refresh_from_db()
    assert (job.state, job.done) == ("cancelled", 0)
    assert not Job.objects.filter(project=project, kind="select").exists()
