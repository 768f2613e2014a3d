"""Predictions as PostgreSQL's binary COPY format, built as whole columns: every row has the same length.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"; that of an array is its send
function's: dimensions, whether it has nulls, element type, then length and lower bound of each dimension.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("adapter_id", "pair_id", "revision_id", "label_id", "probabilities", "confidence", "margin")
ROWS_AT_ONCE = 4096  # so many stay in a processor's cache while they are put together, and the server reads meanwhile

_REAL = 700  # the type's number in pg_type, the same everywhere
_IDS = ("adapter_id", "pair_id", "revision_id", "label_id")


def prediction_rows(
    adapter_id: int,
    pair_ids: NDArray[np.int64],
    revision_ids: NDArray[np.int64],
    label_ids: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> Iterator[bytes]:
    """Yield the rows, in COLUMNS, as blocks of COPY data, without the stream's header and trailer.

    pair_ids and revision_ids: (n,); label_ids: (k,), the scheme's labels in order; probabilities: (n, k). A row's
    label is the likeliest one, the first of them where several are; its margin is that to the second likeliest.
    """
    block = _empty_rows(min(ROWS_AT_ONCE, len(pair_ids)), adapter_id, len(label_ids))
    for start in range(0, len(pair_ids), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        said = probabilities[part]
        rows = block[: len(said)]
        best = said.argmax(axis=1)
        first = said[np.arange(len(said)), best]
        rows["pair_id"] = pair_ids[part]
        rows["revision_id"] = revision_ids[part]
        rows["label_id"] = label_ids[best]
        rows["elements"]["value"] = said
        rows["confidence"] = np.clip(first, 0, 1)
        rows["margin"] = first - _second(said, best)
        yield rows.tobytes()


def _second(said: NDArray[np.float32], best: NDArray[np.intp]) -> NDArray[np.float32]:
    """The largest of each row but the best one: (n,). 0 where there is only one label."""
    others = said.copy()
    others[np.arange(len(said)), best] = 0
    second: NDArray[np.float32] = others.max(axis=1, initial=0)
    return second


def _empty_rows(count: int, adapter_id: int, labels: int) -> NDArray[np.void]:
    """Rows with all that is the same in each of them."""
    rows = np.zeros(count, dtype=_layout(labels))
    rows["columns"] = len(COLUMNS)
    for name in _IDS:
        rows[name + "_bytes"] = 8
    rows["adapter_id"] = adapter_id
    rows["array_bytes"] = 20 + 8 * labels
    rows["dimensions"], rows["element_type"], rows["length"], rows["lower_bound"] = 1, _REAL, labels, 1
    rows["elements"]["bytes"] = 4
    rows["confidence_bytes"] = rows["margin_bytes"] = 4
    return rows


def _layout(labels: int) -> np.dtype[np.void]:
    """The bytes of a row, in network order and without gaps."""
    element = np.dtype([("bytes", ">i4"), ("value", ">f4")])
    fields: list[tuple[str, object]] = [("columns", ">i2")]
    for name in _IDS:
        fields += [(name + "_bytes", ">i4"), (name, ">i8")]
    parts = ("array_bytes", "dimensions", "has_nulls", "element_type", "length", "lower_bound")
    fields += [(name, ">i4") for name in parts]
    fields += [("elements", (element, (labels,)))]
    for name in ("confidence", "margin"):
        fields += [(name + "_bytes", ">i4"), (name, ">f4")]
    return np.dtype(fields)
