"""Writing an adapter's predictions, in bulk."""

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray
from psycopg import sql

from labeling.exchange.copy_stream import HEADER, TRAILER
from labeling.exchange.prediction_stream import COLUMNS, prediction_rows
from labeling.models import Adapter


def partition_of(adapter: Adapter) -> sql.Identifier:
    """Return the name of the adapter's own partition of the predictions."""
    return sql.Identifier(f"labeling_prediction_{adapter.pk}")


@transaction.atomic
def make_partition(adapter: Adapter) -> None:
    """Make the adapter's own partition of the predictions, if it has none yet. ValueError where it was pruned.

    It is made as a table of its own and then attached: whoever reads or writes predictions goes on meanwhile, which
    CREATE TABLE ... PARTITION OF would not let them.
    """
    locked = Adapter.objects.select_for_update(no_key=True).get(pk=adapter.pk)
    if locked.pruned_at is not None:
        raise ValueError(f"{adapter.name} was pruned, and its files are gone: score with another adapter.")
    name = partition_of(adapter)
    make = sql.SQL("CREATE TABLE {} (LIKE labeling_prediction INCLUDING ALL)").format(name)
    attach = sql.SQL("ALTER TABLE labeling_prediction ATTACH PARTITION {} FOR VALUES IN ({})").format(
        name, sql.Literal(adapter.pk)
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NULL", [f"labeling_prediction_{adapter.pk}"])
        if cursor.fetchone() == (True,):
            cursor.execute(make.as_string(cursor.connection))
            cursor.execute(attach.as_string(cursor.connection))


@transaction.atomic(savepoint=False)
def write_predictions(
    adapter: Adapter,
    pair_ids: NDArray[np.int64],
    revision_ids: NDArray[np.int64],
    label_ids: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    replaced: NDArray[np.int64] | None = None,
) -> None:
    """Replace the adapter's predictions of these pairs, through COPY into its own partition, which must be there.

    pair_ids and revision_ids: (n,); label_ids: (k,), the scheme's labels in order; probabilities: (n, k).
    `replaced`, (m,), are those of the pairs that have a prediction of this adapter already; all may have where it is
    not given, and looking for them costs about as much again.
    """
    partition = partition_of(adapter)
    old = pair_ids if replaced is None else replaced
    rows = prediction_rows(adapter.pk, pair_ids, revision_ids, label_ids, probabilities)
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    with connection.cursor() as cursor:
        if len(old):
            delete = sql.SQL("DELETE FROM {} WHERE pair_id = ANY(%s)").format(partition)
            cursor.execute(delete.as_string(cursor.connection), [old.tolist()])
        into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(partition, columns)
        with connection.wrap_database_errors, cursor.copy(into) as copy:
            copy.write(HEADER)
            for block in rows:
                copy.write(block)
            copy.write(TRAILER)


def gather_statistics(adapter: Adapter) -> None:
    """Let PostgreSQL look at the adapter's predictions, so that it plans the reading of them rightly at once."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE (SKIP_LOCKED) {}").format(partition_of(adapter)).as_string(cursor.connection))
