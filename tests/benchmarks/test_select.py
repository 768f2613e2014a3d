"""The benchmark of selection, small."""

import pytest

from tests.benchmarks.running import bench


def test_select_draws_with_all_rules_from_a_database_of_its_own() -> None:
    line = bench("select", "--pairs", "6000", "--size", "200", "--rounds", "1")
    assert (line["unit"], line["peer_value"], line["pairs"], line["size"]) == ("s", 60, 6000, 200)
    assert line["pool"] == 6000 - 30 - 3
    assert line["drawn"] == sum(line["mix"].values()) == 200
    assert set(line["mix"]) == {"", "margin", "gain_loss", "entropy", "typical"}
    assert line["value"] == pytest.approx(line["read_s"] + line["ambiguity_s"] + line["draw_s"], abs=0.02)
    assert line["read_mb"] > 0
    assert 0 < line["peak_memory_mb"] < 1000


def test_select_says_what_it_missed() -> None:
    with pytest.raises(AssertionError):
        bench("select", "--pairs", "400", "--size", "20", "--rounds", "1", "--bound", "0.001")
