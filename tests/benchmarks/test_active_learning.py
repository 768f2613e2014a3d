"""The benchmark of active learning, small: it runs, draws as the product does, and says what it must."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import active_learning
from benchmarks.active_learning import DEFAULT, NOISY, ORDINARY, RANDOM_ARM, Seen, by_breaking_ties, compared, report
from benchmarks.peers import breaking_ties
from benchmarks.pool import make_pool

pytestmark = pytest.mark.training

SIZES = np.array([100, 200, 300, 400])


def curve(factor: float, lift: float = 0.0) -> np.ndarray:
    """Three seeds of alpha and macro F1 that need `factor` times fewer labels, and lie `lift` higher."""
    random = np.random.default_rng(1)
    one = np.log(factor * SIZES) / 10 + lift
    return np.stack([one, one], axis=1) + random.normal(0, 1e-4, (3, 4, 2))


def test_breaking_ties_takes_the_closest_pairs_that_are_not_labeled() -> None:
    probabilities = np.array([[0.9, 0.1], [0.55, 0.45], [0.5, 0.5], [0.7, 0.3], [0.52, 0.48]])
    assert sorted(breaking_ties.pick(probabilities, np.array([2]), 2).tolist()) == [1, 4]
    seen = Seen(np.arange(5), probabilities, np.array([2]), np.zeros((5, 2), dtype=np.int64), 1)
    assert sorted(by_breaking_ties(seen, 2)[0].tolist()) == [1, 4]


def test_pool_and_holdout_share_no_query_and_are_embedded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.pool.KEPT", tmp_path)
    pool, holdout = make_pool(4, 2, 3)
    assert not set(pool.queries.tolist()) & set(holdout.queries.tolist())
    assert pool.features.shape == (len(pool.labels), 4 * 384)
    kept = list(tmp_path.iterdir())
    again, _ = make_pool(4, 2, 3)
    assert bool((again.features == pool.features).all())
    assert list(tmp_path.iterdir()) == kept


def test_what_the_curves_show() -> None:
    ordinary = {RANDOM_ARM: curve(1), DEFAULT: curve(2.5), "breaking_ties": curve(2)}
    found = compared({ORDINARY: ordinary, NOISY: {RANDOM_ARM: curve(1), DEFAULT: curve(1, -0.01)}}, SIZES)
    assert found["needed"]["alpha"][DEFAULT]["ratio"] == pytest.approx(2.5, rel=0.1)
    assert found["needed"]["macro_f1"]["breaking_ties"]["labels"] == pytest.approx(200, rel=0.02)
    assert found["noisy_shortfall"][DEFAULT] == pytest.approx(0.01, abs=1e-3)


@pytest.mark.parametrize(
    ("ours", "theirs", "below", "complaint"),
    [
        (2.5, 2.2, 0.0, None),
        (1.5, 1.2, 0.0, "Alpha needs more than 1 / 2 of the labels"),
        (2.5, 2.6, 0.0, "Alpha needs more labels than small-text's"),
        (2.5, 2.2, 0.02, "0.02 below random"),
    ],
)
def test_bounds_that_are_not_kept_end_with_a_complaint(
    ours: float, theirs: float, below: float, complaint: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = {
        DEFAULT: {"labels": 10, "ratio": ours, "low": ours, "high": ours},
        "breaking_ties": {"labels": 10, "ratio": theirs, "low": theirs, "high": theirs},
    }
    found: dict[str, Any] = {"needed": {"alpha": needed, "macro_f1": needed}, "labels": 20}
    found["noisy_shortfall"] = {DEFAULT: below}
    if complaint is None:
        report(found, 2.0)
    else:
        with pytest.raises(SystemExit, match=complaint):
            report(found, 2.0)
    line = json.loads(capsys.readouterr().out)
    assert (line["ratio"], line["noisy_worst"]) == (ours, below)


def test_benchmark_runs_and_draws_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.pool.KEPT", tmp_path)
    sizes = ["--pool", "8", "--holdout", "4", "--labels", "80", "--batch", "40", "--seeds", "2"]
    monkeypatch.setattr(sys, "argv", ["bench", *sizes, "--ratio", "0", "--out", str(tmp_path)])
    with suppress(SystemExit):  # so small, anything may win
        active_learning.main()
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    found = json.loads((tmp_path / "active_learning.json").read_text())
    assert found["needed"] == line["needed"]
    assert {point["arm"] for point in found["points"] if point["people"] == NOISY} == {RANDOM_ARM, DEFAULT}
    starts = {(point["people"], point["measure"]): point["value"] for point in found["points"] if point["labels"] == 40}
    assert all(  # every arm starts from the same random pairs
        point["value"] == starts[point["people"], point["measure"]]
        for point in found["points"]
        if point["labels"] == 40
    )
    assert (tmp_path / "active_learning.svg").read_text().startswith("<svg")
