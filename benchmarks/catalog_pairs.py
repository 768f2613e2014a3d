"""Labeled pairs of a generated catalog, as a judge learns from them."""

import random
from collections.abc import Mapping

from modeling.judge.dataset import CALIBRATION, HOLDOUT, TRAIN, Example
from modeling.judge.prompts import product_text, query_text
from simulation.families import load_shop
from simulation.pairs import SHARES, results
from simulation.products import write_listing

LABELS = tuple(SHARES)
ERRORS = 0.08  # share of labels that people got wrong
PER_QUERY = 5  # pairs of a query, which has 20: a round draws few of each


def labeled_pairs(counts: Mapping[str, int], seed: int, errors: float = ERRORS) -> list[Example]:
    """As many pairs of each split as asked for, whole queries in one split, with some wrong labels in all of them.

    At most PER_QUERY pairs are of one query. A wrong label is any of the others. The same arguments give the same
    pairs.
    """
    shop = load_shop()
    rng, erring = random.Random(f"pairs {seed}"), random.Random(f"errors {seed}")
    splits = (HOLDOUT, CALIBRATION, TRAIN)
    wanted = {split: counts.get(split, 0) for split in splits}
    found: list[Example] = []
    for query_id, shown in enumerate(results(shop, seed, {"us": 1.0})):
        open_splits = [split for split in splits if wanted[split]]
        if not open_splits:
            break
        split = rng.choices(open_splits, [wanted[one] for one in open_splits])[0]
        judged = [pair for pair in shown.pairs if pair.label]
        for pair in rng.sample(judged, min(PER_QUERY, wanted[split], len(judged))):
            listing = write_listing(rng, pair.product, shop.words["us"])
            product = product_text(listing.title, listing.brand, listing.colour, listing.bullets, listing.description)
            label = LABELS.index(pair.label)
            if erring.random() < errors:
                label = (label + erring.randrange(1, len(LABELS))) % len(LABELS)
            found.append(Example(len(found), query_id, query_text(shown.query.text), product, label, split))
            wanted[split] -= 1
    return found
