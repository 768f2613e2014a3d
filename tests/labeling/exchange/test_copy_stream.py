"""Binary COPY data, against the format's description."""

import struct

import pyarrow as pa
import pytest

from labeling.exchange.copy_stream import copy_rows


def field(value: bytes | None) -> bytes:
    return struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value


def test_copy_rows_writes_each_type_as_postgresql_reads_it() -> None:
    batch = pa.record_batch(
        {
            "bigint": pa.array([1, None, -(2**63)], pa.int64()),
            "integer": pa.array([None, 7, -1], pa.int32()),
            "text": pa.array(["帽 \n\\", "", None], pa.large_string()),
            "uuid": pa.array([bytes(range(16)), None, b"\xff" * 16], pa.binary(16)),
            "double": pa.array([-1.5, None, 1e300], pa.float64()),
        }
    )

    count = struct.pack(">h", 5)
    assert bytes(copy_rows(batch)) == (
        count + field(struct.pack(">q", 1)) + field(None) + field("帽 \n\\".encode()) + field(bytes(range(16)))
        + field(struct.pack(">d", -1.5))
        + count + field(None) + field(struct.pack(">i", 7)) + field(b"") + field(None) + field(None)
        + count + field(struct.pack(">q", -(2**63))) + field(struct.pack(">i", -1)) + field(None) + field(b"\xff" * 16)
        + field(struct.pack(">d", 1e300))
    )  # fmt: skip


def test_copy_rows_of_a_slice_has_only_its_rows() -> None:
    batch = pa.record_batch({"n": pa.array([1, 2, 3, 4]), "t": pa.array(["a", "bb", None, "d"], pa.large_string())})

    whole = b"".join(bytes(copy_rows(batch.slice(start, 1))) for start in range(4))

    assert bytes(copy_rows(batch)) == whole
    assert bytes(copy_rows(batch.slice(1, 2))) == whole[19:-19]


def test_copy_rows_of_no_rows_is_nothing() -> None:
    assert bytes(copy_rows(pa.record_batch({"n": pa.array([], pa.int64())}))) == b""


@pytest.mark.parametrize("kind", [pa.int8(), pa.float32(), pa.string(), pa.binary(8), pa.bool_()])
def test_copy_rows_refuses_a_type_that_it_cannot_write(kind: pa.DataType) -> None:
    with pytest.raises(TypeError, match=f"found {kind}".replace("[", r"\[")):
        copy_rows(pa.record_batch({"x": pa.array([None], kind)}))
