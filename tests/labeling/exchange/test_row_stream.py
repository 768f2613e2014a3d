"""What PostgreSQL sends is what comes out, however its stream is cut."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from labeling.exchange import row_stream
from labeling.exchange.copy_stream import HEADER, TRAILER
from labeling.exchange.row_stream import BIGINT, read_rows, reals

COLUMNS = {"id": BIGINT, "said": 3}


def stream(ids: list[int], said: list[list[float]]) -> bytes:
    """The rows in PostgreSQL's format, put together by hand."""
    data = HEADER
    for one, values in zip(ids, said, strict=True):
        array = b"".join(n.to_bytes(4, "big") for n in (1, 0, 700, len(values), 1))
        array += b"".join((4).to_bytes(4, "big") + np.array(value, ">f4").tobytes() for value in values)
        data += (2).to_bytes(2, "big") + (8).to_bytes(4, "big") + one.to_bytes(8, "big", signed=True)
        data += len(array).to_bytes(4, "big") + array
    return data + TRAILER


def cut(data: bytes, at: int) -> Iterator[bytes]:
    return (data[start : start + at] for start in range(0, len(data), at))


def whole(blocks: Iterator[NDArray[np.void]]) -> tuple[list[int], list[list[float]]]:
    arrays = list(blocks)
    ids = [one for rows in arrays for one in rows["id"].tolist()]
    return ids, [values for rows in arrays for values in reals(rows, "said").tolist()]


@given(ids=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20), at=st.integers(1, 200), rows=st.integers(1, 7))
def test_rows_come_out_however_the_stream_is_cut(ids: list[int], at: int, rows: int) -> None:
    said = [[number, 0.5, -1.25] for number, _ in enumerate(ids)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_stream, "ROWS_AT_ONCE", rows)
        assert whole(read_rows(cut(stream(ids, said), at), COLUMNS)) == (ids, said)


@pytest.mark.django_db
def test_rows_are_what_postgresql_sends() -> None:
    rows = "SELECT n, ARRAY[n, n / 2.0, 0]::real[] FROM generate_series(1, 3000::bigint) AS n"
    query = f"COPY ({rows}) TO STDOUT (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(query) as copied:
        ids, said = whole(read_rows(copied, COLUMNS))
    assert ids == list(range(1, 3001))
    assert said == [[n, n / 2, 0] for n in ids]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "row",
    [
        "1::bigint, ARRAY[1, 2]::real[]",
        "1::bigint, ARRAY[1, 2, NULL]::real[]",
        "1::bigint, ARRAY[1, 2, 3]::double precision[]",
        "1::bigint, NULL::real[]",
        "1::int, ARRAY[1, 2, 3]::real[]",
        "NULL::bigint, ARRAY[1, 2, 3]::real[]",
        "1::bigint",
        "1::bigint, ARRAY[1, 2, 3]::real[], 1::bigint",
    ],
)
@pytest.mark.parametrize("rows", [1, 5])
def test_rows_of_another_form_are_refused(row: str, rows: int) -> None:
    query = f"COPY (SELECT {row} FROM generate_series(1, {rows})) TO STDOUT (FORMAT BINARY)"  # noqa: S608 - of this file alone
    with connection.cursor() as cursor, cursor.copy(query) as copied:
        blocks = list(copied)
    with pytest.raises(ValueError, match=r"the columns {'id': 0, 'said': 3}"):
        list(read_rows(blocks, COLUMNS))


def test_streams_that_are_none_are_refused() -> None:
    data: Any = stream([1], [[1, 2, 3]])
    with pytest.raises(ValueError, match="or their stream was cut off"):
        list(read_rows([data[:-1]], COLUMNS))
    with pytest.raises(ValueError, match="a stream that begins with b''"):
        list(read_rows([], COLUMNS))
    with pytest.raises(ValueError, match="a stream that begins with b'1"):
        list(read_rows([b"1\t{1,2,3}\n2\t{1,2,3}\n"], COLUMNS))
