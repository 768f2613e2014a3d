"""Deciding whether a challenger takes the champion's place."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import transaction

from labeling.actions.adapters import promote_adapter
from labeling.actions.audit_log import record
from labeling.models import Adapter, Project
from labeling.queries.holdout import compare_adapters, said_by, was_measured_beside
from labeling.queries.predictions import champion_of
from labeling.queries.projects import labels_of
from modeling.evaluation.comparison import Comparison, compare, decide

LEAST_HOLDOUT = 20


@transaction.atomic
def decide_promotion(
    adapter: Adapter, compared_with: Adapter | None = None, problem: str | None = None, *, lost: bool = False
) -> bool:
    """Promote a challenger when it is as good as the project's rule asks; say why or why not, with the numbers.

    `compared_with` is the champion when the training began, measured on the challenger's own holdout pairs by
    record_holdout. The first champion only has to beat the commonest label: nothing is in use that it could harm.
    A champion that came meanwhile stays. `problem` says why the one before could not be measured; where it is `lost`,
    of no use to anybody any more, the challenger takes its place as a first one does.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=adapter.project_id)
    champion = champion_of(project)
    compared = None
    if compared_with is not None and not problem and was_measured_beside(adapter, compared_with):
        compared = compare_adapters(adapter, compared_with)
    adapter.comparison = _numbers(adapter, compared_with, compared, project)
    doubt = why_not_judged(adapter.manifest)
    if doubt:
        promoted, verdict = False, doubt
    elif champion is None:
        promoted, verdict = True, _first_verdict(adapter.manifest)
    elif champion == compared_with and lost:
        promoted, verdict = (
            True,
            f"{champion.name} cannot be used any more: {problem} {_first_verdict(adapter.manifest)}",
        )
    elif champion != compared_with or compared is None:
        promoted = False
        verdict = f"It was not compared with {champion.name}, which is in use now"
        verdict += f": {problem}" if problem else f". {_first_verdict(adapter.manifest)}"
    else:
        promoted = decide(compared, project.promotion_rule, project.promotion_margin)
        verdict = verdict_on(compared, champion.name, project.promotion_rule, project.promotion_margin)
    adapter.comparison["promoted"] = promoted
    adapter.verdict = verdict
    adapter.save(update_fields=("verdict", "comparison"))
    record(
        project, None, "adapter.decide", adapter.name, promoted=promoted, verdict=verdict, comparison=adapter.comparison
    )
    if promoted:
        promote_adapter(adapter, None)
    return promoted


def why_not_judged(manifest: Mapping[str, Any]) -> str:
    """Return why a challenger is not even compared with the champion, in plain words; empty where it is."""
    holdout = manifest.get("holdout")
    if not holdout or holdout["n"] < LEAST_HOLDOUT:
        have = holdout["n"] if holdout else 0
        return f"Not enough holdout labels yet to judge it: {have} of {LEAST_HOLDOUT}."
    if manifest.get("collapsed"):
        return str(manifest["collapsed"])
    accuracy, baseline = holdout["accuracy"]["value"], holdout["majority_accuracy"]
    if accuracy <= baseline:
        return f"No better than always giving the commonest label: {accuracy:.3f} against {baseline:.3f}."
    return ""


def _first_verdict(manifest: Mapping[str, Any]) -> str:
    holdout = manifest["holdout"]
    accuracy, baseline = holdout["accuracy"]["value"], holdout["majority_accuracy"]
    return f"Accuracy {accuracy:.3f} against {baseline:.3f} for the commonest label, on {holdout['n']} holdout pairs."


def verdict_on(compared: Comparison, champion: str, rule: str, margin: float) -> str:
    """Return in plain words what a comparison with the champion says under the project's rule."""
    difference = compared.difference
    sure, unsure = f"Surely better than {champion}", f"Not surely better than {champion}"
    if rule == Project.PromotionRule.NOT_WORSE:
        points = f"{100 * margin:g} point{'' if margin == 0.01 else 's'}"
        sure, unsure = f"Surely not worse than {champion} by {points}", f"Perhaps worse than {champion} by {points}"
    if math.isnan(difference.low):
        return f"{unsure}: the holdout pairs are of one query."
    if decide(compared, rule, margin):
        found = sure
    else:
        found = f"Surely worse than {champion}" if difference.high < 0 else unsure
    value, low, high = (100 * one for one in (difference.value, difference.low, difference.high))
    return (
        f"{found}: {value:+.1f} points of accuracy, {low:+.1f} to {high:+.1f}, on {difference.n} holdout pairs "
        f"of {compared.queries} queries."
    )


def _numbers(
    adapter: Adapter, compared_with: Adapter | None, compared: Comparison | None, project: Project
) -> dict[str, Any]:
    """What the decision rests on: against the champion, or, where there is none, the commonest label."""
    if compared_with is not None:
        if compared is None:
            return {"against": compared_with.name}
        rule = {"rule": project.promotion_rule, "margin": project.promotion_margin}
        return {"against": compared_with.name, **rule, **compared.to_dict()}
    commonest = adapter.manifest.get("majority_label")
    keys = [label.key for label in labels_of(project)]
    said = said_by(adapter)
    if commonest not in keys or not len(said):
        return {"against": "majority"}
    always = np.full(len(said), keys.index(commonest))
    against = compare(said.truth, said.judged, always, said.queries)
    return {"against": "majority", "rule": "first", "margin": 0.0, **against.to_dict()}
