"""Calibrating a judge, measuring it on the holdout, and saying when it has learned nothing."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from modeling.evaluation.calibration import NONE, PER_LABEL, TEMPERATURE, Calibration, fit_calibration
from modeling.evaluation.classification import Evaluation, evaluate
from modeling.judge.dataset import CALIBRATION, TRAIN, Example
from modeling.judge.holdout import held_out
from modeling.judge.scoring import Judge

# Fewer rows than this say too little about confidence.
MIN_CALIBRATION_ROWS = 20
# A judge that gives one label to this share of the pairs tells nothing apart.
ONE_LABEL_SHARE = 0.98


def majority_label(examples: Sequence[Example], label_count: int) -> int:
    """The most frequent label of the training split; the first of those that share the lead."""
    labels = [example.label for example in examples if example.split == TRAIN]
    return int(np.bincount(labels, minlength=label_count).argmax())


def calibrate(judge: Judge, examples: Sequence[Example], seed: int) -> tuple[Judge, str]:
    """The judge with a calibration fitted on the calibration split alone, and how that went in words."""
    rows = [example for example in examples if example.split == CALIBRATION]
    if len(rows) < MIN_CALIBRATION_ROWS:
        return judge, (f"Not calibrated: {len(rows)} pairs are set aside for it, {MIN_CALIBRATION_ROWS} are needed.")
    logits = judge.logits([row.query for row in rows], [row.product for row in rows])
    found = fit_calibration(logits, [row.label for row in rows], [row.query_id for row in rows], seed)
    how = {
        NONE: "Left as it is: no calibration was likelier",
        TEMPERATURE: f"Calibrated by a temperature of {found.temperature:.2f}, the likeliest way",
        PER_LABEL: "Calibrated by a scale and a shift for each label, the likeliest way",
    }
    noise = f" {found.noise:.0%} of people's labels look as if given at random." if found.noise >= 0.005 else ""
    return replace(judge, calibration=found), f"{how[found.method]} on {len(rows)} pairs of their own.{noise}"


def assess(judge: Judge, examples: Sequence[Example], seed: int) -> Evaluation:
    """Measure the judge on the holdout split against people, and against the training split's majority."""
    rows = held_out(examples)
    logits = judge.logits([row.query for row in rows], [row.product for row in rows])
    return evaluate(
        np.array([row.label for row in rows], dtype=np.int64),
        judge.calibration.probabilities(logits),
        np.array([row.query_id for row in rows], dtype=np.int64),
        majority_label=majority_label(examples, len(judge.labels)),
        seed=seed,
        uncalibrated=Calibration().probabilities(logits),
    )


def collapse(evaluation: Evaluation, labels: Sequence[str]) -> str | None:
    """Why this judge must not be promoted, in plain words; None when it has learned something."""
    if evaluation.n == 0:
        return "There are no holdout pairs, so nothing shows that it has learned anything."
    given = np.asarray(evaluation.confusion).sum(axis=0)
    favourite = int(given.argmax())
    if given[favourite] >= ONE_LABEL_SHARE * evaluation.n:
        return (
            f"It gives the label {labels[favourite]} to {given[favourite]} of {evaluation.n} holdout pairs, "
            "so it tells nothing apart."
        )
    if evaluation.accuracy.value <= evaluation.majority_accuracy:
        return (
            f"It is right on {evaluation.accuracy.value:.1%} of {evaluation.n} holdout pairs; always giving "
            f"the most frequent training label is right on {evaluation.majority_accuracy:.1%}."
        )
    return None
