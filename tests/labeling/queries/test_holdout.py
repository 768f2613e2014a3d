"""What adapters said of the holdout, and people together."""

import numpy as np
import pytest

from labeling.queries.holdout import compare_adapters, holdout_slices, people_counts, said_by, was_measured_beside
from tests.labeling.acting import judge_all, make_adapter, make_members, undo_last
from tests.labeling.measured import measure
from tests.making import make_pair, make_pairs, make_project, make_round

pytestmark = pytest.mark.django_db


def test_said_is_by_pair_in_the_schemes_order_of_labels() -> None:
    project = make_project()
    pairs = make_pairs(project, 3, per_query=2)
    adapter, other = make_adapter(project), make_adapter(project)
    measure(adapter, pairs[::-1], ["IC", "SE", "EE"])
    measure(other, pairs[:1], ["EI"])
    said = said_by(adapter)
    assert said.pairs.tolist() == [pair.pk for pair in pairs]
    assert said.queries.tolist() == [pair.query_id for pair in pairs]
    assert (said.truth.tolist(), said.judged.tolist()) == ([0, 1, 3], [0, 0, 2])
    assert len(said_by(make_adapter(project))) == 0


def test_adapters_are_compared_on_the_pairs_that_both_were_measured_on() -> None:
    project = make_project()
    pairs = make_pairs(project, 6, per_query=2)
    first, second, third = (make_adapter(project) for _ in range(3))
    measure(first, pairs[:5], ["EE", "EE", "EE", "ES", "EE"])
    measure(second, pairs[1:], ["ES", "EE", "EE", "ES", "EE"])
    found = compare_adapters(first, second)
    assert found is not None
    assert (found.difference.n, found.queries, found.only_first, found.only_second) == (4, 3, 2, 1)
    assert found.difference.value == 0.25
    assert compare_adapters(first, third) is None
    assert not was_measured_beside(first, second)
    measure(second, pairs[:1], ["EE"])
    assert was_measured_beside(first, second)
    assert not was_measured_beside(third, second)


def test_people_are_counted_without_what_was_taken_back() -> None:
    project = make_project(overlap=3, max_overlap=3)
    pairs = [make_pair(project) for _ in range(2)]
    make_round(project, pairs)
    members = make_members(project, 3)
    judge_all(members, {pairs[0]: "EES", pairs[1]: "I"})
    undo_last(project, members[2].user)
    ids = np.array([pair.pk for pair in (*pairs, make_pair(project))])
    assert people_counts(project, ids).tolist() == [[2, 1, 0, 0], [0, 0, 0, 2], [0, 0, 0, 0]]


def test_holdout_slices_are_those_that_tell_pairs_apart() -> None:
    project = make_project(overlap=1)
    pairs = [make_pair(project, text, locale=locale) for text, locale in (("lamp", "us"), ("red lamp", "jp"))]
    make_round(project, pairs)
    judge_all(make_members(project, 1), dict.fromkeys(pairs, "E"))
    adapter = make_adapter(project)
    measure(adapter, pairs, ["EE", "ES"])
    found = holdout_slices(project, said_by(adapter))
    assert {name: [one.values[code] for code in one.codes] for name, one in found.items()} == {
        "locale": ["us", "jp"],
        "length": ["1", "2-3"],
    }
