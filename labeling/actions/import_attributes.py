"""The attributes of an import: what the examples file says of its pairs in further columns."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from numpy.typing import NDArray

from labeling.actions.bulk import copy_into, stage, without_indexes
from labeling.actions.import_pairs import Written
from labeling.exchange.esci_pool import Pool
from labeling.models import PairAttribute

TABLE = PairAttribute._meta.db_table
ADD_OR_CHANGE = """
    WITH written AS (
        INSERT INTO labeling_pairattribute AS stored (pair_id, name, value)
        SELECT pair_id, name, value FROM staged
        ON CONFLICT (pair_id, name) DO UPDATE SET value = excluded.value WHERE stored.value <> excluded.value
        RETURNING xmax = 0 AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
"""


def write_attributes(pool: Pool, pairs: Written, said: Mapping[str, pa.Array]) -> tuple[int, int]:
    """Write the attributes of the pairs, and change those that were otherwise before; an empty text says nothing.

    `said` has the text of each row of the file by the attribute's name. Where rows repeat a pair, the row that the pool
    has kept speaks. Return how many are new and how many have changed.
    """
    if not said:
        return 0, 0
    batches = [_rows(pool, pairs, name, texts) for name, texts in said.items()]
    new, changed = 0, 0
    with without_indexes(TABLE):
        for is_new, rows in batches:
            copy_into(TABLE, rows.filter(pa.array(is_new)))
            new += int(is_new.sum())
    for is_new, rows in batches:
        if not is_new.all():
            stage(rows.filter(pa.array(~is_new)))
            with connection.cursor() as cursor:
                cursor.execute(ADD_OR_CHANGE)
                added, other = cursor.fetchone()
            new, changed = new + added, changed + other
    return new, changed


def _rows(pool: Pool, pairs: Written, name: str, texts: pa.Array) -> tuple[NDArray[np.bool_], pa.RecordBatch]:
    """Return the rows of one attribute, and which of them are of pairs that are new."""
    values = texts.take(pa.array(pool.row)).cast(pa.large_string())
    given = np.asarray(pc.not_equal(values, "").to_numpy(zero_copy_only=False))
    columns = {
        "pair_id": pairs.ids[given],
        "name": pa.repeat(pa.scalar(name, pa.large_string()), int(given.sum())),
        "value": values.filter(pa.array(given)),
    }
    return pairs.is_new[given], pa.record_batch(columns)
