"""Rows of Arrow columns as PostgreSQL's binary COPY format, built without a loop over rows.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_BYTES = pa.large_binary()


def copy_rows(batch: pa.RecordBatch) -> memoryview:
    """Return the rows of a batch as COPY data, without the stream's header and trailer.

    int64 goes into bigint (and, as microseconds since 2000, into timestamptz), int32 into integer, float64 into
    double precision, large_string into text, and binary(16) into uuid. A null becomes NULL. Raises TypeError for any
    other type.
    """
    parts: list[pa.Array] = [_repeat(len(batch.schema).to_bytes(2, "big"), len(batch))]
    for column in batch.columns:
        data = _data(column)
        lengths = pc.fill_null(pc.binary_length(data), -1).cast(pa.int32())
        parts += [_network_order(lengths), pc.fill_null(data, b"")]
    # The last argument is the separator.
    return memoryview(_joined_bytes(pc.binary_join_element_wise(*parts, _repeat(b"", len(batch)))))


def _data(column: pa.Array) -> pa.Array:
    kind = column.type
    if kind in (pa.int64(), pa.int32(), pa.float64()):
        return _network_order(column)
    if pa.types.is_large_string(kind) or kind == pa.binary(16):
        return column.cast(_BYTES)
    raise TypeError(f"expected int64, int32, float64, large_string or binary(16), found {kind}")


def _repeat(value: bytes, length: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, _BYTES), length)


def _network_order(column: pa.Array) -> pa.Array:
    """Return numbers as their bytes, the highest first; nulls stay nulls."""
    width = column.type.bit_width // 8
    values = np.asarray(pc.fill_null(column, 0))
    values = values.astype(values.dtype.newbyteorder(">"))
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(column), [None, pa.py_buffer(values.tobytes())])
    data = fixed.cast(_BYTES)
    return pc.if_else(column.is_valid(), data, pa.scalar(None, _BYTES)) if column.null_count else data


def _joined_bytes(rows: pa.Array) -> pa.Buffer:
    _, offsets, values = rows.buffers()
    if values is None or not len(rows):
        return pa.py_buffer(b"")
    first, last = np.frombuffer(offsets, np.int64)[[rows.offset, rows.offset + len(rows)]]
    return values.slice(first, last - first)
