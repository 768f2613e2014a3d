"""What a round is drawn of, for each kind of desk. The task's own function, without a worker."""

from collections import Counter

import pytest
from django.utils import timezone

from labeling.models import Job, Project, QueueEntry, Split
from labeling.queries.queue import open_round_of
from labeling.queries.rounds import round_progress
from tests.labeling.acting import judge, make_adapter, predict
from tests.making import make_member, make_pair, make_project
from worker.default import draw_round

pytestmark = pytest.mark.django_db


def drawn_words(project: Project) -> str:
    job = Job.objects.create(project=project, kind=Job.Kind.SELECT)
    words = draw_round(job)
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, finished_at=timezone.now())
    return words


def drawn_for(project: Project) -> list[QueueEntry]:
    said = draw_round(Job.objects.create(project=project, kind=Job.Kind.SELECT))
    opened = open_round_of(project)
    assert opened is not None
    assert said.startswith("Round")
    return list(QueueEntry.objects.filter(round=opened).select_related("pair__query").order_by("rank"))


def test_round_for_shelves_is_whole_queries_and_leaves_holdouts_to_chance() -> None:
    project = make_project(desk="shelf", batch_size=30, random_share=0.3)
    pairs = [make_pair(project, f"query {number % 40}") for number in range(200)]
    predict(make_adapter(project), {pair: [0.5, 0.5, 0.0, 0.0] for pair in pairs})
    entries = drawn_for(project)
    assert set(Counter(entry.pair.query_id for entry in entries).values()) == {5}
    random = [entry for entry in entries if entry.stream == "random"]
    assert len(random) == 10
    assert {entry.chance for entry in random} == {2 / 40}
    active = [entry for entry in entries if entry.stream == "active"]
    assert len(active) == 20
    assert Split.HOLDOUT not in {entry.pair.query.split for entry in active}


def test_job_says_what_the_rounds_page_counts() -> None:
    """Of six pairs one is half done when the next round is drawn: it is carried over, and not drawn again."""
    project = make_project(batch_size=3, overlap=2, max_overlap=2)
    for number in range(6):
        make_pair(project, f"query {number}")
    assert drawn_words(project) == "Round 1: 3 pairs. 3 drawn of 6, 0 picked and 3 at random."
    judge(make_member(project))
    words = drawn_words(project)
    assert words == "Round 2: 4 pairs. 3 drawn of 5, 0 picked and 3 at random; 1 carried over from before."
    assert round_progress(project)[0].pairs == 4


def test_round_for_one_pair_at_a_time_keeps_to_the_limit_per_query() -> None:
    project = make_project(batch_size=20, random_share=0.1, max_per_query=1)
    pairs = [make_pair(project, f"query {number % 60}") for number in range(180)]
    predict(make_adapter(project), {pair: [0.5, 0.5, 0.0, 0.0] for pair in pairs})
    active = [entry for entry in drawn_for(project) if entry.stream == "active"]
    assert set(Counter(entry.pair.query_id for entry in active).values()) == {1}
    assert Split.HOLDOUT not in {entry.pair.query.split for entry in active}
