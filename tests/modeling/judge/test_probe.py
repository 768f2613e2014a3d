from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from modeling.judge import probe
from modeling.judge.base_model import load_network, load_tokenizer, resolve_base_model
from modeling.judge.bi_encoder import BiEncoder
from modeling.judge.dataset import TRAIN, Example
from modeling.judge.probe import fit_head
from modeling.judge.spec import EMBEDDED

pytestmark = pytest.mark.training


@pytest.fixture
def untrained() -> BiEncoder:
    base = resolve_base_model(EMBEDDED)
    return BiEncoder(load_network(base), load_tokenizer(base), ("exact", "substitute", "irrelevant"), 16)


@pytest.fixture
def rows(shop: list[Example]) -> list[Example]:
    return [replace(row, weight=1.0 + row.pair_id % 3) for row in shop if row.split == TRAIN]


def texts(rows: list[Example]) -> tuple[list[str], list[str]]:
    return [row.query for row in rows], [row.product for row in rows]


def test_head_starts_as_the_logistic_regression_of_sklearn(untrained: BiEncoder, rows: list[Example]) -> None:
    fit_head(untrained, rows, penalty=500.0, seed=1)
    features, labels = untrained.features(*texts(rows)).numpy(), [row.label for row in rows]
    peer = LogisticRegression(C=1 / 500, max_iter=5000, tol=1e-8)
    peer.fit(features, labels, sample_weight=[row.weight for row in rows])
    ours = torch.softmax(untrained.logits(*texts(rows)), dim=1).numpy()
    assert np.abs(ours - peer.predict_proba(features)).max() < 0.01
    assert (ours.argmax(axis=1) == labels).mean() > 0.75


def test_head_leaves_the_encoder_and_its_gradients_alone(untrained: BiEncoder, rows: list[Example]) -> None:
    before = {name: weight.clone() for name, weight in untrained.adapted.named_parameters()}
    fit_head(untrained, rows, penalty=500.0, seed=1)
    for name, weight in untrained.adapted.named_parameters():
        assert torch.equal(weight, before[name])
        assert weight.grad is None
    assert all(weight.grad is None for weight in untrained.head.parameters())


def test_head_of_many_pairs_is_fitted_to_a_sample(
    untrained: BiEncoder, rows: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_MAX_PAIRS", 40)
    fit_head(untrained, rows, penalty=500.0, seed=1)
    one = untrained.head.weight.detach().clone()
    fit_head(untrained, rows, penalty=500.0, seed=1)
    again = untrained.head.weight.detach().clone()
    fit_head(untrained, rows, penalty=500.0, seed=2)
    assert torch.allclose(one, again, atol=1e-3)
    assert not torch.allclose(one, untrained.head.weight, atol=1e-3)
