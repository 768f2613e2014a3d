"""The head's start: fitted to what the base model's embeddings say before anything is changed."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.judge.dataset import Example
from modeling.judge.model import PairModel

# More pairs than this hardly move the head and would not fit into memory.
_MAX_PAIRS = 20_000
_STEPS = 200


def fit_head(model: PairModel, rows: Sequence[Example], penalty: float, seed: int) -> None:
    """Set the model's head to the multinomial logistic regression on its present features.

    The loss is the sum over pairs, each by its weight, plus penalty / 2 times the squared weights. An encoder
    that is fine-tuned under a head without direction loses what it knew. Above 20,000 pairs a sample is taken.
    A model without a head is left as it is.
    Source: Kumar et al., "Fine-Tuning can Distort Pretrained Features", ICLR 2022.
    """
    head = model.head
    if head is None:
        return
    if len(rows) > _MAX_PAIRS:
        picked = np.random.default_rng(seed).choice(len(rows), _MAX_PAIRS, replace=False)
        rows = [rows[place] for place in picked]
    features = model.features([row.query for row in rows], [row.product for row in rows])
    labels = torch.tensor([row.label for row in rows], device=features.device)
    weights = torch.tensor([row.weight for row in rows], dtype=torch.float32, device=features.device)
    fit_linear(head, features, labels, weights, penalty)


def fit_linear(head: nn.Linear, features: Tensor, labels: Tensor, weights: Tensor, penalty: float) -> None:
    """Fit a head to features (pairs, numbers), labels (pairs,) and weights (pairs,), from where it is, as fit_head."""
    parameters = [parameter.requires_grad_(True) for parameter in head.parameters()]
    solver = torch.optim.LBFGS(parameters, max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        losses = functional.cross_entropy(head(features), labels, reduction="none")
        total = ((losses * weights).sum() + penalty / 2 * head.weight.square().sum()) / len(labels)
        total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return total

    solver.step(loss)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    solver.zero_grad()
