"""Querysets that are compiled once."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeling.models import Pair, Query, Slot
from labeling.queries.prepared import Prepared
from tests.making import make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


@Prepared
def pairs_of(project_id: int, text: str) -> QuerySet[Pair]:
    """The project's pairs of a query."""
    return Pair.objects.select_related("query").filter(project=project_id, query__text=text).order_by("pk")


@Prepared
def texts_of(project_id: int) -> QuerySet[Query, Any]:
    return Query.objects.filter(project=project_id).order_by("pk").values_list("text", "locale")


def test_prepared_gives_each_call_its_own_rows() -> None:
    first, second = make_project(), make_project()
    shoes, more = make_pair(first, "shoes"), make_pair(first, "shoes")
    hats = make_pair(second, "hats")
    assert pairs_of(first.pk, "shoes") == [shoes, more]
    assert pairs_of(second.pk, "hats") == [hats]
    assert pairs_of(second.pk, "shoes") == []
    assert pairs_of.first(first.pk, "shoes") == shoes
    assert pairs_of.first(second.pk, "shoes") is None


def test_prepared_fetches_what_it_selects_in_one_query() -> None:
    project = make_project()
    make_pair(project, "it's 100 % \\ \" $1 %s")
    with CaptureQueriesContext(connection) as asked:
        (pair,) = pairs_of(project.pk, "it's 100 % \\ \" $1 %s")
        assert pair.query.text == "it's 100 % \\ \" $1 %s"
    assert len(asked) == 1


def test_prepared_gives_plain_rows_too() -> None:
    project = make_project()
    make_pair(project, "gorra", locale="es")
    assert texts_of(project.pk) == [("gorra", "es")]


def test_prepared_takes_times_and_uuids() -> None:
    @Prepared
    def free(key: uuid.UUID, before: dt.datetime) -> QuerySet[Slot]:
        return Slot.objects.filter(key=key, round__opened_at__lt=before)

    project = make_project(overlap=1)
    make_round(project, [make_pair(project), make_pair(project)])
    slot, other = Slot.objects.filter(round__project=project)
    assert free(slot.key, timezone.now()) == [slot]
    assert free(other.key, timezone.now()) == [other]
    assert free(other.key, other.round.opened_at) == []


def test_prepared_is_compiled_once() -> None:
    built = []

    @Prepared
    def known(pair_id: int) -> QuerySet[Pair]:
        built.append(pair_id)
        return Pair.objects.filter(pk=pair_id)

    pair = make_pair(make_project())
    assert known(pair.pk) == known(pair.pk) == [pair]
    assert len(built) == 1


def test_prepared_refuses_what_the_query_does_not_take() -> None:
    @Prepared
    def all_of(project_id: int, unused: int) -> QuerySet[Pair]:
        return Pair.objects.filter(project=project_id)

    with pytest.raises(TypeError, match="argument 1 is no parameter"):
        all_of(1, 2)
    with pytest.raises(TypeError, match="cannot be an argument"):
        all_of(True, 2)
