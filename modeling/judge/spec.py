"""Everything that decides what a judge becomes, in one frozen value that is saved with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

EMBEDDED = "embedded:all-MiniLM-L6-v2"
KINDS = ("bi_encoder",)
ALL_LINEAR = "all-linear"

# Whole or real, smallest and largest value of each number in the spec.
_RANGES: dict[str, tuple[type, float, float]] = {
    "lora_rank": (int, 1, 512),
    "lora_alpha": (int, 1, 1024),
    "lora_dropout": (float, 0.0, 0.9),
    "learning_rate": (float, 1e-7, 1.0),
    "head_learning_rate": (float, 1e-7, 1.0),
    "head_penalty": (float, 0.0, 1e9),
    "epochs": (int, 1, 1000),
    "batch_size": (int, 1, 4096),
    "max_length": (int, 8, 8192),
    "warmup": (float, 0.0, 0.9),
    "weight_decay": (float, 0.0, 1.0),
    "seed": (int, 0, 2**32 - 1),
}


class SpecError(ValueError):
    """A setting of a judge that cannot be used: names the field, the value and what was expected."""


@dataclass(frozen=True)
class JudgeSpec:
    """The settings of one training run; SpecError when one of them cannot be used."""

    kind: str = "bi_encoder"
    """How the base model judges; "bi_encoder" embeds query and product apart and a head compares them."""
    base_model: str = EMBEDDED
    """The embedded model, a Hugging Face id such as "intfloat/e5-small-v2", or a folder with such a model."""
    revision: str | None = None
    """Branch, tag or commit of a Hugging Face id; None is its main branch. Of no use for the other two."""
    lora_rank: int = 16
    """Columns of each low-rank update: how much the adapter can change."""
    lora_alpha: int = 32
    """The update is scaled by lora_alpha / lora_rank."""
    lora_dropout: float = 0.0
    """Share of an update's inputs that is dropped while training."""
    targets: str = ALL_LINEAR
    """The layers that get an update: "all-linear", or names of modules with commas between them."""
    learning_rate: float = 1e-3
    """Peak learning rate of the low-rank updates."""
    head_learning_rate: float = 1e-3
    """Peak learning rate of the head."""
    head_penalty: float = 1000.0
    """L2 penalty of the head's start, a logistic regression on the base model's own embeddings."""
    epochs: int = 3
    """How many times every training pair is seen."""
    batch_size: int = 32
    """Pairs a step."""
    max_length: int = 40
    """Tokens of a query and of a product, each, that are read; the rest is cut off."""
    warmup: float = 0.1
    """Share of the steps in which the learning rates rise to their peak; they fall in a line after it."""
    weight_decay: float = 0.01
    """Decoupled weight decay of the updates and the head."""
    seed: int = 0
    """Decides every random choice: initial weights, order of the pairs, dropout."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecError(f'kind: expected "bi_encoder", the only kind there is so far, got {self.kind!r}')
        for name in ("base_model", "targets"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise SpecError(f"{name}: expected a text that is not empty, got {value!r}")
        if self.revision is not None and (not isinstance(self.revision, str) or not self.revision.strip()):
            raise SpecError(f"revision: expected None or a branch, tag or commit, got {self.revision!r}")
        for name, (kind, low, high) in _RANGES.items():
            _check_number(name, getattr(self, name), kind, low, high)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "JudgeSpec":
        """A spec from plain JSON; fields left out keep their defaults, unknown ones are refused."""
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise SpecError(f"{name}: unknown setting of a judge; known are {', '.join(known)}")
        return cls(**settings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON that from_dict reads."""
        return asdict(self)


def _check_number(name: str, value: Any, kind: type, low: float, high: float) -> None:
    allowed = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed) or not low <= value <= high:
        word = "whole number" if kind is int else "number"
        raise SpecError(f"{name}: expected a {word} from {low:g} to {high:g}, got {value!r}")
