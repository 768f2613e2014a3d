"""The pool, and what of it is labeled, touched, queued and scored."""

import pytest

from labeling.models import Product
from labeling.queries.pairs import (
    current_revision,
    unlabeled_pairs,
    unqueued_pairs,
    untouched_pairs,
)
from tests.labeling.acting import judge, make_members
from tests.making import make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


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


def test_revision_of_a_product_without_text_is_an_error() -> None:
    pair = make_pair(make_project())
    assert current_revision(pair) == pair.product.revision_id
    Product.objects.filter(pk=pair.product_id).update(revision=None)
    pair.product.refresh_from_db()
    with pytest.raises(ValueError, match=f"Product {pair.product.external_id} has no text"):
        current_revision(pair)
