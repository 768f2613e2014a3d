"""Recording what was trained, and deciding what is used."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.jobs import cancel_job
from labeling.models import Adapter, Job, Project, TrainingItem, User
from labeling.queries.predictions import champion_of
from labeling.queries.training_set import LabeledPair

LEAST_HOLDOUT = 20


@transaction.atomic
def record_training_items(job: Job, pairs: Iterable[LabeledPair]) -> int:
    """Store what a job trains and calibrates on; return how many. Holdout pairs are refused by the database.

    What an earlier start of the same job, killed before its run was written, has left is replaced.
    """
    TrainingItem.objects.filter(job=job).delete()
    items = TrainingItem.objects.bulk_create(
        (
            TrainingItem(job=job, pair_id=pair.pair_id, label_id=pair.label_id, origin=pair.origin, split=pair.split)
            for pair in pairs
        ),
        batch_size=2000,
    )
    return len(items)


@transaction.atomic
def record_adapter(job: Job, artifact: str, manifest: Mapping[str, Any]) -> Adapter:
    """Store a trained adapter as a challenger. Its artifact is already in place."""
    Project.objects.select_for_update(no_key=True).get(pk=job.project_id)
    newest = Adapter.objects.filter(project=job.project).order_by("-number").first()
    adapter = Adapter.objects.create(
        project=job.project,
        number=newest.number + 1 if newest else 1,
        job=job,
        artifact=artifact,
        manifest=dict(manifest),
        labels_seen=TrainingItem.objects.filter(job=job).count(),
    )
    record(job.project, job.requested_by, "adapter.train", adapter.name, labels=adapter.labels_seen)
    return adapter


@transaction.atomic
def decide_promotion(
    adapter: Adapter, champion_holdout: Mapping[str, Any] | None, compared_with: Adapter | None = None
) -> bool:
    """Promote a challenger that measured better than the majority class and than the champion; say why or why not.

    `champion_holdout` is the evaluation of `compared_with`, the champion when the training began, on the very
    holdout pairs of the challenger's. A champion that came since then stays.
    """
    Project.objects.select_for_update(no_key=True).get(pk=adapter.project_id)
    better, verdict = judge_challenger(adapter.manifest, champion_holdout)
    champion = champion_of(adapter.project)
    if better and champion != (compared_with if champion_holdout else None):
        name = champion.name if champion else "no champion"
        better, verdict = False, f"It was not compared with {name}, which is in use now. {verdict}"
    adapter.verdict = verdict
    adapter.save(update_fields=("verdict",))
    record(adapter.project, None, "adapter.decide", adapter.name, promoted=better, verdict=verdict)
    if better:
        promote_adapter(adapter, None)
    return better


def judge_challenger(manifest: Mapping[str, Any], champion: Mapping[str, Any] | None) -> tuple[bool, str]:
    """Return whether a challenger is to be promoted, and the reason in plain words."""
    holdout = manifest.get("holdout")
    if not holdout or holdout["n"] < LEAST_HOLDOUT:
        have = holdout["n"] if holdout else 0
        return False, f"Not enough holdout labels yet to judge it: {have} of {LEAST_HOLDOUT}."
    accuracy, baseline = holdout["accuracy"]["value"], holdout["majority_accuracy"]
    if manifest.get("collapsed"):
        return False, str(manifest["collapsed"])
    if accuracy <= baseline:
        return False, f"No better than always giving the commonest label: {accuracy:.3f} against {baseline:.3f}."
    on = f"on {holdout['n']} holdout pairs"
    if champion is None:
        return True, f"Accuracy {accuracy:.3f} against {baseline:.3f} for the commonest label, {on}."
    was = champion["accuracy"]["value"]
    if accuracy <= was:
        return False, f"Not better than the champion: accuracy {accuracy:.3f} against {was:.3f}, {on}."
    return True, f"Accuracy {accuracy:.3f} against the champion's {was:.3f}, {on}."


@transaction.atomic
def promote_adapter(adapter: Adapter, actor: User | None) -> None:
    """Make an adapter its project's champion; the one before is retired and keeps its predictions."""
    Project.objects.select_for_update(no_key=True).get(pk=adapter.project_id)
    before = champion_of(adapter.project)
    if before is not None:
        if before.pk == adapter.pk:
            return
        before.state = Adapter.State.RETIRED
        before.save(update_fields=("state",))
    for job in Job.objects.filter(project=adapter.project, kind=Job.Kind.SCORE, state__in=("queued", "running")):
        cancel_job(job, actor)  # it scores with the adapter that was in use before
    adapter.state = Adapter.State.CHAMPION
    adapter.promoted_at = timezone.now()
    adapter.save(update_fields=("state", "promoted_at"))
    record(adapter.project, actor, "adapter.promote", adapter.name, before=before.name if before else None)
