"""Where a judge computes, and in which precision."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_in_full: ContextVar[bool] = ContextVar("in_full", default=False)


def best_device() -> torch.device:
    """This process's GPU if there is one, else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def fast_half_precision(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; elsewhere it is slower than full precision."""
    if _in_full.get():
        return False
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    features = torch.cpu.get_capabilities()
    return device.type == "cpu" and bool(features.get("amx_bf16") or features.get("avx512_bf16"))


@contextmanager
def full_precision() -> Iterator[None]:
    """A context in which everything is loaded and computed in float32: what other precisions are measured by."""
    before = _in_full.set(True)
    try:
        yield
    finally:
        _in_full.reset(before)


def half_precision(device: torch.device) -> torch.autocast:
    """A context in which matrices are multiplied in bfloat16 where that is faster."""
    return torch.autocast(device.type, torch.bfloat16, enabled=fast_half_precision(device))


def processes() -> int:
    """How many processes share this run; accelerate tells them so."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_process() -> bool:
    """Whether this process is the one that writes and reports."""
    return os.environ.get("RANK", "0") == "0"
