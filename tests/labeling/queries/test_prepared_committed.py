"""Querysets that are compiled once, run by several threads."""

from django.db.models import QuerySet

from labeling.models import Pair
from labeling.queries.prepared import Prepared
from tests.labeling.acting import at_once
from tests.making import make_pair, make_project


@Prepared
def pairs_of(project_id: int) -> QuerySet[Pair]:
    return Pair.objects.filter(project=project_id)


def test_prepared_runs_on_the_connection_of_its_thread(committed: None) -> None:
    project = make_project()
    pair = make_pair(project)
    assert at_once(*[lambda: pairs_of(project.pk)] * 4) == [[pair]] * 4
