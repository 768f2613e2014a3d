import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.labels.aggregation import TIE, majority


@pytest.mark.parametrize(
    ("counts", "label", "share"),
    [
        ([0, 3, 0, 0], 1, 1.0),
        ([2, 1, 0, 0], 0, 2 / 3),
        ([1, 1, 0, 0], TIE, 0.5),
        ([1, 2, 2, 0], TIE, 0.4),
        ([2, 1, 1, 0], 0, 0.5),
    ],
)
def test_majority_names_the_label_or_a_tie(counts: list[int], label: int, share: float) -> None:
    result = majority(counts)
    assert result.label == label
    assert result.share == pytest.approx(share)


def test_majority_of_nobody_is_a_tie_without_a_share() -> None:
    result = majority([0, 0])
    assert result.label == TIE
    assert math.isnan(result.share)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_majority_label_has_more_votes_than_any_other(counts: list[int]) -> None:
    label, _share = majority(counts)
    ranked = sorted(counts, reverse=True)
    alone = ranked[0] > (ranked[1] if len(ranked) > 1 else 0)
    assert (label != TIE) == alone
    if alone:
        assert counts[label] == ranked[0]


@pytest.mark.parametrize("counts", [[], [[1, 2]], [1, -1]])
def test_majority_refuses_what_are_no_votes(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="counts must"):
        majority(counts)
