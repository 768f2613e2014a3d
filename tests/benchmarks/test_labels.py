"""The benchmarks of what is computed from judgments, small."""

import pytest

from tests.benchmarks.running import bench


def test_agreement_measures_a_report_in_processes_of_their_own() -> None:
    sizes = ("--judgments", "2000", "--queries", "40", "--people", "7", "--draws", "50", "--rounds", "2")
    line = bench("agreement", *sizes)
    assert (line["judgments"], line["units"], line["draws"]) == (2000, 800, 50)
    assert (line["unit"], line["peer_value"], len(line["seconds"])) == ("s", 10, 2)
    assert 0 < line["value"] <= max(line["seconds"])
    assert 0 < line["peak_memory_mb"] < 1_000


def test_dawid_skene_takes_turns_with_crowd_kit() -> None:
    line = bench("dawid_skene", "--judgments", "5000", "--people", "8", "--rounds", "2", "--ratio", "0")
    assert (line["judgments"], line["pairs"], line["people"], line["iterations"]) == (5000, 2000, 8, 20)
    assert line["labels_agree"] >= 0.999
    assert line["right"] > 0.8
    assert line["ratio"] == pytest.approx(line["peer_value"] / line["value"], abs=0.001)
    assert len(line["seconds"]) == len(line["peer_seconds"]) == 2
