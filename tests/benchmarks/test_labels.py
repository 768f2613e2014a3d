"""The benchmarks of what is computed from judgments, small."""

import pytest

from tests.benchmarks.running import bench


def test_agreement_is_measured_stored_and_shown() -> None:
    line = bench("agreement", "--pairs", "8100", "--people", "9", "--rounds", "2", "--views", "3", "--page-bound", "9")
    assert (line["judgments"], line["units"], line["draws"], line["people"]) == (20_250, 8_100, 1_000, 9)
    assert (line["unit"], line["peer_value"], len(line["seconds"])) == ("s", 10, 2)
    assert 0 < line["value"] <= max(line["seconds"])
    assert 0 < line["peak_memory_mb"] < 1_000
    assert min(line["page_s"], line["page_after_one_more_s"], line["overview_s"]) > 0


def test_agreement_says_what_it_missed() -> None:
    with pytest.raises(AssertionError, match="The page took"):
        bench("agreement", "--pairs", "40", "--people", "5", "--rounds", "1", "--views", "1", "--page-bound", "0")


def test_report_is_computed_in_processes_of_their_own() -> None:
    sizes = ("--judgments", "2000", "--queries", "40", "--people", "7", "--draws", "50", "--rounds", "2")
    line = bench("report", *sizes)
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
