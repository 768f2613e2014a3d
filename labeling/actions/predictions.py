"""Writing an adapter's predictions, in bulk."""

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray
from psycopg import sql

from labeling.models import Adapter

COLUMNS = ("adapter_id", "pair_id", "revision_id", "label_id", "probabilities", "confidence", "margin")


def partition_of(adapter: Adapter) -> sql.Identifier:
    """Return the name of the adapter's own partition of the predictions."""
    return sql.Identifier(f"labeling_prediction_{adapter.pk}")


def make_partition(adapter: Adapter) -> None:
    """Make the adapter's own partition of the predictions, if it has none yet."""
    statement = sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF labeling_prediction FOR VALUES IN ({})").format(
        partition_of(adapter), sql.Literal(adapter.pk)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(cursor.connection))


@transaction.atomic
def write_predictions(
    adapter: Adapter,
    pair_ids: NDArray[np.int64],
    revision_ids: NDArray[np.int64],
    label_ids: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> None:
    """Replace the adapter's predictions of these pairs, through COPY.

    pair_ids and revision_ids: (n,); label_ids: (k,), the scheme's labels in order; probabilities: (n, k).
    """
    best = probabilities.argmax(axis=1)
    top = np.sort(probabilities, axis=1)[:, ::-1]
    confidence = np.clip(top[:, 0], 0, 1)
    margin = top[:, 0] - top[:, 1]
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM labeling_prediction WHERE adapter_id = %s AND pair_id = ANY(%s)",
            [adapter.pk, pair_ids.tolist()],
        )
        into = sql.SQL("COPY labeling_prediction ({}) FROM STDIN").format(
            sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        )
        with cursor.copy(into) as copy:
            for index in range(len(pair_ids)):
                copy.write_row(
                    (
                        adapter.pk,
                        int(pair_ids[index]),
                        int(revision_ids[index]),
                        int(label_ids[best[index]]),
                        probabilities[index].tolist(),
                        float(confidence[index]),
                        float(margin[index]),
                    )
                )
