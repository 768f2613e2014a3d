"""A small shop whose labels follow from the texts, and what a run on it leaves."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.judge.dataset import CALIBRATION, HOLDOUT, TRAIN, Example
from modeling.judge.prompts import product_text, query_text
from modeling.judge.spec import JudgeSpec
from modeling.judge.watch import Progress

LABELS = ("exact", "substitute", "irrelevant")
COLOURS = ("red", "blue", "green", "black", "white", "yellow")
THINGS = ("coffee mug", "desk lamp", "yoga mat", "backpack", "dog leash", "wall clock", "frying pan", "umbrella")
SMALL = JudgeSpec(max_length=16, batch_tokens=384, epochs=2, lora_rank=8, lora_alpha=16)


@dataclass(frozen=True)
class Trained:
    """What a finished run leaves: the pairs, the folder, the manifest, all that was reported."""

    examples: list[Example]
    folder: Path
    manifest: dict[str, Any]
    reports: list[Progress]


def shop_pairs(per_query: int = 5, seed: int = 1) -> list[Example]:
    """Pairs of 48 queries: the thing in its colour is exact, in another a substitute, the rest irrelevant."""
    random_ = random.Random(seed)
    queries = [(colour, thing) for thing in THINGS for colour in COLOURS]
    random_.shuffle(queries)
    examples: list[Example] = []
    for query_id, (colour, thing) in enumerate(queries, start=1):
        split = HOLDOUT if query_id % 4 == 0 else None
        for _ in range(per_query):
            label = random_.choice([0, 0, 1, 2, 2])
            other = random_.choice([one for one in COLOURS if one != colour])
            strange = random_.choice([one for one in THINGS if one != thing])
            hue, what = [(colour, thing), (other, thing), (random_.choice(COLOURS), strange)][label]
            title = f"{random_.choice(['Classic', 'New', 'Everyday', 'Premium'])} {hue.title()} {what.title()}"
            examples.append(
                Example(
                    pair_id=len(examples) + 1,
                    query_id=query_id,
                    query=query_text(f"{colour} {thing}"),
                    product=product_text(title, colour=hue),
                    label=label,
                    split=split or (CALIBRATION if random_.random() < 0.2 else TRAIN),
                )
            )
    return examples
