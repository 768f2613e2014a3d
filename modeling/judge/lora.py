"""Low-rank updates on a base model: added, read and merged. By PEFT."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from modeling.judge.base_model import BaseModelError
from modeling.judge.spec import ALL_LINEAR, JudgeSpec


def add_adapter(network: nn.Module, spec: JudgeSpec) -> PeftModel:
    """The network with frozen weights and trainable low-rank updates as the spec wants them.

    A completion's output layer is left as it is. BaseModelError where the targets are no layers of it.
    """
    targets: str | list[str] = spec.targets
    if spec.targets != ALL_LINEAR:
        targets = [name.strip() for name in spec.targets.split(",")]
    config = LoraConfig(
        r=spec.lora_rank,
        lora_alpha=spec.lora_alpha,
        lora_dropout=spec.lora_dropout,
        target_modules=targets,
    )
    try:
        with _peft_asks_by_an_old_name():
            adapted = get_peft_model(network, config)
    except ValueError as error:
        raise BaseModelError(f"targets {spec.targets!r} do not fit {spec.base_model}: {error}") from error
    # PEFT notes the folder on this machine, which means nothing on the next.
    config.base_model_name_or_path = spec.base_model
    config.revision = spec.revision
    return cast(PeftModel, adapted)


def load_adapter(network: nn.Module, folder: Path) -> PeftModel:
    """The network with the updates that an artifact's adapter folder holds, for judging only."""
    device = str(next(network.parameters()).device)
    with _peft_asks_by_an_old_name():
        return PeftModel.from_pretrained(network, str(folder), torch_device=device)


def merge_adapter(adapted: PeftModel) -> nn.Module:
    """The network with the updates added to its weights, as fast as the base model.

    Only weights in full precision take them without loss; others keep the updates beside them.
    """
    if any(weight.dtype != torch.float32 for weight in adapted.parameters()):
        return cast(nn.Module, adapted)
    merged: nn.Module = adapted.merge_and_unload()
    return merged


@contextmanager
def _peft_asks_by_an_old_name() -> Iterator[None]:
    """Hide that PEFT 0.21 reads a property that transformers 5 has renamed: nobody here can change it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        yield
