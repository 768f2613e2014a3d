"""The loop by itself: what is to be done next for a project."""

import datetime as dt

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from labeling.actions.agreement import measurement_is_due
from labeling.actions.jobs import enqueue_job
from labeling.models import Consensus, Job, Project
from labeling.queries.pairs import unqueued_pairs
from labeling.queries.predictions import champion_of
from labeling.queries.queue import queued_slots, waiting_slots

AFTER_TRAINING = (Job.Kind.SCORE, Job.Kind.SELECT)
PATIENCE = dt.timedelta(minutes=15)  # how long labeling waits for the gpu workers, which may not be there
NEARLY_EMPTY = 0.05  # share of a round's slots that may be left when the next one is drawn


def labels_since_training(project: Project) -> int:
    """Count the consensus labels that came after the newest training began, whatever became of it.

    So a training that failed is not tried again by itself before there is as much to learn as at any other time.
    """
    settled = Consensus.objects.filter(project=project, state=Consensus.State.RESOLVED)
    last = Job.objects.filter(project=project, kind=Job.Kind.TRAIN, started_at__isnull=False).order_by("-id").first()
    return settled.filter(updated_at__gt=last.started_at).count() if last and last.started_at else settled.count()


def next_step(project: Project) -> Job.Kind | None:
    """Return what the loop would do now: train when there is enough to learn, select when the queue runs dry.

    Else what the champion has not seen is scored: it comes with imports, which are waited for, and is scored at once.
    While it trains or scores nothing else is started, unless that takes so long that people would run out of work.
    """
    active = Job.objects.filter(
        project=project, kind__in=(Job.Kind.TRAIN, *AFTER_TRAINING), state__in=("queued", "running")
    )
    if active.filter(Q(kind=Job.Kind.SELECT) | Q(created_at__gt=timezone.now() - PATIENCE)).exists():
        return None
    if not active.exists() and labels_since_training(project) >= project.train_after:
        return Job.Kind.TRAIN
    nearly_empty = waiting_slots(project).count() <= NEARLY_EMPTY * queued_slots(project).count()
    if nearly_empty and unqueued_pairs(project).exists():
        return Job.Kind.SELECT
    return Job.Kind.SCORE if not active.exists() and scoring_is_due(project) else None


def scoring_is_due(project: Project) -> bool:
    """Say whether there may be pairs that the champion has not scored: an import since it was last asked to score.

    Nothing is counted, which would take a pass over the pool: a job that finds nothing ends at once. One that failed
    or was cancelled is not tried again before there is more to score.
    """
    champion = champion_of(project)
    imports = Job.objects.filter(project=project, kind=Job.Kind.IMPORT)
    if champion is None or imports.filter(state=Job.State.RUNNING).exists():
        return False
    newest = imports.filter(state=Job.State.DONE).aggregate(at=Max("finished_at"))["at"]
    since = max(filter(None, (newest, champion.promoted_at)), default=None)
    scored = Job.objects.filter(project=project, kind=Job.Kind.SCORE, params__adapters__contains=champion.pk)
    return since is not None and not scored.filter(created_at__gte=since).exists()


@transaction.atomic
def advance_loop(project: Project, now: dt.datetime | None = None) -> Job | None:
    """Queue the next step of a project whose period has passed; None when there is none, or it is not time yet."""
    now = now or timezone.now()
    locked = (
        Project.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(pk=project.pk, loop_enabled=True)
        .first()
    )
    if locked is None:
        return None
    if locked.loop_checked_at and now - locked.loop_checked_at < dt.timedelta(seconds=locked.check_seconds):
        return None
    locked.loop_checked_at = now
    locked.save(update_fields=("loop_checked_at",))
    step = next_step(locked)
    if step is None:
        return None
    return enqueue_job(locked, step, then=AFTER_TRAINING if step == Job.Kind.TRAIN else ())


def measure_when_due(project: Project) -> Job | None:
    """Queue a measurement of agreement where enough has changed, whether or not the loop is on; None where not."""
    return enqueue_job(project, Job.Kind.MEASURE) if measurement_is_due(project) else None
