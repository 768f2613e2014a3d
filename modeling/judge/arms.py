"""Does choosing pairs help in this project? Heads for both arms, cheap enough to be fitted in every round."""

from collections.abc import Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from modeling.evaluation.arms import Arms, compare_arms
from modeling.judge.dataset import Example
from modeling.judge.model import PairModel
from modeling.judge.probe import fit_linear

# The largest size is what the random stream has, the smaller ones are halves of it.
SIZES = 4
LEAST = 50


def arms_of_project(
    model: PairModel,
    learned: Sequence[Example],
    random_pairs: Collection[int],
    holdout: Sequence[Example],
    *,
    penalty: float,
    seed: int,
) -> Arms | None:
    """The learning curves of both arms on the holdout's pairs, from heads on the model's present features.

    `learned` are the pairs that may be trained on and `random_pairs` the ids of those among them that were drawn at
    random; the random arm learns from these alone, the active arm from as many of all, drawn uniformly: the mix as it
    was. `holdout` must be pairs of the random stream. `penalty` is the spec's head_penalty. Both arms have the same
    sizes, halved from the number of random pairs down to LEAST. None where the model has no head, or fewer than LEAST
    pairs are random, or none is picked: then there is nothing to compare.
    """
    learned = sorted(learned, key=lambda row: row.pair_id)
    drawn = [row for row in learned if row.pair_id in random_pairs]
    if model.head is None or len(drawn) < LEAST or len(drawn) == len(learned) or not holdout:
        return None
    labels = len(model.labels)
    at_holdout = _features(model, holdout)
    said: list[dict[int, NDArray[np.int64]]] = []
    for arm in (learned, drawn):
        order = np.random.default_rng(seed).permutation(len(arm))[: len(drawn)]
        rows = [arm[place] for place in order]
        features = _features(model, rows)
        said.append(
            {size: _judged(features[:size], rows[:size], at_holdout, labels, penalty) for size in _sizes(len(drawn))}
        )
    return compare_arms(
        [row.label for row in holdout], [row.query_id for row in holdout], *said, labels=labels, seed=seed
    )


def _sizes(most: int) -> list[int]:
    return [most >> halvings for halvings in range(SIZES) if most >> halvings >= LEAST]


def _features(model: PairModel, rows: Sequence[Example]) -> Tensor:
    return model.features([row.query for row in rows], [row.product for row in rows])


def _judged(
    features: Tensor, rows: Sequence[Example], at_holdout: Tensor, labels: int, penalty: float
) -> NDArray[np.int64]:
    """What a head that learned from these rows says of the holdout, (pairs,)."""
    head = nn.Linear(features.shape[1], labels, device=features.device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    given = torch.tensor([row.label for row in rows], device=features.device)
    weights = torch.tensor([row.weight for row in rows], dtype=torch.float32, device=features.device)
    fit_linear(head, features, given, weights, penalty)
    with torch.no_grad():
        said: NDArray[np.int64] = head(at_holdout).argmax(dim=1).cpu().numpy()
    return said
