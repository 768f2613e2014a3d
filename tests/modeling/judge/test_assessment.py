import numpy as np
import pytest

from modeling.evaluation.calibration import Calibration
from modeling.evaluation.classification import Evaluation, evaluate
from modeling.judge.assessment import calibrate, collapse, majority_label
from modeling.judge.dataset import Example
from modeling.judge.scoring import Judge
from tests.modeling.judge.shop import Trained

LABELS = ("exact", "irrelevant")


def evaluation(people: list[int], judge: list[int]) -> Evaluation:
    chances = np.eye(2)[np.array(judge, dtype=np.int64)] * 0.8 + 0.1
    return evaluate(people, chances, range(len(people)), majority_label=0, seed=1, draws=50)


def example(pair_id: int, label: int, split: str) -> Example:
    return Example(pair_id, pair_id, "query", "product", label, split)


def test_majority_is_that_of_the_training_split_alone() -> None:
    rows = [example(1, 1, "train"), example(2, 1, "train"), example(3, 0, "train")]
    others = [example(number, 0, "holdout") for number in range(10, 20)]
    assert majority_label([*rows, *others], 2) == 1
    assert majority_label([example(1, 2, "train"), example(2, 1, "train")], 3) == 1


def test_collapse_is_none_for_a_judge_that_learned() -> None:
    assert collapse(evaluation([0] * 6 + [1] * 4, [0] * 6 + [1] * 3 + [0]), LABELS) is None


def test_collapse_names_the_one_label_given_to_nearly_everything() -> None:
    words = collapse(evaluation([0] * 90 + [1] * 10, [0] * 98 + [1] * 2), LABELS)
    assert words == "It gives the label exact to 98 of 100 holdout pairs, so it tells nothing apart."


@pytest.mark.parametrize("wrong", [4, 5])
def test_collapse_says_when_the_baseline_is_as_good(wrong: int) -> None:
    people = [0] * 6 + [1] * 4
    judge = [1] * wrong + [0] * (6 - wrong) + [1] * 4
    words = collapse(evaluation(people, judge), LABELS)
    assert words == (
        f"It is right on {10 - wrong}0.0% of 10 holdout pairs; always giving the most frequent training label "
        "is right on 60.0%."
    )


def test_collapse_without_a_holdout_is_no_pass() -> None:
    words = collapse(evaluation([], []), LABELS)
    assert words == "There are no holdout pairs, so nothing shows that it has learned anything."


@pytest.mark.training
def test_calibration_uses_its_own_split_and_says_when_it_is_too_small(trained: Trained) -> None:
    judge = Judge.load(trained.folder)
    raw = Judge(judge.model)
    own = [row for row in trained.examples if row.split == "calibration"]
    fitted, words = calibrate(raw, own, seed=0)
    assert fitted.calibration == Calibration.from_dict(trained.manifest["calibration"])
    assert words == trained.manifest["calibration_words"]
    assert f"on {len(own)} pairs of their own." in words
    rest = [row for row in trained.examples if row.split != "calibration"]
    unfitted, words = calibrate(raw, rest + own[:19], seed=0)
    assert unfitted.calibration == Calibration()
    assert words == "Not calibrated: 19 pairs are set aside for it, 20 are needed."
