"""Dawid-Skene over 100,000 judgments; the peer is crowd-kit's, with as many iterations in the same run.

Both start from columns of whole numbers in memory and end with a label for each pair: ours from arrays, crowd-kit's
from a DataFrame that is made beforehand. Both take exactly `--iterations` steps of EM, whatever they have gained. They
take turns, and the medians count. Ours has its weak priors, crowd-kit's has none: at least 99.9 % of the labels must
agree.
"""

import argparse
import math
import sys
import time
from importlib.metadata import version
from statistics import median

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene

from benchmarks.judgments import LABELS, make_judgments
from benchmarks.result import result_line
from modeling.labels.aggregation import dawid_skene

AGREE = 0.999
RATIO = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=dawid_skene", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--judgments", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--ratio", type=float, default=RATIO, help="how many times as fast it must be")
    options = parser.parse_args()
    made = make_judgments(options.judgments, options.judgments // 50, options.people, seed=1)
    judged = made.judged
    columns = pd.DataFrame({"task": judged.pair, "worker": judged.person, "label": judged.label})
    peer = DawidSkene(n_iter=options.iterations, tol=-math.inf)

    ours, theirs = [], []
    for _ in range(options.rounds):
        start = time.perf_counter()
        model = dawid_skene(
            judged.pair,
            judged.person,
            judged.label,
            labels=len(LABELS),
            iterations=options.iterations,
            tolerance=-math.inf,
        )
        labels = model.posterior.argmax(axis=1)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        given = peer.fit_predict(columns)
        theirs.append(time.perf_counter() - start)

    agree = float((given.reindex(model.items).to_numpy() == labels).mean())
    if agree < AGREE:
        sys.exit(f"{agree:.2%} of the labels agree with crowd-kit's; expected at least {AGREE:.1%}.")
    assert len(model.log_posterior) == len(peer.loss_history_) == options.iterations
    truth = np.zeros(len(model.items), dtype=np.intp)
    truth[np.searchsorted(model.items, judged.pair)] = made.truth
    print(
        result_line(
            "dawid_skene",
            round(median(ours), 4),
            "s",
            peer=f"crowd-kit {version('crowd-kit')}",
            peer_value=round(median(theirs), 4),
            larger_is_better=False,
            judgments=len(judged),
            pairs=len(model.items),
            people=len(model.people),
            iterations=options.iterations,
            labels_agree=round(agree, 5),
            right=round(float((labels == truth).mean()), 4),
            seconds=[round(one, 4) for one in ours],
            peer_seconds=[round(one, 4) for one in theirs],
        )
    )
    if median(theirs) < options.ratio * median(ours):
        sys.exit(f"It must be {options.ratio:g} times as fast as crowd-kit.")


if __name__ == "__main__":
    main()
