"""LoRA beside full fine-tuning on the same pairs: at most one point of holdout accuracy less, with 4 % of the weights.

Both train the embedded MiniLM as a bi-encoder on the same generated pairs, in the same steps. LoRA has the learning
rate of the default spec; full fine-tuning, which needs a lower one, has the best of `--rates` by its accuracy on a
split of its own.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import torch

from benchmarks.database import say
from benchmarks.generated import LABELS, generated_examples, of_split
from benchmarks.learning import accuracy_on, started
from benchmarks.result import bound_line
from modeling.judge.base_model import load_network, load_tokenizer, resolve_base_model
from modeling.judge.bi_encoder import BiEncoder
from modeling.judge.dataset import CALIBRATION, HOLDOUT, TRAIN, Example
from modeling.judge.finetuning import fine_tune
from modeling.judge.model import PairModel
from modeling.judge.probe import fit_head
from modeling.judge.spec import JudgeSpec
from modeling.judge.threads import leave_a_core

POINTS = 1.0
SHARE = 0.04


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=lora_vs_full", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--holdout", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[5e-5, 2e-4], help="learning rates of the full one")
    parser.add_argument("--points", type=float, default=POINTS)
    options = parser.parse_args()
    leave_a_core()
    examples = generated_examples(options.pairs, max(20, options.pairs // 10), options.holdout, seed=7)
    rows, aside, holdout = (of_split(examples, split) for split in (TRAIN, CALIBRATION, HOLDOUT))
    spec = JudgeSpec(epochs=options.epochs, max_length=192, batch_tokens=3072)
    lora = started(spec, rows)
    share = trained(lora) / sum(weight.numel() for weight in lora.adapted.parameters())
    say("Training LoRA.")
    fine_tune(spec, lora, rows, lambda _progress: None)
    best: tuple[float, float, float] | None = None
    for rate in options.rates:
        say(f"Training everything with learning rate {rate:g}.")
        full = whole(replace(spec, learning_rate=rate), rows)
        parameters = trained(full)
        fine_tune(replace(spec, learning_rate=rate), full, rows, lambda _progress: None)
        found = (accuracy_on(full, aside), rate, accuracy_on(full, holdout))
        best = found if best is None or found[0] > best[0] else best
    assert best is not None
    ours, theirs = accuracy_on(lora, holdout), best[2]
    points = round(100 * (theirs - ours), 3)
    more = {
        "accuracy": round(ours, 4),
        "full_accuracy": round(theirs, 4),
        "share_of_parameters": round(share, 4),
        "full_parameters": parameters,
        "full_learning_rate": best[1],
        "pairs": options.pairs,
        "epochs": options.epochs,
        "holdout": options.holdout,
    }
    print(bound_line("lora_vs_full", points, "points", bound=options.points, **more))
    if points > options.points:
        sys.exit(f"LoRA must be within {options.points:g} points of full fine-tuning.")
    if share > SHARE:
        sys.exit(f"LoRA must train at most {SHARE:.0%} of the parameters.")


def whole(spec: JudgeSpec, rows: Sequence[Example]) -> PairModel:
    """The same model without an adapter: every weight is trained."""
    folder = resolve_base_model(spec.base_model)
    torch.manual_seed(spec.seed)
    network = load_network(folder, device=torch.device("cpu"))
    model = BiEncoder(network.requires_grad_(True), load_tokenizer(folder), LABELS, spec.max_length)
    fit_head(model, rows, spec.head_penalty, spec.seed)
    return model


def trained(model: PairModel) -> int:
    """How many numbers are trained."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


if __name__ == "__main__":
    main()
