"""How many labels the default strategy needs for what random selection reaches with 4,000, beside small-text's.

The pool is the generated catalog's, the model the default judge's: the embedded MiniLM's embeddings and the head that
the judge starts from, fitted anew at every size. People label as `benchmarks.people` says. Every strategy starts from
the same random pairs, draws as many each time, and is measured by the true labels of the same holdout queries.
`ratio` is the smaller of two: random's labels over the default's, for alpha and for macro F1. `noisy_worst` is how far
the default falls below random in alpha, beyond the interval over the seeds, at any size, where people err on 40 % of
the hard pairs. `--out docs` writes the whole result to docs/active_learning.json and its chart to .svg.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair
import numpy as np
import torch
import vl_convert
from numpy.typing import NDArray
from torch import nn

from benchmarks.database import say
from benchmarks.measures import Curves, mean_and_interval, saving, shortfall
from benchmarks.peers import breaking_ties
from benchmarks.people import Panel
from benchmarks.pool import LABELS, Numbers, Side, make_pool
from modeling.evaluation.classification import alpha_of_counts, counts_by_query, macro_f1_of_counts
from modeling.judge.probe import fit_linear
from modeling.judge.spec import JudgeSpec
from modeling.sampling.ambiguity import expected_parting
from modeling.sampling.batch import RANDOM, draw_batch
from modeling.sampling.contract import Pool
from modeling.sampling.default import RANDOM_SHARE, default_rules
from modeling.sampling.rules import Rules
from modeling.sampling.weights import STRENGTH, weights_of_draws

RATIO = 2.0
CATALOG_SEED = 7
GAINS = np.array([1.0, 0.1, 0.01, 0.0])  # of ESCI, as the default scheme has them
MEASURES = ("alpha", "macro_f1")
ORDINARY, NOISY = PEOPLE = ("ordinary", "noisy")
RANDOM_ARM, DEFAULT, BREAKING_TIES = "random", "default", "breaking_ties"
NAMES = {RANDOM_ARM: "Random", DEFAULT: "Default", BREAKING_TIES: "Breaking ties (small-text)"}
TITLES = {"alpha": "Alpha", "macro_f1": "Macro F1"}

# Whether choosing harms is asked of the default alone.
ARMS = {ORDINARY: (RANDOM_ARM, DEFAULT, BREAKING_TIES), NOISY: (RANDOM_ARM, DEFAULT)}

Probabilities = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """What a strategy sees of the pool: the judge's probabilities (n, labels), and the pairs labeled so far.

    `votes` (n, labels) are people's, none for a pair that is not labeled. `seed` is the draw's.
    """

    queries: Numbers
    probabilities: Probabilities | None
    labeled: Numbers
    votes: Numbers
    seed: int


# What a strategy sees and how many pairs it is to draw, to their positions and which of them are random.
Draw = Callable[[Seen, int], tuple[Numbers, NDArray[np.bool_]]]


def by_rules(seen: Seen, rules: Rules) -> tuple[Numbers, NDArray[np.bool_]]:
    """Draw as a round of the product does."""
    probabilities, ambiguity = seen.probabilities, None
    if probabilities is not None:
        votes = seen.votes[seen.labeled]
        parted = (votes > 0).sum(axis=1) > 1
        ambiguity = expected_parting(probabilities[seen.labeled], parted, probabilities)
    pool = Pool(
        pair_ids=np.arange(len(seen.queries)),
        query_ids=seen.queries,
        labels=LABELS,
        gains=GAINS,
        probabilities=probabilities,
        votes=seen.votes,
        ambiguity=ambiguity,
    )
    batch = draw_batch(pool, rules, seen.seed)
    return batch.index, batch.stream == RANDOM


def at_random(seen: Seen, size: int) -> tuple[Numbers, NDArray[np.bool_]]:
    """Draw uniformly."""
    return by_rules(seen, Rules(size=size, random_share=1.0))


def by_breaking_ties(seen: Seen, size: int) -> tuple[Numbers, NDArray[np.bool_]]:
    """Draw as small-text does, with our judge's probabilities; it has no rule for the start."""
    if seen.probabilities is None:
        return at_random(seen, size)
    picked = breaking_ties.pick(seen.probabilities, seen.labeled, size)
    return picked, np.zeros(len(picked), dtype=np.bool_)


def draws(random_share: float) -> Mapping[str, Draw]:
    """Every arm's way to draw, the default's with this share at random."""

    def by_default(seen: Seen, size: int) -> tuple[Numbers, NDArray[np.bool_]]:
        return by_rules(seen, default_rules(size, random_share=random_share))

    return {RANDOM_ARM: at_random, DEFAULT: by_default, BREAKING_TIES: by_breaking_ties}


def learned(pool: Side, holdout: Side, panel: Panel, draw: Draw, sizes: Numbers, correction: float = 0.0) -> Curves:
    """Alpha and macro F1 on the holdout (sizes, 2) of judges that learn from what is drawn.

    `correction` is how far their training is corrected for how the pairs were drawn.
    """
    seed = panel.seed * 1_000_000
    labels = np.zeros(len(pool.labels), dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64)
    seen = Seen(pool.queries, None, nothing, np.zeros((len(labels), len(LABELS)), dtype=np.int64), seed)
    random = np.empty(0, dtype=np.bool_)
    curve = []
    head = new_head(pool.features.shape[1])
    for size in sizes.tolist():
        drawn, uniform = draw(seen, size - len(seen.labeled))
        said = panel.judge(drawn)
        labels[drawn], seen.votes[drawn] = said.labels, said.votes
        labeled, random = np.concatenate([seen.labeled, drawn]), np.concatenate([random, uniform])
        weights = weights_of_draws(labels[labeled], random, len(LABELS), strength=correction)
        fit(head, pool.features[labeled], labels[labeled], weights)
        probabilities = said_by(head, pool.features)
        seen = Seen(pool.queries, probabilities, labeled, seen.votes, seed + size)
        curve.append(measured(said_by(head, holdout.features).argmax(axis=1), holdout))
    return np.array(curve)


def new_head(width: int) -> nn.Linear:
    """The judge's head before it has learned anything."""
    head = nn.Linear(width, len(LABELS))
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def fit(head: nn.Linear, features: torch.Tensor, labels: Numbers, weights: NDArray[np.float64]) -> None:
    """Fit the head as the judge starts with it. There is one best fit, and the last one is the nearest way to it."""
    given = torch.from_numpy(weights / weights.mean()).float()
    fit_linear(head, features, torch.from_numpy(labels), given, JudgeSpec().head_penalty)


@torch.no_grad()
def said_by(head: nn.Linear, features: torch.Tensor) -> Probabilities:
    """Probabilities (n, labels)."""
    said: Probabilities = torch.softmax(head(features).double(), dim=1).numpy()
    return said


def measured(judged: Numbers, holdout: Side) -> tuple[float, float]:
    """Alpha and macro F1 against the true labels."""
    sums = counts_by_query(holdout.labels, judged, len(LABELS), np.zeros(len(judged)))
    return float(alpha_of_counts(sums)[0]), float(macro_f1_of_counts(sums)[0])


def compared(curves: Mapping[str, Mapping[str, Curves]], sizes: Numbers) -> dict[str, Any]:
    """What the curves (seeds, sizes, measures) by people and arm show: labels needed and shortfalls."""
    found: dict[str, Any] = {"needed": {}, "noisy_shortfall": {}}
    for place, measure in enumerate(MEASURES):
        sides = {arm: curve[:, :, place] for arm, curve in curves[ORDINARY].items()}
        found["needed"][measure] = {
            arm: saving(sizes.astype(np.float64), sides[arm], sides[RANDOM_ARM]) for arm in sides if arm != RANDOM_ARM
        }
    for arm, curve in curves[NOISY].items():
        if arm != RANDOM_ARM:
            below = shortfall(curve[:, :, 0], curves[NOISY][RANDOM_ARM][:, :, 0])
            found["noisy_shortfall"][arm] = float(below.max())
    return found


def points(curves: Mapping[str, Mapping[str, Curves]], sizes: Numbers) -> list[dict[str, Any]]:
    """The mean over seeds and its interval, for people, arm, size and measure."""
    rows = []
    for people, arms in curves.items():
        for arm, curve in arms.items():
            for place, measure in enumerate(MEASURES):
                means, reach = mean_and_interval(curve[:, :, place])
                for size, mean, half in zip(sizes.tolist(), means.tolist(), reach.tolist(), strict=True):
                    row = {"people": people, "arm": arm, "measure": measure, "labels": size}
                    rows.append(row | {"value": round(mean, 4), "half": round(half, 4)})
    return rows


def chart(rows: list[dict[str, Any]]) -> str:
    """Both measures by the number of labels for both kinds of people, as SVG."""
    values = [
        row | {"arm": NAMES[row["arm"]], "low": row["value"] - row["half"], "high": row["value"] + row["half"]}
        for row in rows
    ]
    base = altair.Chart(altair.InlineData(values=values)).encode(
        x=altair.X("labels:Q", title="Labels"),
        color=altair.Color(
            "arm:N",
            title=None,
            sort=list(NAMES.values()),
            scale=altair.Scale(domain=list(NAMES.values()), range=["#667085", "#0b6bcb", "#b54708"]),
            legend=altair.Legend(orient="top"),
        ),
    )
    scale = altair.Scale(zero=False)
    band = base.mark_area(opacity=0.15).encode(y=altair.Y("low:Q", title=None, scale=scale), y2="high:Q")
    line = base.mark_line().encode(y=altair.Y("value:Q", title=None, scale=scale))
    titles = {ORDINARY: "people as they are", NOISY: "people who err on 40 % of the hard pairs"}
    sides = [
        (band + line)
        .transform_filter(f"datum.measure == '{measure}' && datum.people == '{people}'")
        .properties(width=300, height=220, title=f"{TITLES[measure]}, {titles[people]}")
        for people in PEOPLE
        for measure in MEASURES
    ]
    together = altair.vconcat(altair.hconcat(*sides[:2]), altair.hconcat(*sides[2:]))
    svg: str = vl_convert.vegalite_to_svg(together.to_json())
    return svg


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=active_learning", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--pool", type=int, default=1000, help="queries of the pool, with about 20 pairs each")
    parser.add_argument("--holdout", type=int, default=250, help="queries of the holdout")
    parser.add_argument("--labels", type=int, default=4000, help="labels of the random arm that are to be saved")
    parser.add_argument("--batch", type=int, default=250, help="pairs drawn at a time, and at the start")
    parser.add_argument("--random-share", type=float, default=RANDOM_SHARE, help="of the default's batches")
    parser.add_argument("--correction", type=float, default=STRENGTH, help="of the default's training, 0 to 1")
    parser.add_argument("--ratio", type=float, default=RATIO, help="how many times fewer labels there must be")
    parser.add_argument("--out", type=Path, help="folder for active_learning.json and active_learning.svg")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pool, holdout = make_pool(options.pool, options.holdout, CATALOG_SEED)
    sizes = np.arange(options.batch, options.labels + 1, options.batch)
    ways = draws(options.random_share)
    curves: dict[str, dict[str, Curves]] = {people: {} for people in PEOPLE}
    for people, arm in ((one, arm) for one in PEOPLE for arm in ARMS[one]):
        say(f"{NAMES[arm]}, {people} people: {options.seeds} seeds of {len(sizes)} sizes.")
        panels = [Panel(pool.paths, seed, noisy=people == NOISY) for seed in range(options.seeds)]
        correction = options.correction if arm == DEFAULT else 0.0
        runs = [learned(pool, holdout, panel, ways[arm], sizes, correction) for panel in panels]
        curves[people][arm] = np.array(runs)
    found = compared(curves, sizes) | {name: getattr(options, name) for name in ("seeds", "batch", "labels")}
    found |= {"random_share": options.random_share, "correction": options.correction}
    found |= {"pool": len(pool.labels), "holdout": len(holdout.labels)}
    rows = points(curves, sizes)
    if options.out:
        (options.out / "active_learning.json").write_text(json.dumps(found | {"points": rows}, indent=1) + "\n")
        (options.out / "active_learning.svg").write_text(chart(rows))
    report(found, options.ratio)


def report(found: dict[str, Any], ratio: float) -> None:
    """Print the last line, and leave with 1 where a bound is not kept."""
    ours, theirs = (
        {measure: found["needed"][measure][arm] for measure in MEASURES} for arm in (DEFAULT, BREAKING_TIES)
    )
    measure = min(MEASURES, key=lambda one: ours[one]["ratio"])
    worst = round(found["noisy_shortfall"][DEFAULT], 4)
    line = {
        "name": "active_learning",
        "value": ours[measure]["labels"],
        "unit": "labels",
        "peer": "random selection",
        "peer_value": found["labels"],
        "ratio": ours[measure]["ratio"],
        "measure": measure,
        "noisy_worst": worst,
        **found,
    }
    print(json.dumps(line))
    failed = [
        f"{TITLES[one]} needs more than 1 / {ratio:g} of the labels" for one in ours if ours[one]["ratio"] < ratio
    ]
    failed += [
        f"{TITLES[one]} needs more labels than small-text's breaking ties"
        for one in ours
        if ours[one]["ratio"] < theirs[one]["ratio"]
    ]
    failed += [f"noisy people take it {worst} below random"] if worst > 0 else []
    if failed:
        sys.exit("; ".join(failed) + ".")


if __name__ == "__main__":
    main()
