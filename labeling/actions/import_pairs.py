"""The queries, pairs and labels of an import. Arrays go by the pool's numbers of queries and pairs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.db import connection, transaction
from numpy.typing import NDArray

from labeling.actions.bulk import copy_into, reserve_ids, stage, without_indexes
from labeling.exchange.esci_pool import LABEL_KEYS, UNLABELED, Pool
from labeling.exchange.problem import ImportProblem
from labeling.models import ImportedCount, ImportedLabel, ImportSource, Pair, Project, Query, Split
from labeling.queries.arrays import fetch_arrays
from labeling.queries.class_shares import count_chosen
from labeling.queries.training_set import chosen_labels

STORED_QUERIES = """
    SELECT string_agg(int8send(place), ''), string_agg(int8send(query.id), '')
    FROM staged JOIN labeling_query query ON query.project_id = %s AND query.digest = staged.digest
"""
STORED_PAIRS = """
    SELECT string_agg(int8send(place), ''), string_agg(int8send(pair.id), '')
    FROM staged JOIN labeling_pair pair ON pair.query_id = staged.query_id AND pair.product_id = staged.product_id
"""
STORED_LABELS = """
    SELECT string_agg(int8send(place), ''), string_agg(int8send(imported.label_id), '')
    FROM staged JOIN labeling_importedlabel imported ON imported.pair_id = staged.pair_id AND imported.source_id = %s
"""
CHANGE_LABELS = """
    UPDATE labeling_importedlabel SET label_id = staged.label_id
    FROM staged WHERE labeling_importedlabel.pair_id = staged.pair_id AND labeling_importedlabel.source_id = %s
"""


@dataclass(frozen=True, slots=True)
class Written:
    """Ids, (n,), and which of them are new."""

    ids: NDArray[np.int64]
    is_new: NDArray[np.bool_]


def write_queries(project: Project, pool: Pool) -> Written:
    """Write the queries that the project has not, each with the split that its digest gives."""
    count = len(pool.queries)
    ids = np.zeros(count, np.int64)
    if Query.objects.filter(project=project).exists():
        stage(pa.record_batch({"place": np.arange(count), "digest": pool.queries["digest"]}))
        places, known = fetch_arrays(STORED_QUERIES, [project.pk])
        ids[places] = known
    is_new = ids == 0
    ids[is_new] = reserve_ids(Query._meta.db_table, int(is_new.sum()))
    added = pool.queries.filter(pa.array(is_new))
    columns = {name: added[name] for name in added.schema.names}
    columns |= {
        "id": ids[is_new],
        "project_id": np.full(len(added), project.pk),
        "split": _splits(project, added["digest"]),
    }
    copy_into(Query._meta.db_table, pa.record_batch(columns))
    return Written(ids, is_new)


def _splits(project: Project, digests: pa.Array) -> pa.Array:
    """Return each query's split, as labeling.models.query.split_of does for one."""
    first_bits = np.frombuffer(b"".join(digests.to_pylist()), ">u4").reshape(-1, 4)[:, 0]
    ends = [project.holdout_percent, project.holdout_percent + project.calibration_percent]
    names = pa.array([Split.HOLDOUT.value, Split.CALIBRATION.value, Split.TRAIN.value], pa.large_string())
    return names.take(pa.array(np.searchsorted(ends, first_bits % 100, side="right")))


def write_pairs(project: Project, pool: Pool, queries: Written, products: Written) -> Written:
    """Write the pairs that the project has not. `products` goes by the pool's product numbers."""
    count = len(pool.row)
    query_ids, product_ids = queries.ids[pool.query], products.ids[pool.product]
    ids = np.zeros(count, np.int64)
    # A pair can only be stored already if both of its sides are.
    maybe = np.flatnonzero(~(queries.is_new[pool.query] | products.is_new[pool.product]))
    if len(maybe):
        stage(pa.record_batch({"place": maybe, "query_id": query_ids[maybe], "product_id": product_ids[maybe]}))
        places, known = fetch_arrays(STORED_PAIRS)
        ids[places] = known
    is_new = ids == 0
    ids[is_new] = reserve_ids(Pair._meta.db_table, int(is_new.sum()))
    columns = {
        "id": ids[is_new],
        "project_id": np.full(int(is_new.sum()), project.pk),
        "query_id": query_ids[is_new],
        "product_id": product_ids[is_new],
        "external_id": pool.example_id.filter(pa.array(is_new)),
    }
    with without_indexes(Pair._meta.db_table):
        copy_into(Pair._meta.db_table, pa.record_batch(columns))
    return Written(ids, is_new)


def label_ids(project: Project, pool: Pool, examples_path: Path) -> NDArray[np.int64]:
    """Return the id of each pair's label, and 0 where it has none.

    Raises ImportProblem for a label that the project's scheme has not.
    """
    known = dict(project.scheme.labels.values_list("key", "id"))
    by_number = np.array([known.get(key, 0) for key in LABEL_KEYS], np.int64)
    ids = np.where(pool.label == UNLABELED, 0, by_number[pool.label])
    wrong = (ids == 0) & (pool.label != UNLABELED)
    if wrong.any():
        at = np.where(wrong, pool.row, pool.row.max() + 1).argmin()
        expected = f"a label of the project's scheme: {', '.join(known)}"
        value = repr(LABEL_KEYS[pool.label[at]])
        raise ImportProblem(examples_path, expected, row=int(pool.row[at]) + 1, column="esci_label", value=value)
    return ids


def write_labels(project: Project, pairs: Written, labels: NDArray[np.int64], origin: str) -> tuple[int, int]:
    """Write the labels that came along, and change those that the same file gave otherwise before.

    Return how many are new and how many have changed.
    """
    longest = ImportSource._meta.get_field("name").max_length
    source, _ = ImportSource.objects.get_or_create(project=project, name=origin[:longest])
    stored = np.zeros(len(labels), np.int64)
    maybe = np.flatnonzero(~pairs.is_new & (labels != 0))
    if len(maybe):
        stage(pa.record_batch({"place": maybe, "pair_id": pairs.ids[maybe]}))
        places, known = fetch_arrays(STORED_LABELS, [source.pk])
        stored[places] = known
    new = (labels != 0) & (stored == 0)
    columns = {
        "pair_id": pairs.ids[new],
        "source_id": np.full(int(new.sum()), source.pk),
        "label_id": labels[new],
    }
    with without_indexes(ImportedLabel._meta.db_table):
        copy_into(ImportedLabel._meta.db_table, pa.record_batch(columns))
    changed = (labels != 0) & (stored != 0) & (labels != stored)
    if changed.any():
        stage(pa.record_batch({"pair_id": pairs.ids[changed], "label_id": labels[changed]}))
        with connection.cursor() as cursor:
            cursor.execute(CHANGE_LABELS, [source.pk])
    return int(new.sum()), int(changed.sum())


def count_labels(project: Project, pool: Pool, queries: Written, labels: NDArray[np.int64]) -> None:
    """Bring ImportedCount up to date after an import that brought or changed labels.

    The first import has all the counts there are at hand; after any other the database counts them anew.
    """
    if not queries.is_new.all() or ImportedCount.objects.filter(project=project).exists():
        recount(project)
        return
    names, split = np.unique(_splits(project, pool.queries["digest"]).to_pylist(), return_inverse=True)
    labeled = labels != 0
    found, times = np.unique(np.stack([split[pool.query[labeled]], labels[labeled]]), axis=1, return_counts=True)
    rows = zip(found.T.tolist(), times.tolist(), strict=True)
    _write_counts(project, [(str(names[at]), label, count) for (at, label), count in rows])


def recount(project: Project) -> None:
    """Count the project's imported labels anew, in one pass over them."""
    _write_counts(project, count_chosen(chosen_labels(project)))


@transaction.atomic
def _write_counts(project: Project, counts: list[tuple[str, int, int]]) -> None:
    ImportedCount.objects.filter(project=project).delete()
    ImportedCount.objects.bulk_create(
        ImportedCount(project=project, split=split, label_id=label, pairs=count) for split, label, count in counts
    )
