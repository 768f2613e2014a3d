import json

import pytest

from benchmarks.result import bound_line, result_line


def test_result_line_says_how_many_times_better_than_the_peer() -> None:
    line = result_line("import", 50.0, "pairs/s", peer="COPY", peer_value=200.0, rows=7)
    assert json.loads(line) == {
        "name": "import",
        "value": 50.0,
        "unit": "pairs/s",
        "peer": "COPY",
        "peer_value": 200.0,
        "ratio": 0.25,
        "rows": 7,
    }


def test_result_line_turns_the_ratio_where_smaller_is_better() -> None:
    line = result_line("claim", 2.0, "ms", peer="other", peer_value=8.0, larger_is_better=False)
    assert json.loads(line)["ratio"] == 4.0


def test_result_line_refuses_values_that_give_no_ratio() -> None:
    with pytest.raises(ValueError, match="peer_value 0"):
        result_line("import", 1.0, "pairs/s", peer="COPY", peer_value=0)


def test_bound_line_has_the_bound_in_the_peers_place() -> None:
    line = json.loads(bound_line("claim_growth", 1.05, "times", bound=1.2, claims=3))
    assert line == {
        "name": "claim_growth",
        "value": 1.05,
        "unit": "times",
        "peer": "the bound",
        "peer_value": 1.2,
        "ratio": 1.143,
        "claims": 3,
    }


def test_bound_line_has_no_ratio_for_nothing() -> None:
    assert json.loads(bound_line("races", 0, "violations", bound=0))["ratio"] is None
