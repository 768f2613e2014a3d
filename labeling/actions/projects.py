"""Making projects and changing their settings."""

import json
from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import transaction

from labeling.actions.audit_log import record
from labeling.actions.guidelines import publish_guideline
from labeling.actions.jobs import enqueue_job
from labeling.models import Job, LabelScheme, Project, User
from modeling.judge.spec import JudgeSpec, SpecError
from modeling.sampling.strategies import STRATEGIES

# Those that choose new pairs. Others, that ask again about labeled ones, are not for a round.
STRATEGY_KEYS = (Project.MIXED, *(key for key, strategy in STRATEGIES.items() if not strategy.relabels))

SETTINGS = (
    "name",
    "overlap",
    "max_overlap",
    "escalate_on",
    "resolve_by",
    "agreement_goal",
    "skips_to_lead",
    "desk",
    "lease_minutes",
    "holdout_percent",
    "calibration_percent",
    "imported_labels",
    "batch_size",
    "random_share",
    "strategy",
    "max_per_query",
    "titles_apart",
    "label_floor",
    "round_worth",
    "gold_share",
    "repeat_share",
    "repeat_after_days",
    "training_required",
    "pass_mark",
    "least_confidence",
    "promotion_rule",
    "promotion_margin",
    "adapters_kept",
    "loop_enabled",
    "train_after",
    "check_seconds",
    "judge_spec",
    "shard_size",
    "price_per_hour",
    "currency",
)


@transaction.atomic
def create_project(slug: str, name: str, guideline_source: str, actor: User | None = None) -> Project:
    """Make a project on the ESCI scheme with its first guideline.

    Raises ValidationError for a slug that is taken or malformed, GuidelineError for a guideline that has problems.
    """
    project = Project(slug=slug, name=name, scheme=LabelScheme.objects.get(slug="esci"))
    project.full_clean()
    project.save()
    record(project, actor, "project.create", slug, name=name)
    publish_guideline(project, guideline_source, actor)
    return project


@transaction.atomic
def configure_project(project: Project, changes: Mapping[str, object], actor: User | None = None) -> Project:
    """Change settings by name. Where labels are to be resolved in another way, or another agreement is the
    goal, a job resolves and measures anew.

    Raises ValidationError that names the setting, its value and what was expected.
    """
    locked = Project.objects.select_for_update().get(pk=project.pk)
    unknown = sorted(set(changes) - set(SETTINGS))
    if unknown:
        raise ValidationError(f"{unknown[0]!r} is not a setting. Settings are: {', '.join(SETTINGS)}.")
    before = {name: getattr(locked, name) for name in changes}
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.full_clean()
    _check_spec(locked.judge_spec)
    _check_strategy(locked.strategy)
    locked.save()
    changed = {name: [before[name], getattr(locked, name)] for name in changes if before[name] != getattr(locked, name)}
    if changed:
        record(locked, actor, "project.configure", locked.slug, changed=changed)
    if {"resolve_by", "agreement_goal"} & changed.keys():
        enqueue_job(locked, Job.Kind.MEASURE, actor)
    return locked


def _check_strategy(key: str) -> None:
    if key not in STRATEGY_KEYS:
        raise ValidationError({"strategy": f"There is no strategy {key!r}. There are: {', '.join(STRATEGY_KEYS)}."})


def _check_spec(settings: object) -> None:
    if "\\u0000" in json.dumps(settings):
        raise ValidationError({"judge_spec": "A text holds a NUL character, which cannot be stored."})
    try:
        JudgeSpec.from_dict(settings if isinstance(settings, dict) else {"judge_spec": settings})
    except SpecError as error:
        raise ValidationError({"judge_spec": str(error)}) from error
