"""Columns that the server puts together hold what Django gives row by row."""

import numpy as np
import pytest
from django.db import DataError, connections
from django.db.models import F, QuerySet, Value
from django.db.models.functions import NullIf

from labeling.models import Pair, Prediction
from labeling.queries import columns
from labeling.queries.columns import IDS, fetch_columns, in_ranges
from tests.labeling.acting import make_adapter, predict
from tests.making import make_pair, make_project

pytestmark = pytest.mark.django_db


def test_columns_are_djangos_rows_parameters_and_all() -> None:
    project, other = make_project(), make_project()
    for text in ("mug", "100 % cotton", "lamp's shade"):
        make_pair(project, query_text=text)
    make_pair(other, query_text="mug")
    rows = Pair.objects.filter(project=project, query__text__in=["100 % cotton", "lamp's shade"]).order_by("-id")
    ids, queries = fetch_columns(rows.values_list("id", "query_id"), IDS, IDS)
    assert ids.dtype == queries.dtype == np.int64
    assert list(zip(ids.tolist(), queries.tolist(), strict=True)) == list(rows.values_list("id", "query_id"))
    assert len(ids) == 2


def test_columns_are_read_on_a_debugging_site(monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project()
    pair = make_pair(project)
    monkeypatch.setattr(connections["default"], "force_debug_cursor", True)
    (ids,) = fetch_columns(Pair.objects.filter(project=project).values_list("id"), IDS)
    assert ids.tolist() == [pair.pk]


def predictions(count: int) -> QuerySet[Prediction]:
    project = make_project()
    adapter = make_adapter(project)
    said = {make_pair(project): [number / 100, 0.5, 0, 0.5 - number / 100] for number in range(count)}
    predict(adapter, said)
    return Prediction.objects.filter(adapter=adapter).order_by("pair_id")


@pytest.mark.parametrize("count", [1, 7])
def test_columns_of_reals_are_tables(count: int) -> None:
    rows = predictions(count).values_list("pair_id", "probabilities")
    ids, said = fetch_columns(rows, IDS, 4)
    assert said.dtype == np.float32
    assert said.shape == (count, 4)
    expected = list(rows)
    assert ids.tolist() == [one for one, _ in expected]
    np.testing.assert_array_equal(said, np.array([values for _, values in expected], dtype=np.float32))


def test_columns_of_nothing_are_empty() -> None:
    ids, said = fetch_columns(Prediction.objects.filter(adapter=0).values_list("pair_id", "probabilities"), IDS, 4)
    assert (ids.shape, said.shape) == ((0,), (0, 4))


def test_columns_of_another_form_are_refused() -> None:
    rows = predictions(3)
    with pytest.raises(ValueError, match=r"expected 3 arrays of 5 reals without NULL, got an array of shape \(3, 4\)"):
        fetch_columns(rows.values_list("probabilities"), 5)
    some = rows.annotate(some=NullIf(F("pair_id"), Value(rows[1].pair_id))).values_list("some")
    with pytest.raises(ValueError, match="expected 3 ids, got 2: one of them is NULL"):
        fetch_columns(some, IDS)


def test_columns_of_arrays_of_many_lengths_are_refused() -> None:
    rows = predictions(2)
    first = rows[0]
    Prediction.objects.filter(adapter=first.adapter_id, pair=first.pair_id).update(probabilities=[0.5, 0.5])
    with pytest.raises(DataError, match="cannot accumulate arrays of different dimensionality"):
        fetch_columns(rows.values_list("probabilities"), 4)


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_ranges_have_every_row_once(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "IDS_AT_ONCE", at_once)
    project = make_project()
    made = [make_pair(project).pk for _ in range(5)]
    rows = Pair.objects.filter(project=project)
    parts = [list(part.values_list("id", flat=True)) for part in in_ranges(rows, "id", made[0], made[-1])]
    assert sorted(one for part in parts for one in part) == made
    assert [list(part) for part in in_ranges(rows, "id", made[1], made[1])] == [[Pair.objects.get(pk=made[1])]]
