import numpy as np
import pytest

from modeling.evaluation.calibration import Calibration
from modeling.judge import bi_encoder, model
from modeling.judge.scoring import Judge
from tests.modeling.judge.shop import LABELS, Trained

pytestmark = pytest.mark.training

QUERIES = ["red coffee mug", "blue desk lamp", "green yoga mat", "red coffee mug"]
PRODUCTS = ["Classic Red Coffee Mug", "Blue Umbrella", "Classic Red Coffee Mug", "New White Coffee Mug"]


@pytest.fixture(scope="module")
def judge(trained: Trained) -> Judge:
    return Judge.load(trained.folder, engine="plain")


def test_judge_gives_probabilities_in_the_order_of_its_labels(judge: Judge) -> None:
    chances = judge.probabilities(QUERIES, PRODUCTS)
    assert judge.labels == LABELS
    assert chances.dtype == np.float32
    assert chances.shape == (4, 3)
    assert chances.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert [LABELS[label] for label in chances.argmax(axis=1)] == ["exact", "irrelevant", "irrelevant", "substitute"]


def test_judge_says_the_same_of_a_pair_in_any_company(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    together = judge.probabilities(QUERIES, PRODUCTS)
    alone = np.concatenate([judge.probabilities([q], [p]) for q, p in zip(QUERIES, PRODUCTS, strict=True)])
    assert np.abs(together - alone).max() < 0.02
    order = [2, 0, 3, 1]
    turned = judge.probabilities([QUERIES[i] for i in order], [PRODUCTS[i] for i in order])
    assert np.abs(turned - together[order]).max() < 0.02
    monkeypatch.setattr(bi_encoder, "_PAIRS", 3)
    monkeypatch.setattr(model, "TOKENS_ON_CPU", 20)
    assert np.abs(judge.probabilities(QUERIES, PRODUCTS) - together).max() < 0.02


def test_judge_embeds_each_distinct_text_once(judge: Judge) -> None:
    rows: list[int] = []
    hook = judge.model.adapted.register_forward_hook(
        lambda _module, _inputs, output: rows.append(output.last_hidden_state.shape[0])
    )
    judge.probabilities(QUERIES * 50, PRODUCTS * 50)
    hook.remove()
    assert sum(rows) == len({*QUERIES, *PRODUCTS})


def test_judge_of_nothing_returns_nothing(judge: Judge) -> None:
    assert judge.probabilities([], []).shape == (0, 3)


def test_judge_takes_empty_and_endless_texts(judge: Judge) -> None:
    chances = judge.probabilities(["", "mug " * 5000], ["", "日本語 😀 " * 5000])
    assert np.isfinite(chances).all()


def test_judge_refuses_sides_of_different_length(judge: Judge) -> None:
    with pytest.raises(ValueError, match="a pair is a query and a product, got 2 and 1"):
        judge.probabilities(["a", "b"], ["c"])


def test_judge_is_calibrated_as_its_manifest_says(judge: Judge, trained: Trained) -> None:
    logits = judge.logits(QUERIES, PRODUCTS)
    expected = Calibration.from_dict(trained.manifest["calibration"]).probabilities(logits)
    assert np.abs(judge.probabilities(QUERIES, PRODUCTS) - expected).max() < 1e-5
