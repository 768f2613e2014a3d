import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from bitsandbytes.optim.adamw import AdamW8bit
from torch import Tensor, nn

from modeling.judge.checkpoints import (
    Checkpoint,
    begin_checkpoint,
    finish_checkpoint,
    newest_checkpoint,
    pack,
    unpack_chance,
    unpack_optimizer,
    unpack_weights,
    write_tensors,
)

pytestmark = pytest.mark.training

Make = Callable[[nn.Module], torch.optim.Optimizer]
OPTIMIZERS: dict[str, Make] = {
    "adamw": lambda model: torch.optim.AdamW(
        [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.2}], fused=True
    ),
    "adamw_8bit": lambda model: AdamW8bit(model.parameters(), lr=0.1),  # type: ignore[no-untyped-call]  # bitsandbytes leaves it untyped
}


def written(folder: Path, step: int, fingerprint: str = "one") -> Checkpoint:
    unfinished = begin_checkpoint(folder, step)
    write_tensors(unfinished, 0, {"a": torch.arange(step)})
    return finish_checkpoint(unfinished, fingerprint, 1, step, {"losses": [0.5]})


def test_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    written(tmp_path, 3)
    found = newest_checkpoint(tmp_path, "one")
    assert found is not None
    assert (found.step, found.state["losses"]) == (3, [0.5])
    assert found.tensors(0)["a"].tolist() == [0, 1, 2]


def test_checkpoint_takes_the_place_of_those_before(tmp_path: Path) -> None:
    written(tmp_path, 3)
    begin_checkpoint(tmp_path, 5)
    written(tmp_path, 12)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000012"]


@pytest.mark.parametrize("name", ["state.json", "process-00000.safetensors"])
def test_checkpoint_that_is_damaged_gives_way_to_the_one_before(tmp_path: Path, name: str) -> None:
    older, newer = written(tmp_path / "older", 3), written(tmp_path / "newer", 4)
    (newer.folder / name).write_bytes(b"{")
    older.folder.rename(newer.folder.with_name("step-000000003"))
    found = newest_checkpoint(tmp_path / "newer", "one")
    assert found is not None
    assert found.step == 3


def test_checkpoint_of_a_write_that_was_cut_off_is_not_seen(tmp_path: Path) -> None:
    written(tmp_path, 3)
    write_tensors(begin_checkpoint(tmp_path, 4), 0, {"a": torch.arange(4)})
    found = newest_checkpoint(tmp_path, "one")
    assert found is not None
    assert found.step == 3


def test_checkpoint_of_another_run_is_not_taken(tmp_path: Path) -> None:
    written(tmp_path, 3)
    assert newest_checkpoint(tmp_path, "other") is None
    assert newest_checkpoint(tmp_path, "one", processes=2) is None
    assert newest_checkpoint(tmp_path / "nothing", "one") is None


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> Tensor:
    """Train on random inputs, with dropout; returns the last loss."""
    loss = torch.tensor(0.0)
    for _ in range(count):
        inputs = torch.randn(4, 80) * random.random() + float(np.random.rand())
        loss = nn.functional.dropout(model(inputs)).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        optimizer.zero_grad()
    return loss.detach()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    model = nn.Linear(80, 60)
    optimizer = OPTIMIZERS[kind](model)
    steps(model, optimizer, 4)
    tensors, state = pack(model, optimizer)
    unfinished = begin_checkpoint(tmp_path, 4)
    write_tensors(unfinished, 0, tensors)
    finish_checkpoint(unfinished, "one", 1, 4, state)
    expected = steps(model, optimizer, 4)

    again = nn.Linear(80, 60)
    fresh = OPTIMIZERS[kind](again)
    found = newest_checkpoint(tmp_path, "one")
    assert found is not None
    read = found.tensors(0)
    unpack_weights(read, again)
    unpack_optimizer(read, found.state, again, fresh)
    unpack_chance(read, found.state)
    assert torch.equal(steps(again, fresh, 4), expected)
    assert torch.equal(again.weight, model.weight)
    assert torch.equal(again.bias, model.bias)


def test_checkpoint_holds_only_what_is_trained(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    model.weight.requires_grad_(False)
    tensors, _ = pack(model, torch.optim.AdamW([model.bias]))
    assert [name for name in tensors if name.startswith("weight/")] == ["weight/bias"]
