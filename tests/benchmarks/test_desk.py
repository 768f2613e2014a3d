"""The benchmarks of the desk, small."""

import pytest

from tests.benchmarks.running import bench

pytestmark = pytest.mark.usefixtures("own_broker")


def test_races_ends_with_its_counts() -> None:
    line = bench("races", "--annotators", "4", "--pairs", "10")
    assert [line[name] for name in ("over_overlap", "twice", "lost", "stranded", "value")] == [0] * 5
    assert line["acknowledged"] >= 20


def test_claim_growth_compares_two_pools() -> None:
    line = bench("claim_growth", "--small", "60", "--large", "90", "--batch", "60", "--turns", "2", "--bound", "9")
    assert line["value"] == pytest.approx(line["large_ms"] / line["small_ms"], abs=0.02)
    assert (line["small"], line["large"], line["peer_value"]) == (60, 90, 9)


def test_label_cycle_labels_over_http() -> None:
    line = bench("label_cycle", "--no-peer", "--sizes", "300", "--seconds", "2", "--warm-up", "1")
    ours = line["winnow"]["300"]
    assert line["value"] == ours["cycles_per_s"] > 0
    assert (ours["given_twice"], ours["errors"]) == (0, 0)
    assert ours["submit_p50_ms"] <= ours["submit_p95_ms"]
