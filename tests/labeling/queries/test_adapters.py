"""Adapters and their measures."""

import math

import pytest

from labeling.queries.adapters import adapters_of, measured
from modeling.estimates import Estimate
from tests.labeling.acting import make_adapter, measures
from tests.making import make_project


@pytest.mark.django_db
def test_adapters_are_the_projects_the_newest_first() -> None:
    project = make_project()
    first, second = make_adapter(project), make_adapter(project)
    make_adapter(make_project())
    assert list(adapters_of(project)) == [second, first]


def test_measure_has_its_interval() -> None:
    assert measured({"holdout": measures()}, "accuracy") == Estimate(0.7, 0.6, 0.8, 100)


@pytest.mark.parametrize("manifest", [{}, {"holdout": None}, {"holdout": {}}, {"holdout": measures(accuracy=None)}])
def test_measure_that_is_undefined_is_none(manifest: dict[str, object]) -> None:
    assert measured(manifest, "accuracy") is None


def test_measure_of_an_older_winnow_is_a_number_alone() -> None:
    found = measured({"holdout": measures() | {"ece": 0.04}}, "ece")
    assert found is not None
    assert (found.value, found.n, math.isnan(found.low)) == (0.04, 100, True)


def test_measure_without_an_interval_has_no_bounds() -> None:
    found = measured({"holdout": {"alpha": {"value": 0.4, "low": None, "high": None, "n": 3}}}, "alpha")
    assert found is not None
    assert found.value == 0.4
    assert math.isnan(found.low)
    assert math.isnan(found.high)
