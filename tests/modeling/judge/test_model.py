import random

import pytest
import torch

from modeling.judge.model import batches_by_length, weighted_loss


def test_batches_hold_every_row_once_and_keep_to_the_budget() -> None:
    random_ = random.Random(4)
    lengths = [random_.randint(3, 64) for _ in range(500)]
    batches = list(batches_by_length(lengths, budget=256))
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    assert all(len(batch) * max(lengths[row] for row in batch) <= 256 for batch in batches)
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)


def test_batches_give_a_row_above_the_budget_its_own() -> None:
    assert list(batches_by_length([9, 300, 8], budget=64)) == [[1], [0, 2]]
    assert list(batches_by_length([], budget=64)) == []


def test_loss_is_the_mean_by_the_weights_of_the_pairs() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    result = weighted_loss(logits, torch.tensor([0, 0]), torch.tensor([3.0, 1.0]))
    expected = (3 * -torch.log_softmax(logits[0], 0)[0] + -torch.log_softmax(logits[1], 0)[0]) / 4
    assert result["loss"].item() == pytest.approx(expected.item())
    assert result["logits"] is logits
