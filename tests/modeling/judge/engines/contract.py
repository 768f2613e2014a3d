"""What every engine must hold to, whatever it does to be fast. Inherited by a test class for each engine and kind."""

from pathlib import Path

import numpy as np
import pytest

from modeling.judge.device import full_precision
from modeling.judge.engines.engine import Floats
from modeling.judge.scoring import Judge
from tests.modeling.judge.shop import shop_pairs

PAIRS = shop_pairs()
QUERIES, PRODUCTS = [row.query for row in PAIRS], [row.product for row in PAIRS]


class EngineContract:
    """`name` is the engine's, `works` that of the class at work, `tolerance` how far a probability may be off."""

    name: str
    tolerance: float

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls) -> Path:
        """The artifact that is judged with: the class says which."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def judge(cls, folder: Path) -> Judge:
        return Judge.load(folder, engine=cls.name)

    @pytest.fixture(scope="class")
    @classmethod
    def expected(cls, folder: Path) -> Floats:
        """What the plain engine says in float32."""
        with full_precision():
            return Judge.load(folder, engine="plain").probabilities(QUERIES, PRODUCTS)

    def test_says_what_the_plain_engine_says_in_float32(self, judge: Judge, expected: Floats) -> None:
        said = judge.probabilities(QUERIES, PRODUCTS)
        assert np.abs(said - expected).max() < self.tolerance
        assert (said.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.99
        assert said.dtype == np.float32
        assert said.sum(axis=1) == pytest.approx(1, abs=1e-5)

    def test_says_the_same_of_a_pair_in_any_company(self, judge: Judge, expected: Floats) -> None:
        order = np.random.default_rng(3).permutation(len(PAIRS))[:40]
        turned = judge.probabilities([QUERIES[row] for row in order], [PRODUCTS[row] for row in order])
        assert np.abs(turned - expected[order]).max() < self.tolerance
        for row in order[:3]:
            alone = judge.probabilities([QUERIES[row]], [PRODUCTS[row]])
            assert np.abs(alone - expected[row]).max() < self.tolerance

    def test_says_nothing_of_nothing(self, judge: Judge) -> None:
        assert judge.probabilities([], []).shape == (0, len(judge.labels))

    def test_takes_empty_and_endless_texts_in_one_batch_with_others(self, judge: Judge, expected: Floats) -> None:
        said = judge.probabilities(["", "mug " * 5000, *QUERIES[:5]], ["", "日本語 😀 " * 5000, *PRODUCTS[:5]])
        assert np.isfinite(said).all()
        assert np.abs(said[2:] - expected[:5]).max() < self.tolerance

    def test_reads_in_pieces(self, judge: Judge, expected: Floats, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("modeling.judge.engines.engine.PAIRS_AT_ONCE", 7)
        assert np.abs(judge.probabilities(QUERIES[:40], PRODUCTS[:40]) - expected[:40]).max() < self.tolerance
