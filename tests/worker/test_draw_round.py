"""What a round is drawn of, for each kind of desk. The task's own function, without a worker."""

from collections import Counter

import pytest
from django.utils import timezone

from labeling.actions.rounds import Drawn, open_round
from labeling.models import Job, Project, QueueEntry, Split
from labeling.queries.queue import open_round_of
from labeling.queries.rounds import round_progress
from tests.labeling.acting import judge, judge_all, make_adapter, make_members, predict
from tests.making import make_member, make_pair, make_pairs, make_project
from worker.selection import draw_round

pytestmark = pytest.mark.django_db


def drawn_words(project: Project) -> str:
    job = Job.objects.create(project=project, kind=Job.Kind.SELECT)
    words = draw_round(job)
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, finished_at=timezone.now())
    return words


def drawn_for(project: Project, **params: str) -> list[QueueEntry]:
    said = draw_round(Job.objects.create(project=project, kind=Job.Kind.SELECT, params=params))
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
    project = make_project(batch_size=3, overlap=2, max_overlap=2, strategy="margin")  # which lacks a judge
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


def test_round_keeps_why_each_pair_was_chosen_and_what_was_said_of_the_pool() -> None:
    project = make_project(batch_size=20, random_share=0.5, max_per_query=9, strategy="margin", titles_apart=False)
    pairs = make_pairs(project, 100)
    sure = {pair: [0.7, 0.1, 0.1, 0.1] for pair in pairs[::2]}
    predict(make_adapter(project), sure | {pair: [0.4, 0.35, 0.15, 0.1] for pair in pairs[1::2]})
    entries = drawn_for(project)
    opened = open_round_of(project)
    assert opened is not None
    assert opened.predicted["probabilities"] == pytest.approx([0.55, 0.225, 0.125, 0.1])
    assert opened.predicted["confidence"] == pytest.approx(0.55)
    assert (opened.strategy, opened.rules["mix"], opened.rules["random_share"]) == ("margin", {"margin": 1.0}, 0.5)
    assert opened.last_pair == max(pair.pk for pair in pairs)
    for entry in entries:
        assert entry.probabilities == pytest.approx(
            [0.7, 0.1, 0.1, 0.1] if entry.pair in sure else [0.4, 0.35, 0.15, 0.1]
        )
    active = [entry for entry in entries if entry.stream == "active"]
    assert {entry.reason["strategy"] for entry in active} == {"margin"}
    assert {entry.reason["words"] % entry.reason["values"] for entry in active} == {"E 0.40 against S 0.35"}
    at_random = next(entry for entry in entries if entry.stream == "random")
    assert at_random.reason["words"] % at_random.reason["values"] == "at random, with a chance of 0.1"


def test_first_round_is_half_random_and_half_typical() -> None:
    project = make_project(batch_size=30, random_share=0.5, titles_apart=False)
    for number in range(120):
        make_pair(project, f"query {number % 30}", f"{'Garden hose' if number % 2 else 'Desk lamp'} number {number}")
    entries = drawn_for(project)
    assert Counter(entry.stream for entry in entries) == {"random": 15, "active": 15}
    assert {entry.reason["strategy"] for entry in entries if entry.stream == "active"} == {"typical"}
    assert {entry.probabilities for entry in entries} == {None}


def test_strategy_of_a_job_overrides_the_projects() -> None:
    project = make_project(batch_size=10, random_share=0.5, titles_apart=False)
    predict(make_adapter(project), {pair: [0.4, 0.3, 0.2, 0.1] for pair in make_pairs(project, 60)})
    active = [entry for entry in drawn_for(project, strategy="entropy") if entry.stream == "active"]
    opened = open_round_of(project)
    assert opened is not None
    assert opened.strategy == "entropy"
    assert {entry.reason["strategy"] for entry in active} == {"entropy"}


def test_strategy_that_lacks_what_it_needs_leaves_all_to_chance() -> None:
    project = make_project(batch_size=10, random_share=0.5, strategy="margin")
    make_pairs(project, 40)
    entries = drawn_for(project)
    opened = open_round_of(project)
    assert opened is not None
    assert opened.strategy == "uniform"
    assert {entry.stream for entry in entries} == {"random"}


def test_pairs_like_those_on_which_people_part_are_left_alone() -> None:
    project = make_project(batch_size=20, random_share=0.1, max_per_query=9, strategy="margin", titles_apart=False)
    pairs = make_pairs(project, 300)
    adapter = make_adapter(project)
    # E against S looks as unsure as C against I; people part on the first kind only.
    said = {pair: [0.45, 0.4, 0.1, 0.05] if number % 2 else [0.05, 0.1, 0.4, 0.45] for number, pair in enumerate(pairs)}
    predict(adapter, said)
    judged = {pair: ("ES" if number % 2 else "II") for number, pair in enumerate(pairs[:80])}
    entries = [Drawn(pair.pk, "random", 0.5, None, probabilities=said[pair]) for pair in judged]
    open_round(project, entries, strategy="uniform", seed=1, pool_size=300, adapter=adapter)
    judge_all(make_members(project, 2), judged)
    active = [entry for entry in drawn_for(project) if entry.reason.get("strategy") == "margin"]
    assert len(active) == 18
    assert all(entry.probabilities == pytest.approx([0.05, 0.1, 0.4, 0.45]) for entry in active)


def test_near_equal_titles_are_kept_apart_where_the_project_says_so() -> None:
    counts = []
    for apart in (True, False):
        project = make_project(batch_size=10, random_share=0.1, strategy="margin", titles_apart=apart)
        pairs = [
            make_pair(project, f"query {number}", "Logitech M185 Compact Wireless Mouse, Grey") for number in range(40)
        ]
        predict(make_adapter(project), {pair: [0.4, 0.4, 0.1, 0.1] for pair in pairs})
        counts.append(sum(entry.stream == "active" for entry in drawn_for(project)))
    assert counts[0] <= 1
    assert counts[1] == 9
