"""Agreement of what is stored, against numbers worked out by hand."""

import math
import uuid

import pytest
from pytest_django import DjangoAssertNumQueries

from labeling.models import Judgment, Slot
from labeling.queries.agreement import label_counts, project_agreement
from tests.labeling.acting import claim, judge, judge_all, make_members, submit, undo_last
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def test_label_counts_are_by_pair_in_the_schemes_order() -> None:
    project, other = make_project(overlap=2, max_overlap=3), make_project()
    pairs = [make_pair(project, query_text=text) for text in ("mug", "mug", "lamp")]
    make_round(project, pairs, stream="active")
    make_round(other, [make_pair(other)])
    judge(make_member(other), "C")
    judge_all(make_members(project, 3), {pairs[0]: "EEE", pairs[1]: "SCC", pairs[2]: "III"})
    found = label_counts(project)
    assert found.pair_ids.tolist() == [pair.pk for pair in pairs]
    assert found.query_ids.tolist() == [pair.query_id for pair in pairs]
    assert found.query_ids[0] == found.query_ids[1]
    assert found.counts.tolist() == [[2, 0, 0, 0], [0, 1, 2, 0], [0, 0, 0, 2]]


def test_label_counts_leave_out_withdrawn_and_repeated_judgments() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pair = make_pair(project)
    make_round(project, [pair])
    first, second = make_members(project, 2)
    stored = judge(first, "E")
    judge(second, "S")
    undo_last(project, second.user)
    submit(second, claim(second), "I")
    slot = Slot.objects.create(entry=stored.slot.entry, round=stored.slot.round, pair=pair, number=9, rank=0)
    stored.pk, stored.key, stored.slot, stored.stream = None, uuid.uuid4(), slot, "repeat"
    stored.save()
    assert Judgment.objects.filter(pair=pair).count() == 4
    assert label_counts(project).counts.tolist() == [[1, 0, 0, 1]]


def test_agreement_is_krippendorffs_alpha_of_the_judgments() -> None:
    """EE, SS, ES and one lone I: 2 of 3 units agree; alpha = 1 - 5 * 2 / (36 - 9 - 9) = 4/9."""
    project = make_project(overlap=2, max_overlap=2)
    pairs = [make_pair(project) for _ in range(4)]
    make_round(project, pairs, stream="active")
    first, second = make_members(project, 2)
    for label in "ESEI":
        judge(first, label)
    for label in "ESS":
        judge(second, label)
    found = project_agreement(project)
    assert found.raw.value == pytest.approx(2 / 3)
    assert found.alpha.value == pytest.approx(4 / 9)
    assert (found.units, found.judgments, found.raw.n) == (3, 6, 3)
    assert found.raw.low <= found.raw.value <= found.raw.high


def test_agreement_of_nothing_is_not_a_number(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = make_project()
    with django_assert_num_queries(2):
        found = project_agreement(project)
    assert math.isnan(found.raw.value)
    assert math.isnan(found.alpha.value)
    assert (found.units, found.judgments) == (0, 0)
