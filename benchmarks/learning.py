"""What the benchmarks of learning share: training a model of pairs and measuring it on the holdout."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import set_seed

from benchmarks.generated import LABELS
from modeling.judge.base_model import resolve_base_model
from modeling.judge.dataset import Example
from modeling.judge.kinds import build_model
from modeling.judge.model import PairModel
from modeling.judge.probe import fit_head
from modeling.judge.spec import JudgeSpec


def started(spec: JudgeSpec, rows: Sequence[Example]) -> PairModel:
    """A model on the CPU with its adapter and the start of its head."""
    set_seed(spec.seed)
    model = build_model(spec, LABELS, resolve_base_model(spec.base_model), device=torch.device("cpu"))
    fit_head(model, rows, spec.head_penalty, spec.seed)
    return model


def accuracy_on(model: PairModel, rows: Sequence[Example]) -> float:
    """The share of pairs that the model gives their true label."""
    logits = model.eval().logits([row.query for row in rows], [row.product for row in rows]).numpy()
    return float((logits.argmax(axis=1) == np.array([row.label for row in rows])).mean())
