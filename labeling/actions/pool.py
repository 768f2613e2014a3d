"""Keeping what is known of the whole pool up to date."""

from django.db import transaction
from django.utils import timezone

from labeling.actions.agreement import SMALL
from labeling.models import Consensus, Judgment, PoolReport, Project, Round
from labeling.queries.agreement import measured_judgments
from labeling.queries.pool import FORMAT, pool_report
from labeling.queries.predictions import champion_of


def measure_pool(project: Project) -> PoolReport:
    """Estimate what the project's pool holds, and keep it, unless something newer was kept meanwhile."""
    started = timezone.now()
    newest = Judgment.objects.filter(project=project).order_by("-id").values_list("pk", flat=True).first()
    report = PoolReport(
        project=project,
        computed_at=started,
        through_id=newest or 0,
        judgments=measured_judgments(project).count(),
        data=pool_report(project, champion_of(project)),
    )
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        newer = PoolReport.objects.filter(project=project, computed_at__gt=started).first()
        if newer is None:
            report.save()
    return newer or report


def current_pool_report(project: Project) -> PoolReport | None:
    """Return the project's report, brought up to date where that takes a moment; None where a job is to make it.

    The cost never grows with the pool, and with the judgments only up to SMALL of them.
    """
    report = PoolReport.objects.filter(project=project, data__format=FORMAT).first()
    if report is not None and not _is_stale(project, report):
        return report
    few = measured_judgments(project).order_by()[: SMALL + 1].count() <= SMALL
    return measure_pool(project) if few else report


def _is_stale(project: Project, report: PoolReport) -> bool:
    """Whether labels came or went, a round was opened, or another adapter is in use."""
    at, champion = report.computed_at, champion_of(project)
    return (
        report.data["adapter"] != (champion.name if champion else "")
        or Consensus.objects.filter(project=project, updated_at__gt=at).exists()
        or Judgment.objects.filter(project=project, retired_at__gt=at).exists()
        or Round.objects.filter(project=project, opened_at__gt=at).exists()
    )
