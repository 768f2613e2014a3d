"""A judge at work: texts in, calibrated probabilities out. Throughput is the point."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from modeling.evaluation.calibration import Calibration
from modeling.judge.artifact import Artifact, IncompatibleArtifact, identity, read_artifact
from modeling.judge.base_model import resolve_base_model, weights_sha256
from modeling.judge.engines.choice import Kept, engine_for
from modeling.judge.engines.engine import Engine, Floats, logits_together
from modeling.judge.engines.plain import PlainEngine
from modeling.judge.kinds import form_of, load_models
from modeling.judge.model import PairModel


@dataclass(frozen=True)
class Judge:
    """A trained judge in memory. `labels` names the columns of what it returns; no engine means the plain one."""

    model: PairModel
    calibration: Calibration = field(default_factory=Calibration)
    engine: Engine | None = None

    @classmethod
    def load(
        cls, folder: Path, device: torch.device | None = None, engine: str = "plain", cache: Path | None = None
    ) -> "Judge":
        """The judge that an artifact's folder holds, computed by the engine of that name; see engine_for.

        `cache` is a folder on the local disk for what need not be computed again, shared by any number of processes.

        CorruptArtifact when the folder is damaged, IncompatibleArtifact when it is whole but not for this
        version or its base model has other weights, BaseModelError when that cannot be had, EngineError.
        """
        return load_judges([folder], device, engine, cache)[0]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels' keys, in the order of the columns."""
        return self.model.labels

    def probabilities(self, queries: Sequence[str], products: Sequence[str]) -> Floats:
        """Calibrated probabilities (pairs, labels) for texts made by prompts.py; rows sum to 1."""
        return self.calibrated(self.logits(queries, products))

    def logits(self, queries: Sequence[str], products: Sequence[str]) -> Floats:
        """Logits (pairs, labels), before calibration."""
        _check_sides(queries, products)
        return self.computed_by.logits(queries, products)

    def calibrated(self, logits: Floats) -> Floats:
        """Probabilities (pairs, labels) from logits."""
        return self.calibration.probabilities(logits).astype(np.float32)

    @property
    def computed_by(self) -> Engine:
        """The engine that is at work."""
        return self.engine or PlainEngine(self.model)


def load_judges(
    folders: Sequence[Path], device: torch.device | None = None, engine: str = "plain", cache: Path | None = None
) -> list[Judge]:
    """The judges of several artifacts, in their order. Those on one base model have its weights in common.

    A base model is read once, and checked once. Each judge says what it says when it is loaded alone, up to the
    rounding of sums. Errors as Judge.load.
    """
    artifacts = [read_artifact(folder) for folder in folders]
    bases: dict[Path, str] = {}
    together: dict[tuple[Path, bool, str], list[int]] = {}
    for place, artifact in enumerate(artifacts):
        base = _checked_base(artifact, bases)
        together.setdefault((base, *form_of(artifact.spec)), []).append(place)
    judges: dict[int, Judge] = {}
    for (base, *_form), places in together.items():
        for place, model in zip(places, load_models([artifacts[one] for one in places], base, device), strict=True):
            kept = Kept(cache, identity(artifacts[place])) if cache else None
            calibration = Calibration.from_dict(artifacts[place].manifest["calibration"])
            judges[place] = Judge(model, calibration, engine_for(model, engine, kept))
    return [judges[place] for place in range(len(artifacts))]


def score_together(judges: Sequence[Judge], queries: Sequence[str], products: Sequence[str]) -> list[Floats]:
    """What each judge's `probabilities` are for the pairs: judges that read texts alike read them once."""
    _check_sides(queries, products)
    logits = logits_together([judge.computed_by for judge in judges], queries, products)
    return [judge.calibrated(one) for judge, one in zip(judges, logits, strict=True)]


def _check_sides(queries: Sequence[str], products: Sequence[str]) -> None:
    if len(queries) != len(products):
        raise ValueError(f"a pair is a query and a product, got {len(queries)} and {len(products)}")


def _checked_base(artifact: Artifact, bases: dict[Path, str]) -> Path:
    """The folder of the base model that an artifact was trained on; `bases` keeps the weights' sums found so far."""
    base = resolve_base_model(artifact.spec.base_model, artifact.spec.revision)
    expected, found = artifact.manifest["base_model_sha256"], bases.get(base) or weights_sha256(base)
    bases[base] = found
    if found != expected:
        raise IncompatibleArtifact(
            f"{artifact.folder}: was trained on {artifact.spec.base_model} with weights {expected}, "
            f"but {base} has {found}. Set base_model's revision or folder back, or train again."
        )
    return base
