import json

import pytest

from benchmarks.result import result_line


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
