"""Writing predictions in bulk."""

import numpy as np
import pytest
from django.db import connection

from labeling.actions.predictions import make_partition, write_predictions
from labeling.models import Prediction
from labeling.queries.projects import labels_of
from tests.labeling.acting import make_adapter, predict
from tests.making import make_pair, make_project

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


def test_predictions_need_their_adapters_partition() -> None:
    project = make_project()
    adapter = make_adapter(project)
    pair = make_pair(project)
    labels = np.array([label.pk for label in labels_of(project)], dtype=np.int64)
    ids = np.array([pair.pk], dtype=np.int64)
    with pytest.raises(Exception, match="no partition of relation"):
        write_predictions(adapter, ids, ids, labels, np.full((1, 4), 0.25, dtype=np.float32))
