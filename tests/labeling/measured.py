"""Adapters that were measured on holdout pairs, with what they said of each."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from labeling.models import Adapter, HoldoutPrediction, Job, Pair, Project, TrainingStep
from labeling.queries.projects import labels_of
from modeling.judge.spec import JudgeSpec
from tests.labeling.acting import measures

# Of 54 pairs an adapter is right on 46: "ES" is Exact by people and Substitute by it.
SAID = ["EE"] * 30 + ["ES"] * 6 + ["SS"] * 9 + ["SE"] * 2 + ["CC"] * 3 + ["II"] * 4


def measure(adapter: Adapter, pairs: Sequence[Pair], said: Sequence[str], confidences: Sequence[float] = ()) -> None:
    """Store what an adapter said: "ES" is Exact by people and Substitute by it. It is 0.9 sure if nothing is said."""
    labels = labels_of(adapter.project)
    place = {label.key: index for index, label in enumerate(labels)}
    sure = confidences or [0.9] * len(pairs)
    HoldoutPrediction.objects.bulk_create(
        HoldoutPrediction(
            adapter=adapter,
            pair=pair,
            label=labels[place[one[0]]],
            judged=labels[place[one[1]]],
            probabilities=[
                confidence if index == place[one[1]] else (1 - confidence) / (len(labels) - 1)
                for index in range(len(labels))
            ],
            confidence=confidence,
        )
        for pair, one, confidence in zip(pairs, said, sure, strict=True)
    )


def confusion(project: Project, said: Sequence[str]) -> list[list[int]]:
    """Return the counts of such sayings as a manifest has them: people's label, then the adapter's."""
    keys = [label.key for label in labels_of(project)]
    return [[sum(one == people + judged for one in said) for judged in keys] for people in keys]


def estimate(value: float, n: int = 54) -> dict[str, Any]:
    """Return a number with an interval as a manifest has it."""
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": n}


def evaluation(project: Project, said: list[str] = SAID) -> dict[str, Any]:
    """Return an evaluation as modeling.evaluation makes it of what was said."""
    right = sum(one[0] == one[1] for one in said) / len(said)
    score = {"precision": 0.9, "recall": 0.8, "f1": 0.85, "f1_low": 0.8, "f1_high": 0.9, "n": 36}
    return measures(len(said)) | {
        "accuracy": estimate(right),
        "alpha": estimate(0.71),
        "macro_f1": estimate(0.77),
        "ece": estimate(0.06),
        "ece_before": estimate(0.14),
        "confusion": confusion(project, said),
        "per_label": [score] * 4,
        "reliability": [
            {"low": 0.6, "high": 0.8, "confidence": 0.71, "right": estimate(0.68, 24)},
            {"low": 0.8, "high": 1.0, "confidence": 0.93, "right": estimate(0.92, 30)},
        ],
        "coverage": [
            {"coverage": 0.5, "confidence": 0.9, "accuracy": estimate(0.93, 27)},
            {"coverage": 1.0, "confidence": 0.6, "accuracy": estimate(0.85, 54)},
        ],
    }


def make_manifest(project: Project, job: Job, **changes: Any) -> dict[str, Any]:
    """Return what a training says of itself, with some changes."""
    return {
        "spec": JudgeSpec().to_dict(),
        "counts": {"train": {"E": 200, "S": 80}},
        "provenance": {"project": project.slug, "job": job.pk, "guideline": 1},
        "calibration_words": "Calibrated by one temperature.",
        "examples_sha256": "ab" * 32,
        "holdout": evaluation(project),
    } | changes


def report_steps(job: Job, steps: range) -> None:
    """Let a training report what it does at each step, two seconds apart."""
    TrainingStep.objects.bulk_create(
        TrainingStep(
            job=job, step=step, loss=0.4 + 1.0 / step**0.5, learning_rate=1e-4, pairs_per_second=190, memory_mb=812
        )
        for step in steps
    )
    made = list(TrainingStep.objects.filter(job=job).order_by("step"))
    for step in made:
        step.at += dt.timedelta(seconds=2 * step.step)
    TrainingStep.objects.bulk_update(made, ["at"])
