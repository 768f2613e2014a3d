"""Where a training run stands, on disk: it goes on from there after it was killed. Safetensors and JSON, no pickle.

A checkpoint is a folder `step-000123` with a file of tensors for each process and state.json, which is written last.
The folder gets its name when it is whole, and only then are older ones removed: whoever looks finds the last or the
one before.
"""

import json
import os
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

FORMAT = 1
_STATE = "state.json"
_WEIGHT, _MOMENT, _CHANCE = "weight/", "moment/", "chance/"


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint: its folder, how many steps were done, and the state that was kept with it."""

    folder: Path
    step: int
    state: dict[str, Any]

    def tensors(self, process: int) -> dict[str, Tensor]:
        """What write_tensors wrote for a process."""
        return load_file(self.folder / _tensors_name(process))


def newest_checkpoint(folder: Path, fingerprint: str, processes: int = 1) -> Checkpoint | None:
    """The last whole checkpoint of this very run, or None: what is damaged or of another run is passed over.

    `fingerprint` says what the run is made from, `processes` how many share it.
    """
    for path in sorted(folder.glob("step-*"), reverse=True):
        try:
            state = json.loads((path / _STATE).read_text(encoding="utf-8"))
            wanted = {"format": FORMAT, "fingerprint": fingerprint, "processes": processes}
            if {name: state.get(name) for name in wanted} != wanted:
                continue
            for process in range(processes):
                load_file(path / _tensors_name(process))
        except (OSError, ValueError, SafetensorError):
            continue
        return Checkpoint(path, state["step"], state)
    return None


def begin_checkpoint(folder: Path, step: int) -> Path:
    """An empty folder for the tensors of every process."""
    unfinished = folder / f".step-{step:09d}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def write_tensors(unfinished: Path, process: int, tensors: Mapping[str, Tensor]) -> None:
    """Write what one process holds and wait until it is on the disk."""
    path = unfinished / _tensors_name(process)
    # Copies: safetensors refuses tensors that share memory, as the tables of an 8-bit optimizer do.
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, path)
    _flush(path)


def finish_checkpoint(
    unfinished: Path, fingerprint: str, processes: int, step: int, state: Mapping[str, Any]
) -> Checkpoint:
    """Add the state, give the folder its name, and remove the checkpoints before it."""
    kept = {"format": FORMAT, "fingerprint": fingerprint, "processes": processes, "step": step, **state}
    (unfinished / _STATE).write_text(json.dumps(kept), encoding="utf-8")
    _flush(unfinished / _STATE)
    _flush(unfinished)
    place = unfinished.with_name(unfinished.name.removeprefix("."))
    shutil.rmtree(place, ignore_errors=True)
    unfinished.rename(place)
    _flush(place.parent)
    for other in place.parent.iterdir():
        if other != place:
            shutil.rmtree(other, ignore_errors=True)
    return Checkpoint(place, step, kept)


def trained_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The weights that are trained, by name; of a sharded model this process's part."""
    return {name: _local(weight.detach()) for name, weight in model.named_parameters() if weight.requires_grad}


def pack(model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Everything that training changes, as tensors and as plain JSON: weights, optimizer, random numbers."""
    names: dict[Tensor, str] = {weight: name for name, weight in model.named_parameters()}
    tensors = {_WEIGHT + name: tensor for name, tensor in trained_tensors(model).items()}
    values: dict[str, dict[str, Any]] = {}
    on_cpu = []
    for weight, state in optimizer.state.items():
        for key, value in state.items():
            if isinstance(value, Tensor):
                place = f"{_MOMENT}{names[weight]}/{key}"
                tensors[place] = _local(value)
                on_cpu += [place] if value.device.type == "cpu" else []
            else:
                values.setdefault(names[weight], {})[key] = value
    groups = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    tensors |= _chance_tensors()
    return tensors, {"values": values, "on_cpu": on_cpu, "groups": groups, "chance": _chance_numbers()}


def load_trained(weights: Mapping[str, Tensor], model: nn.Module) -> None:
    """Put trained weights by name into a model of the same making. KeyError where one is missing."""
    with torch.no_grad():
        for name, weight in trained_tensors(model).items():
            weight.copy_(weights[name])


def unpack_weights(tensors: Mapping[str, Tensor], model: nn.Module) -> None:
    """Put the weights that pack took back into a model of the same making."""
    load_trained({name.removeprefix(_WEIGHT): tensor for name, tensor in tensors.items()}, model)


def unpack_optimizer(
    tensors: Mapping[str, Tensor], state: Mapping[str, Any], model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Put the optimizer's state back as it was. Its own load_state_dict would cast what is held in eight bits."""
    weights = dict(model.named_parameters())
    on_cpu = set(state["on_cpu"])
    for name, values in state["values"].items():
        optimizer.state[weights[name]].update(values)
    for place, tensor in tensors.items():
        if place.startswith(_MOMENT):
            name, _, key = place.removeprefix(_MOMENT).rpartition("/")
            weight = weights[name]
            held = tensor if place in on_cpu else tensor.to(weight.device)
            optimizer.state[weight][key] = _sharded_like(held, weight)
    for group, kept in zip(optimizer.param_groups, state["groups"], strict=True):
        group.update({key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()})


def unpack_chance(tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Let every source of random numbers go on where it stood."""
    version, numbers, gauss = state["chance"]["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, keys, *rest = state["chance"]["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(tensors[_CHANCE + "torch"])
    for device in range(_gpus()):
        if (kept := tensors.get(f"{_CHANCE}cuda/{device}")) is not None:
            torch.cuda.set_rng_state(kept, device)


def _chance_tensors() -> dict[str, Tensor]:
    gpus = {f"{_CHANCE}cuda/{device}": torch.cuda.get_rng_state(device) for device in range(_gpus())}
    return {_CHANCE + "torch": torch.get_rng_state(), **gpus}


def _chance_numbers() -> dict[str, list[Any]]:
    version, numbers, gauss = random.getstate()
    kind, keys, place, has_gauss, cached = np.random.get_state()
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [str(kind), np.asarray(keys).tolist(), int(place), int(has_gauss), float(cached)],
    }


def _gpus() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _local(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _sharded_like(moment: Tensor, weight: Tensor) -> Tensor:
    """A moment of a sharded weight is sharded as the weight is; a count of steps is not."""
    if isinstance(weight, DTensor) and moment.dim():
        return DTensor.from_local(moment, weight.device_mesh, weight.placements)
    return moment


def _tensors_name(process: int) -> str:
    return f"process-{process:05d}.safetensors"


def _flush(path: Path) -> None:
    """Wait until a file or a folder's list of names is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
