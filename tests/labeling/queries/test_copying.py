"""Rows that come by COPY are those that Django gives."""

import pytest
from django.db.models import F

from labeling.exchange.row_stream import BIGINT
from labeling.models import Pair
from labeling.queries.copying import copy_rows
from tests.making import make_pair, make_project

pytestmark = pytest.mark.django_db


def test_copied_rows_are_djangos_parameters_and_all() -> None:
    project, other = make_project(), make_project()
    for text in ("mug", "100 % cotton", "lamp's shade"):
        make_pair(project, query_text=text)
    make_pair(other, query_text="mug")
    rows = Pair.objects.filter(project=project, query__text__in=["100 % cotton", "lamp's shade"])
    values = rows.order_by("-id").values_list("id", "query_id")
    blocks = list(copy_rows(values, {"id": BIGINT, "query": BIGINT}))
    found = [(int(row["id"]), int(row["query"])) for block in blocks for row in block]
    assert found == list(values)
    assert len(found) == 2


def test_copied_rows_of_nothing_are_none() -> None:
    values = Pair.objects.filter(project=make_project()).values_list("id")
    assert list(copy_rows(values, {"id": BIGINT})) == []


def test_copied_rows_of_another_form_are_refused() -> None:
    make_pair(make_project())
    values = Pair.objects.annotate(text=F("query__text")).values_list("id", "text")
    with pytest.raises(ValueError, match=r"the columns {'id': 0, 'text': 0}"):
        list(copy_rows(values, {"id": BIGINT, "text": BIGINT}))
