"""Writing predictions in bulk."""

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from labeling.actions.predictions import make_partition, write_predictions
from labeling.exchange import prediction_stream
from labeling.models import Adapter, Prediction
from labeling.queries.projects import labels_of
from tests.labeling.acting import make_adapter, predict
from tests.making import make_pair, make_pairs, make_project

pytestmark = pytest.mark.django_db


def test_predictions_are_stored_with_label_confidence_and_margin() -> None:
    project = make_project()
    adapter = make_adapter(project)
    first, second = make_pair(project), make_pair(project)
    predict(adapter, {first: [0.1, 0.6, 0.05, 0.25], second: [0.25, 0.25, 0.25, 0.25]})
    stored = Prediction.objects.get(adapter=adapter, pair=first)
    assert stored.label.key == "S"
    assert stored.probabilities == pytest.approx([0.1, 0.6, 0.05, 0.25], abs=1e-6)
    assert [stored.confidence, stored.margin] == pytest.approx([0.6, 0.35])
    assert stored.revision == first.product.revision
    even = Prediction.objects.get(adapter=adapter, pair=second)
    assert (even.label.key, even.confidence, even.margin) == ("E", 0.25, 0.0)


def test_predictions_written_again_replace_those_pairs_of_that_adapter_only() -> None:
    project = make_project()
    old, new = make_adapter(project), make_adapter(project)
    first, second = make_pair(project), make_pair(project)
    predict(old, {first: [0.7, 0.1, 0.1, 0.1], second: [0.7, 0.1, 0.1, 0.1]})
    predict(new, {first: [0.1, 0.7, 0.1, 0.1], second: [0.1, 0.7, 0.1, 0.1]})
    predict(new, {second: [0.1, 0.1, 0.1, 0.7]})
    said = Prediction.objects.filter(pair__project=project).values_list("adapter_id", "pair_id", "label__key")
    assert set(said) == {
        (old.pk, first.pk, "E"),
        (old.pk, second.pk, "E"),
        (new.pk, first.pk, "S"),
        (new.pk, second.pk, "I"),
    }


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_predictions_in_blocks_are_each_pairs_own(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_stream, "ROWS_AT_ONCE", rows)
    project = make_project()
    adapter = make_adapter(project)
    random = np.random.default_rng(3)
    said = {pair: random.dirichlet(np.ones(4)).tolist() for pair in make_pairs(project, 7)}
    predict(adapter, said)
    stored = {row.pair_id: row for row in Prediction.objects.filter(adapter=adapter)}
    assert len(stored) == 7
    for pair, probabilities in said.items():
        row = stored[pair.pk]
        best, second = sorted(probabilities, reverse=True)[:2]
        assert row.probabilities == pytest.approx(probabilities, abs=1e-6)
        assert [row.confidence, row.margin] == pytest.approx([best, best - second], abs=1e-6)
        assert row.label.key == "ESCI"[probabilities.index(best)]
        assert row.revision_id == pair.product.revision_id


def test_predictions_that_are_no_probabilities_are_refused() -> None:
    project = make_project()
    adapter = make_adapter(project)
    with pytest.raises(IntegrityError, match="prediction_confidence_is_probability"), transaction.atomic():
        predict(adapter, {make_pair(project): [float("nan"), 0.1, 0.1, 0.1]})


def test_predictions_replace_only_what_is_said_to_be_there() -> None:
    project = make_project()
    adapter = make_adapter(project)
    first, second = make_pair(project), make_pair(project)
    predict(adapter, {first: [0.7, 0.1, 0.1, 0.1]})
    labels = np.array([label.pk for label in labels_of(project)], dtype=np.int64)
    ids, revisions = (
        np.array([first.pk, second.pk], dtype=np.int64),
        np.array([pair.product.revision_id for pair in (first, second)], dtype=np.int64),
    )
    again = np.array([[0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1]], dtype=np.float32)
    nothing = np.empty(0, dtype=np.int64)
    with pytest.raises(IntegrityError, match=r"labeling_prediction_\d+_pkey"), transaction.atomic():
        write_predictions(adapter, ids, revisions, labels, again, replaced=nothing)
    write_predictions(adapter, ids, revisions, labels, again, replaced=ids[:1])
    said = Prediction.objects.filter(adapter=adapter).order_by("pair").values_list("pair", "label__key")
    assert list(said) == [(first.pk, "S"), (second.pk, "C")]


def test_predictions_of_nothing_are_written() -> None:
    project = make_project()
    adapter = make_adapter(project)
    make_partition(adapter)
    none = np.empty(0, dtype=np.int64)
    labels = np.array([label.pk for label in labels_of(project)], dtype=np.int64)
    write_predictions(adapter, none, none, labels, np.empty((0, 4), dtype=np.float32))
    assert not Prediction.objects.filter(adapter=adapter).exists()


def test_partition_is_the_adapters_own_and_made_once() -> None:
    adapter = make_adapter(make_project())
    make_partition(adapter)
    make_partition(adapter)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'labeling_prediction'::regclass "
            "AND inhrelid = to_regclass(%s)",
            [f"labeling_prediction_{adapter.pk}"],
        )
        assert cursor.fetchone() == (1,)


def test_partition_of_a_pruned_adapter_is_not_made() -> None:
    adapter = make_adapter(make_project(), champion=False)
    Adapter.objects.filter(pk=adapter.pk).update(pruned_at=timezone.now())
    with pytest.raises(ValueError, match="A-1 was pruned"):
        make_partition(adapter)


def test_adapter_with_a_partition_cannot_be_deleted() -> None:
    adapter = make_adapter(make_project(), champion=False)
    make_partition(adapter)
    with (
        pytest.raises(IntegrityError, match="adapter_with_predictions_stays"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM labeling_adapter WHERE id = %s", [adapter.pk])


def test_predictions_need_their_adapters_partition() -> None:
    project = make_project()
    adapter = make_adapter(project)
    pair = make_pair(project)
    labels = np.array([label.pk for label in labels_of(project)], dtype=np.int64)
    ids = np.array([pair.pk], dtype=np.int64)
    with pytest.raises(Exception, match=f"labeling_prediction_{adapter.pk}"):
        write_predictions(adapter, ids, ids, labels, np.full((1, 4), 0.25, dtype=np.float32))
