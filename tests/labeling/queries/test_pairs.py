"""The pool, and what of it is labeled, touched, queued and scored."""

import pytest

from labeling.models import Job, Product, ScoringShard
from labeling.queries.pairs import (
    current_revision,
    shard_texts,
    unlabeled_pairs,
    unqueued_pairs,
    unscored_pairs,
    untouched_pairs,
)
from tests.labeling.acting import judge, make_adapter, make_members, predict
from tests.making import make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

EVEN = [0.25, 0.25, 0.25, 0.25]


def test_pool_is_told_by_how_far_people_are() -> None:
    project, other = make_project(overlap=2, max_overlap=2), make_project()
    make_pair(other)
    agreed, disputed, begun, queued, outside = pairs = [make_pair(project) for _ in range(5)]
    make_round(project, pairs[:4], stream="active")
    first, second = make_members(project, 2)
    for label in "EEE":
        judge(first, label)
    for label in "ES":
        judge(second, label)
    assert set(unlabeled_pairs(project)) == {begun, queued, outside}
    assert set(untouched_pairs(project)) == {queued, outside}
    assert set(unqueued_pairs(project)) == {outside}
    assert {agreed, disputed}.isdisjoint(unlabeled_pairs(project))
    make_round(project, [])
    assert set(unqueued_pairs(project)) == {queued, outside}


def test_shard_texts_are_what_is_left_in_its_range() -> None:
    project, other = make_project(), make_project()
    pairs = []
    for _ in range(5):
        pairs.append(make_pair(project))
        make_pair(other)
    adapter, before = make_adapter(project), make_adapter(project, champion=False)
    predict(adapter, {pairs[2]: EVEN})
    predict(before, dict.fromkeys(pairs, EVEN))
    assert set(unscored_pairs(project, adapter)) == {pairs[0], pairs[1], pairs[3], pairs[4]}
    job = Job.objects.create(project=project, kind=Job.Kind.SCORE)
    shard = ScoringShard.objects.create(job=job, number=1, pairs=3, first_pair=pairs[1].pk, last_pair=pairs[3].pk)
    assert [text.pair_id for text in shard_texts(shard, adapter)] == [pairs[1].pk, pairs[3].pk]
    (text, _) = shard_texts(shard, adapter)
    revision = pairs[1].product.revision
    assert revision is not None
    assert (text.revision_id, text.query, text.title, text.description) == (
        revision.pk,
        pairs[1].query.text,
        revision.title,
        revision.description,
    )
    assert (text.bullets, text.brand, text.colour) == (revision.bullets, revision.brand, revision.colour)
    assert shard_texts(shard, before) == []


def test_revision_of_a_product_without_text_is_an_error() -> None:
    pair = make_pair(make_project())
    assert current_revision(pair) == pair.product.revision_id
    Product.objects.filter(pk=pair.product_id).update(revision=None)
    pair.product.refresh_from_db()
    with pytest.raises(ValueError, match=f"Product {pair.product.external_id} has no text"):
        current_revision(pair)
