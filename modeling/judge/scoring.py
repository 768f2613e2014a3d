"""A judge at work: texts in, calibrated probabilities out. Throughput is the point."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from modeling.evaluation.calibration import Calibration
from modeling.judge.artifact import IncompatibleArtifact, read_artifact
from modeling.judge.base_model import resolve_base_model, weights_sha256
from modeling.judge.kinds import load_model
from modeling.judge.model import PairModel

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Judge:
    """A trained judge in memory. `labels` names the columns of what it returns."""

    model: PairModel
    calibration: Calibration = field(default_factory=Calibration)

    @classmethod
    def load(cls, folder: Path, device: torch.device | None = None) -> "Judge":
        """The judge that an artifact's folder holds.

        CorruptArtifact when the folder is damaged, IncompatibleArtifact when it is whole but not for this
        version or its base model has other weights, BaseModelError when that cannot be had.
        """
        artifact = read_artifact(folder)
        base = resolve_base_model(artifact.spec.base_model, artifact.spec.revision)
        expected, found = artifact.manifest["base_model_sha256"], weights_sha256(base)
        if found != expected:
            raise IncompatibleArtifact(
                f"{folder}: was trained on {artifact.spec.base_model} with weights {expected}, "
                f"but {base} has {found}. Set base_model's revision or folder back, or train again."
            )
        return cls(load_model(artifact, base, device), Calibration.from_dict(artifact.manifest["calibration"]))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels' keys, in the order of the columns."""
        return self.model.labels

    def probabilities(self, queries: Sequence[str], products: Sequence[str]) -> Floats:
        """Calibrated probabilities (pairs, labels) for texts made by prompts.py; rows sum to 1."""
        return self.calibration.probabilities(self.logits(queries, products)).astype(np.float32)

    def logits(self, queries: Sequence[str], products: Sequence[str]) -> Floats:
        """Logits (pairs, labels), before calibration."""
        if len(queries) != len(products):
            raise ValueError(f"a pair is a query and a product, got {len(queries)} and {len(products)}")
        return cast(Floats, self.model.logits(queries, products).numpy())
