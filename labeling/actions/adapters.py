"""Recording what was trained, and which of it is used."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.jobs import cancel_job
from labeling.models import Adapter, Job, Project, TrainingItem, User
from labeling.queries.adapters import PROMOTE, ROLL_BACK
from labeling.queries.predictions import champion_of, former_champion
from labeling.queries.training_set import LabeledPair


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
def promote_adapter(adapter: Adapter, actor: User | None) -> bool:
    """Make an adapter its project's champion; the one before is retired and keeps its predictions.

    False, and nothing happens, where it is pruned, collapsed, or the champion already.
    """
    Project.objects.select_for_update(no_key=True).get(pk=adapter.project_id)
    adapter.refresh_from_db(fields=("state", "pruned_at"))
    before = champion_of(adapter.project)
    if adapter.pruned_at is not None or adapter.manifest.get("collapsed") or before == adapter:
        return False
    if before is not None:
        before.state = Adapter.State.RETIRED
        before.save(update_fields=("state",))
    for job in Job.objects.filter(project=adapter.project, kind=Job.Kind.SCORE, state__in=("queued", "running")):
        cancel_job(job, actor)  # it scores with the adapter that was in use before
    adapter.state = Adapter.State.CHAMPION
    adapter.promoted_at = timezone.now()
    adapter.save(update_fields=("state", "promoted_at"))
    record(adapter.project, actor, PROMOTE, adapter.name, before=before.name if before else None)
    return True


@transaction.atomic
def roll_back(project: Project, actor: User | None) -> Adapter | None:
    """Make the adapter that was in use before the champion it again; None where there is none.

    Its predictions are still there and count again at once: nothing is scored. What came into the pool meanwhile is
    scored when scoring is next asked for.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    champion, former = champion_of(project), former_champion(project)
    if champion is None or former is None:
        return None
    record(project, actor, ROLL_BACK, former.name, before=champion.name)
    promote_adapter(former, actor)
    return former
