"""Everything that decides what a judge becomes, in one frozen value that is saved with it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

EMBEDDED = "embedded:all-MiniLM-L6-v2"
ALL_LINEAR = "all-linear"
# Each kind with the prompts that it can read; the first is its default.
PROMPTS: dict[str, tuple[str, ...]] = {
    "bi_encoder": ("sides-1",),
    "cross_encoder": ("pair-2", "pair-1"),
    "completion": ("short-1", "letters-1", "guideline-1"),
}
# Each kind's usual longest text, in tokens.
_LENGTHS = {"bi_encoder": 40, "cross_encoder": 64, "completion": 256}
_SHIPPED = Path(__file__).parent / "specs"

# The values that a setting can have.
_CHOICES: dict[str, tuple[str, ...]] = {
    "kind": tuple(PROMPTS),
    "quantization": ("none", "int8", "nf4"),
    "schedule": ("linear", "cosine", "constant"),
    "optimizer": ("adamw", "adamw_8bit"),
}
_TRACKERS = ("mlflow", "wandb")

# Whole or real, smallest and largest value of each number in the spec.
_RANGES: dict[str, tuple[type, float, float]] = {
    "lora_rank": (int, 1, 512),
    "lora_alpha": (int, 1, 1024),
    "lora_dropout": (float, 0.0, 0.9),
    "learning_rate": (float, 1e-7, 1.0),
    "head_learning_rate": (float, 1e-7, 1.0),
    "head_penalty": (float, 0.0, 1e9),
    "warmup": (float, 0.0, 0.9),
    "weight_decay": (float, 0.0, 1.0),
    "epochs": (int, 1, 1000),
    "batch_tokens": (int, 16, 10_000_000),
    "max_length": (int, 8, 32768),
    "early_stopping": (int, 0, 1000),
    "seed": (int, 0, 2**32 - 1),
}


class SpecError(ValueError):
    """A setting of a judge that cannot be used: names the field, the value and what was expected."""


@dataclass(frozen=True)
class JudgeSpec:
    """The settings of one training run; SpecError when one of them cannot be used."""

    kind: str = "bi_encoder"
    """A "bi_encoder" embeds query and product apart, "cross_encoder" reads both, "completion" says the label."""
    base_model: str = EMBEDDED
    """The embedded model, a Hugging Face id such as "intfloat/e5-small-v2", or a folder with such a model."""
    revision: str | None = None
    """Branch, tag or commit of a Hugging Face id; None is its main branch. Of no use for the other two."""
    quantization: str = "none"
    """How the frozen base weights are held: "none", "int8" or "nf4"; the fewer bits, the less memory."""
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
    """Peak learning rate of the head; a completion has none."""
    head_penalty: float = 1000.0
    """L2 penalty of the head's start, a logistic regression on what the base model alone makes of the pairs."""
    schedule: str = "linear"
    """How the learning rates go after the warmup: "linear" or "cosine" down to nothing, or "constant"."""
    warmup: float = 0.1
    """Share of the steps in which the learning rates rise to their peak."""
    weight_decay: float = 0.01
    """Decoupled weight decay of the updates and the head."""
    optimizer: str = "adamw"
    """"adamw", or "adamw_8bit" with its moments in 8 bits, which takes a quarter of their memory."""
    epochs: int = 3
    """How many times every training pair is seen."""
    batch_tokens: int = 1536
    """Tokens of one optimizer step, over all devices: about 32 pairs of the embedded model's usual length."""
    max_length: int = 0
    """Tokens that are read, by a bi_encoder of query and product each, else of both; 0: 40, 64 or 256, by the kind."""
    gradient_checkpointing: bool = False
    """Whether activations are computed again instead of kept: a third slower, a fraction of the memory."""
    early_stopping: int = 0
    """Evaluations in a row without a gain after which training ends; 0 never ends it, as it stops too soon."""
    prompt: str = ""
    """Version of the text that is read, such as "short-1" or "guideline-1"; empty is the kind's default."""
    report_to: tuple[str, ...] = ()
    """Trackers that are told of the run besides Winnow: "mlflow", "wandb"."""
    seed: int = 0
    """Decides every random choice: initial weights, order of the pairs, dropout."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        for name in ("base_model", "targets"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise SpecError(f"{name}: expected a text that is not empty, got {value!r}")
        if self.revision is not None and (not isinstance(self.revision, str) or not self.revision.strip()):
            raise SpecError(f"revision: expected None or a branch, tag or commit, got {self.revision!r}")
        if self.max_length == 0 and not isinstance(self.max_length, bool):
            object.__setattr__(self, "max_length", _LENGTHS[self.kind])
        for name, (kind, low, high) in _RANGES.items():
            _check_number(name, getattr(self, name), kind, low, high)
        if not isinstance(self.gradient_checkpointing, bool):
            raise SpecError(f"gradient_checkpointing: expected true or false, got {self.gradient_checkpointing!r}")
        if self.prompt == "":
            object.__setattr__(self, "prompt", PROMPTS[self.kind][0])
        if self.prompt not in PROMPTS[self.kind]:
            expected = " or ".join(f'"{name}"' for name in PROMPTS[self.kind])
            raise SpecError(f"prompt: a {self.kind} reads {expected}, got {self.prompt!r}")
        if not isinstance(self.report_to, list | tuple) or any(name not in _TRACKERS for name in self.report_to):
            raise SpecError(f"report_to: expected a list of {' or '.join(_TRACKERS)}, got {self.report_to!r}")
        object.__setattr__(self, "report_to", tuple(self.report_to))

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "JudgeSpec":
        """A spec from plain JSON; fields left out keep their defaults, unknown ones are refused.

        "like" names a shipped spec whose values take the defaults' place: {"like": "qwen3-0.6b", "epochs": 2}.
        """
        settings = dict(settings)
        if "like" in settings:
            settings = _shipped(settings.pop("like")) | settings
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise SpecError(f"{name}: unknown setting of a judge; known are like, {', '.join(known)}")
        return cls(**settings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON that from_dict reads."""
        return asdict(self) | {"report_to": list(self.report_to)}


def shipped_specs() -> list[str]:
    """The names that "like" takes."""
    return sorted(path.stem for path in _SHIPPED.glob("*.json"))


def _shipped(name: Any) -> dict[str, Any]:
    if name not in shipped_specs():
        raise SpecError(f"like: expected one of {', '.join(shipped_specs())}, got {name!r}")
    settings: dict[str, Any] = json.loads((_SHIPPED / f"{name}.json").read_text(encoding="utf-8"))
    return settings


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        expected = ", ".join(f'"{choice}"' for choice in choices)
        raise SpecError(f"{name}: expected one of {expected}, got {value!r}")


def _check_number(name: str, value: Any, kind: type, low: float, high: float) -> None:
    allowed = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed) or not low <= value <= high:
        word = "whole number" if kind is int else "number"
        raise SpecError(f"{name}: expected a {word} from {low:g} to {high:g}, got {value!r}")
