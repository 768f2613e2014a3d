"""Where people are expected to part: planted pairs, cells with few of them, and none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.sampling import ambiguity
from modeling.sampling.ambiguity import expected_parting

UNSURE_OF_FIRST_TWO = [0.45, 0.40, 0.10, 0.05]
UNSURE_OF_LAST_TWO = [0.05, 0.10, 0.40, 0.45]
SURE = [0.97, 0.01, 0.01, 0.01]


def planted(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Pairs on which the judge hesitates: people part on 6 of 10 between the first two labels, never elsewhere."""
    random = np.random.default_rng(seed)
    rows = np.array([UNSURE_OF_FIRST_TWO] * 300 + [UNSURE_OF_LAST_TWO] * 300 + [SURE] * 400)
    parted = np.concatenate([random.random(300) < 0.6, np.zeros(700, dtype=bool)])
    order = random.permutation(1000)
    return rows[order], parted[order]


def test_pairs_on_which_people_part_are_told_from_those_that_only_the_judge_finds_hard() -> None:
    found = expected_parting(*planted(), np.array([UNSURE_OF_FIRST_TWO, UNSURE_OF_LAST_TWO, SURE]))
    assert found[0] == pytest.approx(0.6, abs=0.08)
    assert found[1] < 0.02
    assert found[2] < 0.02
    assert found.dtype == np.float32


def test_which_of_two_labels_is_likelier_makes_no_difference() -> None:
    swapped = [UNSURE_OF_FIRST_TWO[1], UNSURE_OF_FIRST_TWO[0], 0.10, 0.05]
    found = expected_parting(*planted(), np.array([UNSURE_OF_FIRST_TWO, swapped]))
    assert found[0] == found[1]


def test_pairs_unlike_any_judged_one_are_expected_to_part_as_all_do() -> None:
    judged, parted = planted()
    found = expected_parting(judged, parted, np.array([[0.48, 0.02, 0.02, 0.48]]))
    assert found[0] == pytest.approx(parted.mean())


def test_one_judged_pair_says_little_of_those_like_it() -> None:
    judged, parted = planted()
    one_more = np.vstack([judged, [[0.48, 0.02, 0.02, 0.48]]])
    found = expected_parting(one_more, [*parted, True], np.array([[0.48, 0.02, 0.02, 0.48]]))
    assert parted.mean() < found[0] < parted.mean() + 0.1


def test_without_judged_pairs_nothing_is_known_to_part() -> None:
    found = expected_parting(np.empty((0, 4)), [], np.array([SURE, UNSURE_OF_FIRST_TWO]))
    assert found.tolist() == [0, 0]


@given(seed=st.integers(0, 100), m=st.integers(0, 40), n=st.integers(0, 40), labels=st.integers(2, 6))
def test_expectation_is_a_share_and_the_order_of_rows_does_not_matter(seed: int, m: int, n: int, labels: int) -> None:
    random = np.random.default_rng(seed)
    judged, pool = random.dirichlet(np.ones(labels), m), random.dirichlet(np.ones(labels), n)
    parted = random.random(m) < 0.3
    found = expected_parting(judged, parted, pool)
    assert ((found >= 0) & (found <= 1)).all()
    back = random.permutation(n)
    assert (expected_parting(judged, parted, pool[back]) == found[back]).all()


def test_large_pools_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = np.random.default_rng(2).dirichlet(np.ones(4), 50)
    whole = expected_parting(*planted(), pool)
    monkeypatch.setattr(ambiguity, "_BLOCK_ROWS", 7)
    assert (expected_parting(*planted(), pool) == whole).all()


def test_arrays_that_do_not_fit_are_refused() -> None:
    judged, parted = planted()
    with pytest.raises(ValueError, match="judged, parted and pool do not fit"):
        expected_parting(judged, parted[:5], judged)
    with pytest.raises(ValueError, match="judged, parted and pool do not fit"):
        expected_parting(judged, parted, judged[:, :3] / judged[:, :3].sum(axis=1, keepdims=True))
    with pytest.raises(ValueError, match="probabilities must lie between 0 and 1"):
        expected_parting(judged, parted, np.array([[0.5, np.nan, 0.2, 0.3]]))
