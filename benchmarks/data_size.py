"""What more labels buy: accuracy and alpha on the holdout from 500, 2,000 and 8,000 labels, for two kinds of judge.

The pairs are of the generated catalog; the labels of a smaller size are among those of the larger. Every training is
of its kind's shipped spec. `--out docs` writes the whole result to docs/data_size.json and its chart to .svg.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
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
SPECS = {"bi_encoder": "minilm-bi-encoder", "cross_encoder": "minilm-cross-encoder"}
COLOURS = ["#0b63b0", "#b54708"]


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
    found = {"specs": SPECS, "epochs": options.epochs, "holdout": options.holdout, "points": points}
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
    spec = replace(JudgeSpec.from_dict({"like": SPECS[kind]}), epochs=epochs)
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
    """Both measures by the number of labels, with their intervals and what the commonest label alone has, as SVG."""
    sides = [_side(points, name) for name in ("accuracy", "alpha")]
    styled = (
        altair.hconcat(*sides, spacing=70, bounds="flush")
        .configure(background="white", font="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif")
        .configure_axis(
            **dict.fromkeys(("labelColor", "titleColor"), "#5c6370"),
            **dict.fromkeys(("domainColor", "tickColor"), "#dfe2e7"),
            gridColor="#e8eaee",
            titleFontWeight="normal",
            titlePadding=8,
        )
        .configure_title(anchor="start", fontSize=13, color="#1b1f27")
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg(styled.to_json())
    return svg


def _side(points: Sequence[dict[str, Any]], name: str) -> altair.LayerChart | altair.FacetChart:
    """One measure. The kinds stand a little beside each other, so that both intervals are seen."""
    beside = dict(zip(KINDS, (0.97, 1.03), strict=True))
    rows = [{"kind": KINDS[one["kind"]], "labels": one["labels"] * beside[one["kind"]], **one[name]} for one in points]
    sizes = sorted({one["labels"] for one in points})
    base = altair.Chart(altair.InlineData(values=rows)).encode(
        x=altair.X(
            "labels:Q",
            title="Labels learned from",
            scale=altair.Scale(type="log", domain=[0.7 * sizes[0], 4 * sizes[-1]], nice=False),
            axis=altair.Axis(values=sizes, format=","),
        ),
        color=altair.Color("kind:N", legend=None, scale=altair.Scale(domain=list(KINDS.values()), range=COLOURS)),
    )
    value = altair.Y("value:Q", title=None, scale=altair.Scale(zero=False), axis=altair.Axis(tickCount=6))
    last = altair.datum.labels > 0.9 * sizes[-1]
    layers = [
        base.mark_rule(strokeWidth=1.5).encode(y=altair.Y("low:Q", title=None), y2="high:Q"),
        base.mark_line(strokeWidth=2).encode(y=value),
        base.mark_point(filled=True, size=45, opacity=1).encode(y=value),
        base.transform_filter(last).mark_text(align="left", dx=10).encode(y=value, text="kind:N"),
    ]
    if name == "accuracy":
        commonest = altair.InlineData(values=[{"value": points[-1]["majority"], "labels": sizes[-1]}])
        alone = altair.Chart(commonest).encode(y=value)
        layers.append(alone.mark_rule(strokeDash=[4, 4], color="#5c6370"))
        layers.append(
            alone.mark_text(align="left", dx=10, dy=-7, color="#5c6370").encode(
                x="labels:Q", text=altair.value("Commonest label")
            )
        )
    title = {"accuracy": "Accuracy", "alpha": "Krippendorff's alpha"}[name]
    return altair.layer(*layers).properties(width=330, height=240, title=f"{title}, with 95 % intervals")


if __name__ == "__main__":
    main()
