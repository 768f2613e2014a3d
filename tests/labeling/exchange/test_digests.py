"""Digests of rows, as the models define them."""

import hashlib

import pyarrow as pa

from labeling.exchange.digests import row_digests


def test_row_digests_are_md5_over_fields_joined_by_unit_separators() -> None:
    fields = [pa.array(["us", "jp"], pa.large_string()), pa.array(["red hat", "帽子"], pa.large_string())]

    expected = [hashlib.md5(text.encode()).digest() for text in ("us\x1fred hat", "jp\x1f帽子")]  # noqa: S324

    digests = row_digests(fields)
    assert digests.type == pa.binary(16)
    assert digests.to_pylist() == expected
    assert row_digests([field.slice(1) for field in fields]).to_pylist() == expected[1:]


def test_row_digests_of_no_rows_are_none() -> None:
    assert row_digests([pa.array([], pa.large_string())] * 2).to_pylist() == []


def test_row_digests_tell_apart_where_a_field_ends() -> None:
    left = row_digests([pa.array(["ab"], pa.large_string()), pa.array(["c"], pa.large_string())])
    right = row_digests([pa.array(["a"], pa.large_string()), pa.array(["bc"], pa.large_string())])

    assert left.to_pylist() != right.to_pylist()
