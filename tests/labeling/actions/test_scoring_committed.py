"""Shards among workers that are there at once, and partitions beside readers: with connections of their own."""

from contextlib import ExitStack

import pytest
from django.db import connection, transaction

from labeling.actions.jobs import cancel_job
from labeling.actions.predictions import make_partition
from labeling.actions.scoring import plan_shards, settle_scoring, taken_shard
from labeling.models import Prediction
from tests.labeling.acting import at_once, make_adapter, predict
from tests.labeling.scoring import score_shard, scoring_job
from tests.making import make_pair, make_pairs, make_project

pytestmark = pytest.mark.usefixtures("committed", "unsent")


@pytest.fixture
def unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no worker that other tests have started hear of these shards: their adapters have no files."""
    monkeypatch.setattr("labeling.actions.scoring.send", lambda *_, **__: None)


def test_shards_are_shared_among_workers_at_once() -> None:
    project = make_project(shard_size=2, loop_enabled=False)
    make_pairs(project, 12, per_query=2)
    adapter = make_adapter(project)
    job = scoring_job(project)
    plan_shards(job, [adapter])

    def work() -> list[int]:
        done = []
        while True:
            with taken_shard(job.pk, "a worker") as shard:
                if shard is None:
                    break
                assert score_shard(shard, [adapter])
                done.append(shard.number)
            settle_scoring(job.pk)
        return done

    taken = at_once(work, work, work)
    taken.append(work())  # what was held just when another looked
    settle_scoring(job.pk)
    assert sorted(number for numbers in taken for number in numbers) == [1, 2, 3, 4, 5, 6]
    job.refresh_from_db()
    assert (job.state, job.done) == ("done", 12)
    assert Prediction.objects.filter(adapter=adapter).count() == 12


def test_shard_is_free_when_its_workers_connection_is_gone() -> None:
    project = make_project(loop_enabled=False)
    make_pair(project)
    adapter = make_adapter(project)
    job = scoring_job(project)
    plan_shards(job, [adapter])

    def die() -> None:
        """Take the shard and lose the connection, as a killed process does."""
        with ExitStack() as never_left:
            assert never_left.enter_context(taken_shard(job.pk, "gpu@one/0")) is not None
            with taken_shard(job.pk, "gpu@one/0") as same_connection:
                assert same_connection is not None, "a worker is not in its own way"
            connection.close()
            never_left.pop_all()

    at_once(die)
    with taken_shard(job.pk, "gpu@two/0") as shard:
        assert shard is not None
    cancel_job(job, None)


def test_partition_is_made_while_predictions_are_read_and_written() -> None:
    project = make_project()
    busy, new = make_adapter(project), make_adapter(project)
    predict(busy, {make_pair(project): [0.7, 0.1, 0.1, 0.1]})

    def make() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
        make_partition(new)

    with transaction.atomic():
        assert Prediction.objects.count() >= 1
        predict(busy, {make_pair(project): [0.7, 0.1, 0.1, 0.1]})
        at_once(make)
    predict(new, {make_pair(project): [0.7, 0.1, 0.1, 0.1]})
    assert Prediction.objects.filter(adapter=new).count() == 1
