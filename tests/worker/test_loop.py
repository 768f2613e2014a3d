"""The loop on real workers: labels in, an adapter trained, the pool scored, the least sure pairs next."""

import time
from pathlib import Path

import numpy as np
import pytest

from labeling.actions.jobs import cancel_job, enqueue_job
from labeling.models import Adapter, AuditLogEntry, Job, Prediction, Project, Role, Slot, Split, TrainingItem
from labeling.queries.pairs import unlabeled_pairs
from labeling.queries.predictions import mean_confidence
from labeling.queries.summary import summary
from tests.conftest import Site
from tests.labeling.judging import judge_by
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.worker, pytest.mark.training]

THINGS = ("kettle", "bicycle helmet", "wool scarf", "desk lamp", "garden hose", "chess set", "yoga mat", "violin")
WORDS = ("small", "large", "red", "blue", "sturdy", "light", "classic", "modern", "folding", "travel")


NOISE = 0.08  # share of wrong labels: without any, the judge is as sure of every pair as it can be


def wait_for(job: Job, seconds: float = 240) -> Job:
    """Wait until a job has ended; fail with its message if that takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job.refresh_from_db()
        if not job.active:
            return job
        time.sleep(0.3)
    pytest.fail(f"{job} is still {job.state}: {job.done} of {job.total}, {job.message}")


def newest(project: Project, kind: Job.Kind) -> Job:
    """Wait for the newest job of a kind to be there and to have ended."""
    deadline = time.monotonic() + 60
    while not (found := Job.objects.filter(project=project, kind=kind).order_by("-id").first()):
        assert time.monotonic() < deadline, f"no job of kind {kind}"
        time.sleep(0.2)
    return wait_for(found)


def shop(**settings: object) -> tuple[Project, dict[int, str]]:
    """Make a pool: products of the query's kind are Exact, others Irrelevant, with noise; and its key."""
    project = make_project(overlap=1, max_overlap=1, loop_enabled=False, shard_size=80, titles_apart=False, **settings)
    random = np.random.default_rng(5)
    key: dict[int, str] = {}
    for thing in THINGS:
        for word in WORDS:
            for _ in range(5):
                other = str(random.choice(THINGS)) if random.random() < 0.4 else thing
                title = f"{random.choice(WORDS)} {other} by Ardenbay, model {random.integers(1000)}"
                pair = make_pair(project, f"{word} {thing}", title)
                right = random.random() > NOISE
                key[pair.pk] = PATHS["E"] if (other == thing) == right else PATHS["I"]
    return project, key


@pytest.mark.usefixtures("committed")
def test_loop_turns_once_on_real_workers(site: Site) -> None:
    project, key = shop(batch_size=40)  # few of those that are left, so that the picked ones are really the unsure ones
    pairs = list(project.pairs.order_by("?"))
    make_round(project, pairs[:260])
    judge_by(project, make_member(project, Role.ANNOTATOR), key)

    job = enqueue_job(project, Job.Kind.TRAIN, None, (Job.Kind.SCORE, Job.Kind.SELECT))
    assert job is not None
    trained = wait_for(job)
    assert trained.state == "done", trained.message
    assert trained.done == trained.total > 0

    adapter = Adapter.objects.get(project=project)
    assert adapter.state == "champion", adapter.verdict
    holdout = adapter.manifest["holdout"]
    assert holdout["accuracy"]["value"] > holdout["majority_accuracy"]
    assert adapter.holdout_predictions.count() == holdout["n"]
    assert (adapter.comparison["against"], adapter.comparison["promoted"]) == ("majority", True)
    assert {"people_alpha", "slices"} <= set(adapter.measures)
    artifact = site.data / adapter.artifact
    assert (artifact / "manifest.json").is_file()
    assert not list(Path(artifact).rglob("*.bin")) + list(Path(artifact).rglob("*.pt"))
    items = TrainingItem.objects.filter(job=trained)
    assert items.count() == adapter.labels_seen > 150
    assert not items.filter(pair__query__split=Split.HOLDOUT).exists()

    scored = newest(project, Job.Kind.SCORE)
    assert scored.state == "done", scored.message
    assert scored.shards.count() == 2
    waiting = unlabeled_pairs(project)
    assert scored.done == Prediction.objects.filter(adapter=adapter).count() == waiting.count() == len(pairs) - 260
    prediction = Prediction.objects.filter(adapter=adapter).first()
    assert prediction is not None
    assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-4)
    assert prediction.confidence == pytest.approx(max(prediction.probabilities), abs=1e-6)

    selected = newest(project, Job.Kind.SELECT)
    assert selected.state == "done", selected.message
    means = mean_confidence(project, adapter)
    assert means.active is not None
    assert means.pool is not None
    assert means.active < means.pool
    entries = project.rounds.get(state="open").entries
    assert entries.filter(stream="random").count() == entries.filter(stream="active").count() == 20
    queries = entries.filter(stream="active").values_list("pair__query", flat=True)
    assert max(np.unique(list(queries), return_counts=True)[1]) <= project.max_per_query

    numbers = summary(project)
    assert numbers["scored"] == numbers["unlabeled"]
    verbs = set(AuditLogEntry.objects.filter(project=project).values_list("verb", flat=True))
    assert {"job.start", "adapter.train", "adapter.decide", "adapter.promote", "round.open"} <= verbs


@pytest.mark.usefixtures("committed")
def test_train_without_enough_labels_fails_in_plain_words(site: Site) -> None:
    project = make_project(loop_enabled=False)
    job = enqueue_job(project, Job.Kind.TRAIN, None, (Job.Kind.SCORE,))
    assert job is not None
    ended = wait_for(job)
    assert ended.state == "failed"
    assert ended.message == "Not enough labels to train on yet: 0 of 50."
    assert not Job.objects.filter(project=project, kind=Job.Kind.SCORE).exists()


@pytest.mark.usefixtures("committed")
def test_train_that_is_cancelled_stops_and_leaves_no_adapter(site: Site) -> None:
    project, key = shop(judge_spec={"epochs": 500})
    make_round(project, list(project.pairs.order_by("?")[:120]))
    judge_by(project, make_member(project), key)
    job = enqueue_job(project, Job.Kind.TRAIN)
    assert job is not None
    deadline = time.monotonic() + 90
    while not (job.state == "running" and job.done > 0):
        assert time.monotonic() < deadline, f"{job.state}: {job.message}"
        time.sleep(0.3)
        job.refresh_from_db()
    cancel_job(job, None)
    follow = enqueue_job(project, Job.Kind.TRAIN)
    assert follow is not None
    started = time.monotonic() + 60
    while follow.state == "queued":
        assert time.monotonic() < started, "the worker is still busy with the cancelled training"
        time.sleep(0.3)
        follow.refresh_from_db()
    cancel_job(follow, None)
    assert not Adapter.objects.filter(project=project).exists()


@pytest.mark.usefixtures("committed")
def test_beat_draws_the_first_round_by_itself(site: Site) -> None:
    project = make_project(batch_size=5, overlap=2, check_seconds=1, strategy="margin")  # which lacks a judge
    for _ in range(8):
        make_pair(project)
    selected = newest(project, Job.Kind.SELECT)
    assert selected.state == "done", selected.message
    opened = project.rounds.get()
    assert opened.strategy == "uniform"
    assert opened.pool_size == 8
    assert {entry.chance for entry in opened.entries.all()} == {5 / 8}
    assert Slot.objects.filter(round=opened).count() == 10
    type(project).objects.filter(pk=project.pk).update(loop_enabled=False)
