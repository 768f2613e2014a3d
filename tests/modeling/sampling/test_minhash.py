"""MinHash against the similarity that it estimates, and the index against comparing everything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.sampling import minhash
from modeling.sampling.minhash import HASHES, SHINGLE, NearDuplicates, signatures

WORDS = (
    "steel",
    "water",
    "bottle",
    "with",
    "lid",
    "green",
    "black",
    "wide mouth",
    "24 oz",
    "pack of two",
    "leak proof",
)


def titles(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(4, 12))) for _ in range(count)]


def jaccard(one: str, other: str) -> float:
    first, second = ({text[at : at + SHINGLE] for at in range(len(text) - SHINGLE + 1)} for text in (one, other))
    return len(first & second) / len(first | second)


def test_signatures_estimate_the_jaccard_similarity() -> None:
    texts = titles(120)
    found = signatures(texts)
    errors = [float((found[a] == found[b]).mean()) - jaccard(texts[a], texts[b]) for a in range(120) for b in range(a)]
    assert abs(np.mean(errors)) < 0.01
    assert np.std(errors) < 0.05
    assert max(map(abs, errors)) < 0.25


def test_signatures_look_at_neither_case_nor_spaces() -> None:
    one, other, third = signatures(["Steel  Bottle\tGreen", " steel bottle green ", "steel bottle greens"])
    assert (one == other).all()
    assert (one != third).any()


@given(st.lists(st.text(max_size=30), max_size=12))
def test_signatures_are_of_any_text_whatever_its_neighbours(texts: list[str]) -> None:
    together = signatures(texts)
    assert together.shape == (len(texts), HASHES)
    for text, signature in zip(texts, together, strict=True):
        np.testing.assert_array_equal(signatures([text])[0], signature)


def test_signatures_are_the_same_in_blocks_and_in_every_version(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = titles(50)
    whole = signatures(texts)
    monkeypatch.setattr(minhash, "_BLOCK_TITLES", 7)
    np.testing.assert_array_equal(signatures(texts), whole)
    assert signatures(["steel water bottle"])[0, :3].tolist() == [78725663, 22657178, 304594735]


def test_near_duplicates_are_those_that_comparing_everything_finds() -> None:
    texts = [title + more for title in titles(200, seed=1) for more in (" classic", " classic 2")]
    found = signatures(texts)
    index = NearDuplicates(0.8)
    kept: list[int] = []
    for number in range(400):
        plainly = any((found[number] == found[other]).mean() >= 0.8 for other in kept)
        assert index.has(found[number]) == plainly
        if not plainly:
            index.add(found[number])
            kept.append(number)
    assert 190 <= len(kept) <= 240
    assert all(jaccard(texts[a], texts[b]) < 0.93 for a in kept for b in kept if a < b)


def test_near_duplicates_of_a_thousand_equal_titles_cost_one_comparison_each() -> None:
    signature = signatures(["steel water bottle with lid"])[0]
    index = NearDuplicates(0.8)
    assert not index.has(signature)
    index.add(signature)
    assert all(index.has(signature) for _ in range(1000))
