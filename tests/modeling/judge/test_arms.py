"""The arms of a project on planted pairs: what was picked helps, harms, makes no difference."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from modeling.evaluation.arms import Arms
from modeling.judge import arms
from modeling.judge.arms import arms_of_project
from modeling.judge.base_model import load_network, load_tokenizer, resolve_base_model
from modeling.judge.bi_encoder import BiEncoder
from modeling.judge.dataset import HOLDOUT, TRAIN, Example
from modeling.judge.spec import EMBEDDED
from tests.modeling.judge.shop import LABELS, shop_pairs

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def untrained() -> BiEncoder:
    base = resolve_base_model(EMBEDDED)
    return BiEncoder(load_network(base), load_tokenizer(base), LABELS, 16)


@pytest.fixture(scope="module")
def pairs() -> list[Example]:
    return shop_pairs(per_query=12, seed=2)


def learned(pairs: list[Example]) -> list[Example]:
    return [row for row in pairs if row.split == TRAIN]


def compared(model: BiEncoder, rows: list[Example], at_random: list[Example], pairs: list[Example]) -> Arms:
    holdout = [row for row in pairs if row.split == HOLDOUT]
    found = arms_of_project(model, rows, {row.pair_id for row in at_random}, holdout, penalty=30.0, seed=1)
    assert found is not None
    return found


def test_picked_pairs_with_labels_that_mislead_are_seen_to_harm(untrained: BiEncoder, pairs: list[Example]) -> None:
    rows = learned(pairs)
    misled = [row if row.pair_id % 2 else replace(row, label=(row.label + 1) % 3) for row in rows]
    found = compared(untrained, misled, [row for row in rows if row.pair_id % 2], pairs)
    assert found.lead.high < 0


def test_picked_pairs_that_teach_what_the_random_ones_do_not_are_seen_to_help(
    untrained: BiEncoder, pairs: list[Example]
) -> None:
    rows = learned(pairs)
    poor = [row if row.pair_id % 3 else replace(row, label=0) for row in rows]  # every random pair is called exact
    found = compared(untrained, poor, [row for row in rows if row.pair_id % 3 == 0], pairs)
    assert found.lead.low > 0


def test_pairs_picked_like_random_ones_make_no_difference(untrained: BiEncoder, pairs: list[Example]) -> None:
    rows = learned(pairs)
    found = compared(untrained, rows, rows[::2], pairs)
    assert found.lead.low < 0 < found.lead.high
    sizes = [point.labels for point in found.active]
    assert sizes == [point.labels for point in found.random]
    assert sizes[-1] == len(rows[::2])
    assert all(2 * one in (other, other - 1) for one, other in pairwise(sizes))


def test_comparing_leaves_the_model_as_it_is(untrained: BiEncoder, pairs: list[Example]) -> None:
    before = {name: weight.clone() for name, weight in untrained.named_parameters()}
    rows = learned(pairs)
    once = compared(untrained, rows, rows[::2], pairs)
    assert all(torch.equal(weight, before[name]) for name, weight in untrained.named_parameters())
    assert compared(untrained, rows[::-1], rows[::2], pairs) == once  # rows may come in any order


def test_without_two_arms_there_is_nothing_to_compare(
    untrained: BiEncoder, pairs: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, holdout = learned(pairs), [row for row in pairs if row.split == HOLDOUT]
    ids = {row.pair_id for row in rows}
    for random_pairs, held in ((ids, holdout), (set(), holdout), (set(list(ids)[: arms.LEAST - 1]), holdout)):
        assert arms_of_project(untrained, rows, random_pairs, held, penalty=30.0, seed=1) is None
    assert arms_of_project(untrained, rows, set(list(ids)[:100]), [], penalty=30.0, seed=1) is None
    monkeypatch.setattr(untrained, "head", None)
    assert arms_of_project(untrained, rows, set(list(ids)[:100]), holdout, penalty=30.0, seed=1) is None
