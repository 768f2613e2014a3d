"""What is still to be scored, and how it is cut."""

import itertools

import numpy as np
import pytest

from labeling.models import Job, Pair, Product, ProductRevision, Project, ScoringShard
from labeling.queries.scoring import Run, revisions_said, runs_of_unscored, shard_texts, tally_of, unscored_pairs
from tests.labeling.acting import make_adapter, predict
from tests.making import make_pair, make_pairs, make_project

pytestmark = pytest.mark.django_db

EVEN = [0.25, 0.25, 0.25, 0.25]
WHOLE = (0, ScoringShard.LAST_PAIR)


def shard_of(project: Project, run: Run) -> ScoringShard:
    job, _ = Job.objects.get_or_create(project=project, kind=Job.Kind.SCORE)
    ends = {
        "first_query": run.first[0],
        "first_pair": run.first[1],
        "last_query": run.last[0],
        "last_pair": run.last[1],
    }
    return ScoringShard.objects.create(job=job, number=job.shards.count() + 1, pairs=run.pairs, **ends)


def queries_of(project: Project, sizes: list[int], title: str = "A bottle") -> list[list[Pair]]:
    """Make queries with so many pairs each; another project's pairs lie between theirs."""
    other = make_project()
    made = []
    for number, size in enumerate(sizes):
        made.append([make_pair(project, f"query {number:02}", title) for _ in range(size)])
        make_pair(other)
    return made


def renew(pair: Pair, title: str = "Newer") -> ProductRevision:
    """Give a pair's product a new text."""
    revision = pair.product.revision
    assert revision is not None
    newer = ProductRevision.objects.create(product=pair.product, number=2, digest=revision.digest, title=title)
    Product.objects.filter(pk=pair.product_id).update(revision=newer)
    return newer


def test_unscored_is_what_one_of_the_adapters_has_not_said_of_the_current_text() -> None:
    project = make_project()
    both, first, second, neither, renewed = pairs = [make_pair(project) for _ in range(5)]
    one, two = make_adapter(project), make_adapter(project, champion=False)
    predict(one, dict.fromkeys((both, first, renewed), EVEN))
    predict(two, dict.fromkeys((both, second, renewed), EVEN))
    renew(renewed)
    assert set(unscored_pairs(project, one)) == {second, neither, renewed}
    assert set(unscored_pairs(project, two)) == {first, neither, renewed}
    assert set(unscored_pairs(project, one, two)) == {first, second, neither, renewed}
    Product.objects.filter(pk=neither.product_id).update(revision=None)
    assert set(unscored_pairs(project, one)) == {second, renewed}, "what has no text cannot be scored"
    ids = np.array([pair.pk for pair in pairs], dtype=np.int64)
    assert revisions_said(one, ids).tolist() == [
        pair.product.revision_id if pair in (both, first, renewed) else 0 for pair in pairs
    ]


def test_runs_keep_queries_whole_and_cover_each_pair_once() -> None:
    project = make_project()
    queries = queries_of(project, [3, 1, 4, 2, 5, 1, 2])
    adapter = make_adapter(project)
    runs = runs_of_unscored(project, [adapter], 6)
    assert sum(run.pairs for run in runs) == 18
    assert [run.pairs for run in runs] == [8, 7, 3]
    assert [(run.first[1], run.last[1]) for run in runs] == [WHOLE] * 3
    found = [[row.pair_id for row in shard_texts(shard_of(project, run), [adapter])] for run in runs]
    together = [queries[0] + queries[1] + queries[2], queries[3] + queries[4], queries[5] + queries[6]]
    assert found == [[pair.pk for pair in pairs] for pairs in together]


def test_runs_are_cut_by_the_length_of_texts_as_far_as_they_are_read() -> None:
    project = make_project()
    short, long = "x", "long " * 1000
    for number, title in enumerate([long, *[short] * 7]):
        make_pair(project, f"query {number}", title)
    adapter = make_adapter(project)
    for reads, expected in ((20, [4, 4]), (1000, [1, 7])):
        adapter.manifest = {"spec": {"max_length": reads}}
        assert [run.pairs for run in runs_of_unscored(project, [adapter], 4)] == expected


def test_query_that_costs_more_than_a_run_is_cut_into_runs_of_its_own() -> None:
    project = make_project()
    queries = queries_of(project, [1, 10, 1, 2])
    adapter = make_adapter(project)
    runs = runs_of_unscored(project, [adapter], 4)
    large = queries[1][0].query_id
    assert [run.pairs for run in runs] == [1, 4, 3, 3, 3]
    assert [run.first[0] == large == run.last[0] for run in runs] == [False, True, True, True, False]
    shards = [shard_of(project, run) for run in runs]
    late = make_pair(project, "query 01", "Came after the plan")
    assert late.query_id == large
    found = [[row.pair_id for row in shard_texts(shard, [adapter])] for shard in shards]
    expected = [pair.pk for pair in itertools.chain(*queries[:2], [late], *queries[2:])]
    assert list(itertools.chain(*found)) == expected
    assert len(found[3]) == 4, "what comes later is in the last run of its query"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 50])
def test_runs_of_any_size_have_each_pair_once(size: int) -> None:
    project = make_project()
    random = np.random.default_rng(size)
    sizes = random.integers(1, 9, 12).tolist()
    queries = queries_of(project, sizes)
    adapter = make_adapter(project)
    runs = runs_of_unscored(project, [adapter], size)
    found = [[row.pair_id for row in shard_texts(shard_of(project, run), [adapter])] for run in runs]
    assert [len(pairs) for pairs in found] == [run.pairs for run in runs]
    assert list(itertools.chain(*found)) == [pair.pk for pair in itertools.chain(*queries)]
    assert max(map(len, found)) <= size + max(min(one, size) for one in sizes)


def test_runs_of_a_scored_pool_are_none() -> None:
    project = make_project()
    adapter = make_adapter(project)
    assert runs_of_unscored(project, [adapter], 10) == []
    predict(adapter, {make_pair(project): EVEN})
    assert runs_of_unscored(project, [adapter], 10) == []


def test_shard_texts_are_the_pairs_current_ones() -> None:
    project = make_project()
    pair = make_pair(project)
    adapter = make_adapter(project)
    (run,) = runs_of_unscored(project, [adapter], 10)
    (text,) = shard_texts(shard_of(project, run), [adapter])
    revision = pair.product.revision
    assert revision is not None
    assert (text.pair_id, text.revision_id, text.query, text.title, text.description) == (
        pair.pk,
        revision.pk,
        pair.query.text,
        revision.title,
        revision.description,
    )
    assert (text.bullets, text.brand, text.colour) == (revision.bullets, revision.brand, revision.colour)


def test_tally_counts_what_shards_say() -> None:
    project = make_project()
    make_pairs(project, 4, per_query=1)
    adapter = make_adapter(project)
    shards = [shard_of(project, run) for run in runs_of_unscored(project, [adapter], 1)]
    job = shards[0].job
    for shard, worker, seconds in ((shards[0], "a", 2.0), (shards[1], "b", 3.0), (shards[2], "a", 1.5)):
        found = ScoringShard.objects.filter(pk=shard.pk)
        found.update(worker=worker, seconds=seconds, scored=1, predictions=2, finished_at=job.created_at)
    ScoringShard.objects.filter(pk=shards[3].pk).update(worker="c")
    tally = tally_of(job)
    assert (tally.shards, tally.pairs, tally.predictions, tally.seconds, tally.workers, tally.left) == (
        *(4, 3, 6, 6.5, 2, 1),
    )
