"""What a run says of the holdout, stored and measured."""

from pathlib import Path

import numpy as np
import pytest

from labeling.actions.holdout import measure_holdout, record_holdout
from labeling.models import Adapter, HoldoutPrediction, Pair, Project, Split
from labeling.queries.projects import labels_of
from modeling.judge.dataset import Example
from modeling.judge.holdout import read_holdout, write_holdout
from tests.labeling.acting import judge_all, make_adapter, make_members
from tests.making import make_pair, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db


def written(path: Path, pairs: list[Pair], people: str, ours: str, theirs: str = "") -> Path:
    """Write a run's file: a letter a pair, by people, the challenger and the champion."""
    keys = "ESCI"
    rows = [
        Example(pair.pk, pair.query_id, "q", "p", keys.index(label), "holdout")
        for pair, label in zip(pairs, people, strict=True)
    ]
    said = [np.eye(4)[[keys.index(one) for one in letters]] * 0.8 + 0.05 for letters in (ours, theirs) if letters]
    write_holdout(path, rows, *said)
    return path


def stored(adapter: Adapter) -> list[tuple[int, str, str, float]]:
    rows = HoldoutPrediction.objects.filter(adapter=adapter).order_by("pair")
    return [(row.pair_id, row.label.key, row.judged.key, round(row.confidence, 6)) for row in rows]


def record(adapter: Adapter, champion: Adapter | None, path: Path) -> int:
    """Record a run's file as the worker does; return how many pairs it has."""
    found = read_holdout(path)
    record_holdout(adapter, champion, found, measure_holdout(adapter.project, found, seed=1))
    return len(found)


def holdout_of(project: Project, count: int) -> list[Pair]:
    return [make_pair_of(project, Split.HOLDOUT) for _ in range(count)]


def test_holdout_is_stored_for_challenger_and_champion_and_replaced(tmp_path: Path) -> None:
    project = make_project()
    pairs = holdout_of(project, 3)
    champion, challenger = make_adapter(project), make_adapter(project, champion=False)
    assert record(champion, None, written(tmp_path / "one", pairs[:2], "EE", "ES")) == 2
    assert record(challenger, champion, written(tmp_path / "two", pairs, "ESI", "EEI", "SSI")) == 3
    ids = [pair.pk for pair in pairs]
    assert stored(challenger) == list(zip(ids, "ESI", "EEI", [0.85] * 3, strict=True))
    assert stored(champion) == list(zip(ids, "ESI", "SSI", [0.85] * 3, strict=True))
    row = HoldoutPrediction.objects.get(adapter=challenger, pair=pairs[0])
    assert row.probabilities == pytest.approx([0.85, 0.05, 0.05, 0.05])


def test_holdout_is_measured_beside_people_and_by_slice(tmp_path: Path) -> None:
    project = make_project(overlap=2, max_overlap=2)
    pairs = [make_pair(project, f"lamp {number}", locale="us" if number % 2 else "jp") for number in range(12)]
    make_round(project, pairs)
    judge_all(make_members(project, 2), {pair: "ES" if number < 3 else "E" for number, pair in enumerate(pairs)})
    adapter = make_adapter(project)
    record(adapter, None, written(tmp_path / "one", pairs, "E" * 6 + "S" * 6, "E" * 8 + "S" * 4))
    adapter.refresh_from_db()
    assert adapter.measures["people_raw"]["value"] == pytest.approx(9 / 12)
    assert adapter.measures["people_alpha"]["n"] == 12
    parts = adapter.measures["slices"]
    assert set(parts) == {"locale"}
    assert {part["value"]: part["n"] for part in parts["locale"]} == {"us": 6, "jp": 6}
    assert sum(part["n"] * part["accuracy"]["value"] for part in parts["locale"]) == pytest.approx(10)


def test_holdout_without_pairs_has_no_measures(tmp_path: Path) -> None:
    project = make_project()
    adapter = make_adapter(project)
    write_holdout(tmp_path / "none", [], np.zeros((0, 4)))
    assert record(adapter, None, tmp_path / "none") == 0
    assert adapter.measures["people_alpha"] == {"value": None, "low": None, "high": None, "n": 0}
    assert adapter.measures["slices"] == {}


def test_holdout_of_another_scheme_is_refused(tmp_path: Path) -> None:
    project = make_project()
    (pair,) = holdout_of(project, 1)
    write_holdout(tmp_path / "three", [Example(pair.pk, 1, "q", "p", 0, "holdout")], [[0.2, 0.3, 0.5]])
    with pytest.raises(ValueError, match=f"expected probabilities of {len(labels_of(project))} labels, got 3"):
        record(make_adapter(project), None, tmp_path / "three")
