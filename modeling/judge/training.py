"""One training run: a function of a spec and labeled pairs, with an artifact as its result."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from peft import PeftModel
from transformers import set_seed

from modeling.judge.arms import arms_of_project
from modeling.judge.artifact import new_folder_beside, seal
from modeling.judge.assessment import assess, calibrate, collapse, majority_label
from modeling.judge.base_model import resolve_base_model, weights_sha256
from modeling.judge.checkpoints import load_trained, newest_checkpoint
from modeling.judge.dataset import CALIBRATION, HOLDOUT, TRAIN, Example, check_examples, digest, split_counts
from modeling.judge.device import is_first_process, processes
from modeling.judge.finetuning import fine_tune
from modeling.judge.kinds import build_model
from modeling.judge.memory import free_memory
from modeling.judge.model import PairModel
from modeling.judge.probe import fit_head
from modeling.judge.prompts import PROMPT_VERSION
from modeling.judge.scoring import Judge
from modeling.judge.spec import JudgeSpec, SpecError
from modeling.judge.trainer import Keep
from modeling.judge.watch import Progress, Report
from modeling.judge.weights import save_weights

ARM_PAIRS = 4_000  # random pairs, and as many of the mix, that the arms are compared on: seconds on a CPU
_LIBRARIES = ("torch", "transformers", "peft", "tokenizers", "numpy")


def train(
    spec: JudgeSpec,
    examples: Sequence[Example],
    label_keys: Sequence[str],
    folder: Path,
    report: Report = lambda _progress: None,
    *,
    guideline: str = "",
    provenance: Mapping[str, Any] | None = None,
    checkpoints: Path | None = None,
    checkpoint_seconds: float = 15.0,
    half: bool | None = None,
    drawn: Mapping[int, bool] | None = None,
) -> dict[str, Any]:
    """Train a judge on the training split and write its artifact to `folder`; returns the manifest.

    The calibration is fitted on the calibration split and the evaluation is on the holdout. The same spec and
    pairs give the same weights on the same machine with as many threads; pairs may come in any order.
    `guideline` is what a prompt that has it begins with. `provenance` is kept as it is. The run goes on from what an
    earlier one of the same making has kept in the folder `checkpoints`, and keeps there where it stands. `half` says
    whether to multiply in bfloat16 (finetuning). Where several processes share the run, all call this; the first one
    writes the artifact, the others get an empty manifest. SpecError, DatasetError, BaseModelError, or TrainingError
    when nothing is learned.
    """
    check_trackers(spec)
    check_examples(examples, len(label_keys))
    ordered = sorted(examples, key=lambda example: example.pair_id)
    learned = [row for row in ordered if row.split == TRAIN]
    base = resolve_base_model(spec.base_model, spec.revision)
    report(Progress("load", 0, 1))
    base_sha256 = weights_sha256(base)
    making = [spec.to_dict(), list(label_keys), guideline, digest(examples), base_sha256]
    fingerprint = hashlib.sha256(json.dumps(making).encode()).hexdigest()
    if os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        checkpoints = None  # none is kept there
    checkpoint = newest_checkpoint(checkpoints, fingerprint, processes()) if checkpoints else None
    set_seed(spec.seed)
    model = build_model(spec, label_keys, base, guideline=guideline)
    report(Progress("load", 1, 1))
    arms = _compare_arms(spec, model, ordered, drawn or {}, report) if is_first_process() else None
    if checkpoint is None:
        fit_head(model, learned, spec.head_penalty, spec.seed)
    tuned = fine_tune(
        spec,
        model,
        learned,
        report,
        held_out=[row for row in ordered if row.split == CALIBRATION],
        keep=Keep(checkpoints, fingerprint, checkpoint_seconds) if checkpoints else None,
        checkpoint=checkpoint,
        half=half,
    )
    free_memory()
    if not is_first_process():
        return {}
    if tuned.weights is not None:
        del model  # a share of it, while the whole is needed now
        model = build_model(spec, label_keys, base, guideline=guideline)
        load_trained(tuned.weights, model)

    written = new_folder_beside(folder)
    try:
        save_weights(written, cast(PeftModel, model.adapted), model.head)
        report(Progress("evaluate", 0, 1))
        # What is measured is what will run: the adapter merged, nothing dropped.
        model.merge()
        model.eval()
        manifest = _manifest(spec, Judge(model), ordered)
        report(Progress("evaluate", 1, 1))
        manifest["arms"] = arms
        manifest["guideline"] = guideline
        manifest["base_model_sha256"] = base_sha256
        manifest["training_seconds"] = tuned.seconds
        manifest["notes"] = tuned.notes
        manifest["provenance"] = dict(provenance or {})
        return seal(written, folder, manifest)
    except BaseException:
        shutil.rmtree(written, ignore_errors=True)
        raise


def _compare_arms(
    spec: JudgeSpec, model: PairModel, ordered: Sequence[Example], drawn: Mapping[int, bool], report: Report
) -> dict[str, Any] | None:
    """What heads on the untrained model learn from both arms, at most ARM_PAIRS pairs each; None where nothing can."""
    learned = [row for row in ordered if row.split == TRAIN and row.pair_id in drawn]
    count = sum(drawn[row.pair_id] for row in learned)
    if not count:
        return None
    report(Progress("compare", 0, 1))
    if count > ARM_PAIRS:
        kept = np.random.default_rng(spec.seed).random(len(learned)) < ARM_PAIRS / count
        learned = [row for row, keep in zip(learned, kept.tolist(), strict=True) if keep]
    random_pairs = {row.pair_id for row in learned if drawn[row.pair_id]}
    holdout = [row for row in ordered if row.split == HOLDOUT]
    found = arms_of_project(model, learned, random_pairs, holdout, penalty=spec.head_penalty, seed=spec.seed)
    report(Progress("compare", 1, 1))
    return found.to_dict() if found else None


def check_trackers(spec: JudgeSpec) -> None:
    """SpecError unless every tracker that is to be told of the run is installed here."""
    for tracker in spec.report_to:
        if importlib.util.find_spec(tracker) is None:
            raise SpecError(
                f"report_to: {tracker} is not installed where this trains: pip install 'winnow[{tracker}]' there, "
                "or leave it out"
            )


def _manifest(spec: JudgeSpec, raw: Judge, examples: Sequence[Example]) -> dict[str, Any]:
    judge, calibration_words = calibrate(raw, examples, spec.seed)
    evaluation = assess(judge, examples, spec.seed)
    return {
        "spec": spec.to_dict(),
        "labels": list(judge.labels),
        "prompt_version": PROMPT_VERSION,
        "calibration": judge.calibration.to_dict(),
        "calibration_words": calibration_words,
        "examples_sha256": digest(examples),
        "counts": split_counts(examples, judge.labels),
        "majority_label": judge.labels[majority_label(examples, len(judge.labels))],
        "holdout": evaluation.to_dict(),
        "collapsed": collapse(evaluation, judge.labels),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }
