"""What a training is told of how its pairs were drawn."""

import pytest

from modeling.judge.dataset import CALIBRATION, HOLDOUT, TRAIN, Example
from modeling.sampling.weights import weights_of_draws
from worker.drawn import drawn_rows, weighted, weights_by_label


def example(pair_id: int, label: int, split: str = TRAIN) -> Example:
    return Example(pair_id=pair_id, query_id=pair_id, query="q", product="p", label=label, split=split)


# Of 40 random pairs a quarter have label 1, of 40 picked ones three quarters.
AT_RANDOM = set(range(40))
LABELED = [example(pair, int(pair % 4 == 0 if pair in AT_RANDOM else pair % 4 != 0)) for pair in range(80)]


def test_pairs_of_a_label_that_was_picked_too_often_count_less() -> None:
    found = weighted(LABELED, range(80), AT_RANDOM, 2)
    weights = {label: {one.weight for one in found if one.label == label} for label in (0, 1)}
    assert all(len(each) == 1 for each in weights.values())
    [rare], [often] = weights[0], weights[1]
    assert often < 1 < rare
    assert sum(one.weight for one in found) == pytest.approx(len(found))
    expected = weights_of_draws([one.label for one in LABELED], [one.pair_id in AT_RANDOM for one in LABELED], 2)
    assert [one.weight for one in found] == pytest.approx(expected.tolist())


def test_imported_pairs_and_other_splits_are_left_alone() -> None:
    others = [example(100, 1), example(101, 1, CALIBRATION), example(102, 1, HOLDOUT)]
    found = weighted([*LABELED, *others], [*range(80), 101, 102], AT_RANDOM, 2)
    assert [one.weight for one in found[-3:]] == [1, 1, 1]
    assert found[:80] == weighted(LABELED, range(80), AT_RANDOM, 2)


def test_manifest_has_a_weight_for_each_label() -> None:
    found = weighted([*LABELED, example(100, 1)], range(80), AT_RANDOM, 3)
    said = weights_by_label(found, range(80), ["E", "S", "C"])
    assert said == {"E": round(found[1].weight, 4), "S": round(found[0].weight, 4), "C": 1.0}


def test_rows_say_which_pairs_came_at_random() -> None:
    assert drawn_rows({5, 3}, {3, 9}).tolist() == [[3, 1], [5, 0]]
    assert drawn_rows(set(), {3}).shape == (0, 2)
