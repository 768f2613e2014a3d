"""What more labels buy: accuracy and alpha on the holdout from 500, 2,000 and 8,000 labels, for two kinds of judge.

The pairs are of the generated catalog; the labels of a smaller size are among those of the larger. Every training has
the same spec and as many epochs. `--out docs` writes the whole result to docs/data_size.json and its chart to .svg.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import altair
import numpy as np
import vl_convert
from scipy.special import softmax

from benchmarks.database import say
from benchmarks.generated import generated_examples, of_split
from benchmarks.learning import started
from benchmarks.result import result_line
from modeling.evaluation.classification import evaluate
from modeling.judge.dataset import HOLDOUT, TRAIN, Example
from modeling.judge.finetuning import fine_tune
from modeling.judge.spec import JudgeSpec
from modeling.judge.threads import leave_a_core

KINDS = {"bi_encoder": "Bi-encoder", "cross_encoder": "Cross-encoder"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=data_size", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 2000, 8000])
    parser.add_argument("--holdout", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, help="folder for data_size.json and data_size.svg")
    options = parser.parse_args()
    leave_a_core()
    examples = generated_examples(max(options.sizes), 0, options.holdout, seed=7)
    learned, holdout = of_split(examples, TRAIN), of_split(examples, HOLDOUT)
    points = [measured(kind, size, learned[:size], holdout, options.epochs) for kind in KINDS for size in options.sizes]
    best = {point["kind"]: point for point in points}  # of the largest size, which comes last
    found = {"epochs": options.epochs, "holdout": options.holdout, "points": points}
    if options.out:
        (options.out / "data_size.json").write_text(json.dumps(found, indent=1) + "\n")
        (options.out / "data_size.svg").write_text(chart(points))
    line = result_line(
        "data_size",
        best["cross_encoder"]["accuracy"]["value"],
        "accuracy",
        peer="bi-encoder",
        peer_value=best["bi_encoder"]["accuracy"]["value"],
        **found,
    )
    print(line)


def measured(kind: str, size: int, rows: Sequence[Example], holdout: Sequence[Example], epochs: int) -> dict[str, Any]:
    """Accuracy and alpha of one training, with intervals over queries."""
    spec = JudgeSpec(kind=kind, epochs=epochs, max_length=192, batch_tokens=3072)
    model = started(spec, rows)
    say(f"{kind}: {size} labels.")
    fine_tune(spec, model, rows, lambda _progress: None)
    logits = model.eval().logits([row.query for row in holdout], [row.product for row in holdout]).numpy()
    evaluation = evaluate(
        np.array([row.label for row in holdout]),
        softmax(logits, axis=1),
        np.array([row.query_id for row in holdout]),
        majority_label=int(np.bincount([row.label for row in rows]).argmax()),
        seed=0,
    )
    return {
        "kind": kind,
        "labels": size,
        "accuracy": _rounded(evaluation.accuracy),
        "alpha": _rounded(evaluation.alpha),
        "majority": round(evaluation.majority_accuracy, 4),
    }


def _rounded(estimate: Any) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(estimate).items() if isinstance(value, float)}


def chart(points: Sequence[dict[str, Any]]) -> str:
    """Both measures by the number of labels, as SVG."""
    rows = [
        {"kind": KINDS[point["kind"]], "labels": point["labels"], "measure": name.capitalize(), **point[name]}
        for point in points
        for name in ("accuracy", "alpha")
    ]
    sizes = sorted({point["labels"] for point in points})
    base = altair.Chart(altair.InlineData(values=rows)).encode(
        x=altair.X("labels:Q", title="Labels", scale=altair.Scale(type="log"), axis=altair.Axis(values=sizes)),
        color=altair.Color("kind:N", title=None, scale=altair.Scale(range=["#0b6bcb", "#b54708"])),
    )
    lines = base.mark_line(point=True).encode(y=altair.Y("value:Q", title=None, scale=altair.Scale(zero=False)))
    intervals = base.mark_rule().encode(y="low:Q", y2="high:Q")
    sides = [
        (lines + intervals).transform_filter(f"datum.measure == '{name}'").properties(width=300, height=220, title=name)
        for name in ("Accuracy", "Alpha")
    ]
    svg: str = vl_convert.vegalite_to_svg(altair.hconcat(*sides).to_json())
    return svg


if __name__ == "__main__":
    main()
