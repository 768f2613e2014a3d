"""What two judges said of the holdout, written and read again."""

from pathlib import Path

import numpy as np
import pytest

from modeling.judge.dataset import DatasetError, Example
from modeling.judge.holdout import held_out, read_holdout, write_holdout

EXAMPLES = [
    Example(9, 30, "lamp", "Lamp", 1, "holdout"),
    Example(2, 10, "lamp", "Lamp", 0, "train"),
    Example(4, 30, "lamp", "Mug", 2, "holdout"),
]
OURS = [[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]
THEIRS = [[1.0, 0.0, 0.0], [0.0, 0.25, 0.75]]


def test_holdout_is_read_as_it_was_written_by_pair(tmp_path: Path) -> None:
    write_holdout(tmp_path / "holdout.parquet", EXAMPLES, OURS, THEIRS)
    found = read_holdout(tmp_path / "holdout.parquet")
    assert len(found) == len(held_out(EXAMPLES)) == 2
    assert (found.pairs.tolist(), found.queries.tolist(), found.labels.tolist()) == ([4, 9], [30, 30], [2, 1])
    assert np.allclose(found.challenger, OURS[::-1])
    assert found.champion is not None
    assert np.allclose(found.champion, THEIRS[::-1])


def test_holdout_without_a_champion_or_without_pairs(tmp_path: Path) -> None:
    write_holdout(tmp_path / "alone", EXAMPLES, OURS)
    assert read_holdout(tmp_path / "alone").champion is None
    write_holdout(tmp_path / "empty", EXAMPLES[1:2], np.zeros((0, 3)), np.zeros((0, 3)))
    empty = read_holdout(tmp_path / "empty")
    assert (len(empty), empty.challenger.shape, empty.champion) == (0, (0, 3), None)


def test_holdout_refuses_what_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"need probabilities of 2 pairs, got \(2, 3\) and \(1, 3\)"):
        write_holdout(tmp_path / "holdout", EXAMPLES, OURS, THEIRS[:1])
    with pytest.raises(ValueError, match=r"need probabilities of 2 pairs, got \(3,\)"):
        write_holdout(tmp_path / "holdout", EXAMPLES, [0.2, 0.3, 0.5])
    (tmp_path / "text").write_text("no table")
    with pytest.raises(DatasetError, match="cannot be read as what judges said of the holdout"):
        read_holdout(tmp_path / "text")
