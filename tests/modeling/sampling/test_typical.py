"""The cold start: what stands for many comes first, what is like the labeled pairs last."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from modeling.sampling import typical
from modeling.sampling.batch import draw_batch
from modeling.sampling.contract import Pool, Positions, Text
from modeling.sampling.rules import Rules

KINDS = ("steel water bottle", "leather office chair", "garden hose reel", "wireless keyboard")
SHARES = (0.6, 0.25, 0.1, 0.05)
MARKS = ("red", "blue", "large", "small", "classic", "modern", "deluxe", "basic", "compact", "heavy", "portable")


def texts_of(pair_ids: Positions) -> Sequence[Text]:
    """A shop with four kinds of products: 60, 25, 10 and 5 % of the pairs, each title with two marks of its own."""
    random = [np.random.default_rng(one) for one in pair_ids]
    kinds = [KINDS[one.choice(4, p=SHARES)] for one in random]
    marks = [" ".join(one.choice(MARKS, 2)) for one in random]
    return [Text(kind.split()[-1], f"{kind} {mark}") for kind, mark in zip(kinds, marks, strict=True)]


def shop(n: int, **fields: Any) -> Pool:
    return Pool(np.arange(n), np.arange(n), texts=texts_of, **fields)


def kinds_of(rows: Positions) -> Counter[str]:
    return Counter(text.query for text in texts_of(rows))


def best(pool: Pool, count: int) -> Positions:
    found = typical.score(pool, np.random.default_rng(1)).scores
    return np.argsort(-found, kind="stable")[:count]


def test_typical_pairs_are_of_every_kind_however_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typical, "CLUSTERS", 12)
    # Of a dozen random pairs one draw in two has no keyboard: 0.95 ** 12.
    assert set(kinds_of(best(shop(600), 12))) == {"bottle", "chair", "reel", "keyboard"}


def test_typical_pairs_are_nearer_to_their_group_than_others() -> None:
    texts = [*texts_of(np.arange(300)), Text("zzqx", "qq## 8812 ~~ vvv")]
    vectors = typical.features(texts)
    distance = typical._mean_distance(vectors)
    assert distance.argmax() == 300
    norms = np.linalg.norm(vectors, axis=1)
    assert norms.tolist() == pytest.approx([1] * 301, abs=1e-5)


def test_typical_puts_groups_without_labeled_pairs_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typical, "CLUSTERS", 8)
    ids = np.arange(10_000, 10_400)
    bottles = ids[[text.query == "bottle" for text in texts_of(ids)]]
    assert kinds_of(best(shop(500), 8))["bottle"] >= 3
    assert kinds_of(best(shop(500, asked=bottles), 3))["bottle"] == 0


def test_typical_says_for_how_many_a_pair_stands() -> None:
    pool = shop(400)
    found = typical.score(pool, np.random.default_rng(1))
    first = found.reason(int(np.nanargmax(found.scores)))
    assert first.values["sampled"] == 400
    assert first.values["labeled"] == 0
    assert 20 < first.values["size"] <= 400
    assert str(first).startswith("typical: of 400 pairs looked at, ")


def test_typical_looks_at_a_sample_of_a_large_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typical, "SAMPLE", 150)
    asked: list[int] = []

    def texts(ids: Positions) -> Sequence[Text]:
        asked.extend(ids.tolist())
        return texts_of(ids)

    random_only = np.arange(2000) % 2 == 0
    pool = Pool(np.arange(2000), np.arange(2000), texts=texts, random_only=random_only, asked=np.arange(5000, 6000))
    scores = typical.score(pool, np.random.default_rng(1)).scores
    known = np.flatnonzero(~np.isnan(scores))
    assert len(known) == 150
    assert (known % 2 == 1).all()
    assert sorted(asked[:150]) == known.tolist()
    assert len(asked) == 300


def test_typical_starts_a_project_that_has_no_champion() -> None:
    batch = draw_batch(shop(500), Rules(size=40, random_share=0.25, mix={"typical": 1}), seed=1)
    assert Counter(batch.stream.tolist()) == {"random": 10, "active": 30}
    assert set(batch.strategy.tolist()) == {"", "typical"}


@pytest.mark.parametrize("n", [0, 1, 2, 21])
def test_typical_takes_small_pools_and_equal_texts(n: int) -> None:
    pool = Pool(np.arange(n), np.arange(n), texts=lambda ids: [Text("", "")] * len(ids))
    scores = typical.score(pool, np.random.default_rng(1)).scores
    assert sorted(scores.tolist(), reverse=True) == pytest.approx([1 - rank / n for rank in range(n)])
