"""Calibration error on holdout queries of the generated catalog; the peer is the same adapter, uncalibrated.

An adapter is trained for real on the embedded MiniLM, its calibration fitted on queries of its own and chosen by
held-out likelihood, and the error of both measured on the same holdout queries. Some labels are wrong, as people's are.
`floor` is the error that chance gives a perfectly calibrated judge with the same confidences.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.catalog_pairs import ERRORS, LABELS, labeled_pairs
from benchmarks.result import result_line
from modeling.judge.dataset import CALIBRATION, HOLDOUT, TRAIN
from modeling.judge.spec import JudgeSpec
from modeling.judge.threads import leave_a_core
from modeling.judge.training import train

RATIO = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=calibration", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--spec", default="minilm-bi-encoder", help="a shipped spec")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--calibration", type=int, default=1500)
    parser.add_argument("--holdout", type=int, default=4000)
    parser.add_argument("--errors", type=float, default=ERRORS, help="share of wrong labels")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ratio", type=float, default=RATIO, help="how many times smaller the error must be")
    options = parser.parse_args()
    leave_a_core()
    counts = {TRAIN: options.train, CALIBRATION: options.calibration, HOLDOUT: options.holdout}
    examples = labeled_pairs(counts, options.seed, options.errors)
    spec = JudgeSpec.from_dict({"like": options.spec, "epochs": options.epochs, "seed": options.seed})
    with tempfile.TemporaryDirectory() as folder:
        manifest = train(spec, examples, LABELS, Path(folder) / "artifact")
    holdout = manifest["holdout"]
    before, after = holdout["ece_before"], holdout["ece"]
    print(
        result_line(
            "calibration",
            round(after["value"], 4),
            "calibration error",
            peer="the same adapter, uncalibrated",
            peer_value=round(before["value"], 4),
            larger_is_better=False,
            interval=[round(after[end], 4) for end in ("low", "high")],
            peer_interval=[round(before[end], 4) for end in ("low", "high")],
            floor=round(chance_error(holdout["reliability"], options.seed), 4),
            method=manifest["calibration"]["method"],
            noise=round(manifest["calibration"]["noise"], 4),
            temperature=round(manifest["calibration"]["temperature"], 3),
            accuracy=round(holdout["accuracy"]["value"], 4),
            commonest=round(holdout["majority_accuracy"], 4),
            spec=options.spec,
            pairs=counts,
            seconds=manifest["training_seconds"],
        )
    )
    if before["value"] < options.ratio * after["value"]:
        sys.exit(f"The error must be {options.ratio:g} times smaller than before calibration.")


def chance_error(bins: Sequence[Mapping[str, Any]], seed: int, draws: int = 200) -> float:
    """The mean calibration error of judges that are right by exactly the confidences of a reliability curve."""
    sizes = np.array([one["right"]["n"] for one in bins])
    confidence = np.array([one["confidence"] for one in bins])
    right = np.random.default_rng(seed).binomial(sizes, confidence, size=(draws, len(bins)))
    return float((np.abs(right - sizes * confidence).sum(axis=1) / sizes.sum()).mean())


if __name__ == "__main__":
    main()
