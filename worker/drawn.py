"""What a training is told of how its pairs were drawn: which came at random, and how much each counts for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from modeling.judge.dataset import TRAIN, Example
from modeling.sampling.weights import weights_of_draws


def drawn_rows(by_people: Collection[int], at_random: Collection[int]) -> NDArray[np.int64]:
    """Rows (pair id, whether it was drawn at random) of the pairs that people labeled, (n, 2)."""
    rows = [(pair, pair in at_random) for pair in sorted(by_people)]
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def weighted(
    examples: Sequence[Example], by_people: Collection[int], at_random: Collection[int], labels: int
) -> list[Example]:
    """Give each pair that people labeled and that is trained on the weight that corrects for how pairs were drawn.

    The others, imported ones and those of the other splits, keep the weight 1.
    """
    rows = [place for place, one in enumerate(examples) if one.split == TRAIN and one.pair_id in by_people]
    weights = weights_of_draws(
        [examples[place].label for place in rows], [examples[place].pair_id in at_random for place in rows], labels
    )
    found = list(examples)
    for place, weight in zip(rows, weights.tolist(), strict=True):
        found[place] = replace(found[place], weight=weight)
    return found


def weights_by_label(
    examples: Sequence[Example], by_people: Collection[int], keys: Sequence[str]
) -> Mapping[str, float]:
    """The weight that people's training pairs of each label have, by key, for the manifest; 1 for one without any."""
    given = {one.label: one.weight for one in examples if one.split == TRAIN and one.pair_id in by_people}
    return {key: round(given.get(place, 1.0), 4) for place, key in enumerate(keys)}
