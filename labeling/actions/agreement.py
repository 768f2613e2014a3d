"""Keeping what is known of agreement up to date."""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from labeling.actions.alarms import raise_alarms
from labeling.models import AgreementReport, GuidelineVersion, Job, Project
from labeling.queries.agreement import fetch_evidence, measured_judgments, news_since, stored_report
from modeling.labels.report import FORMAT, measure

DRAWS, SEED = 1_000, 1
SMALL = 20_000  # so many judgments are measured while a page waits; more are left to a job
QUICK = 2_000  # so few at any view; the others not again within PATIENCE
PATIENCE = dt.timedelta(minutes=1)
GROWTH, LEAST_GROWTH = 0.05, 200  # a report is renewed by itself after so many more judgments, whichever is more
RETRY_AFTER = dt.timedelta(hours=1)  # a measurement that failed


def measure_agreement(project: Project) -> AgreementReport:
    """Measure the project's agreement and keep it, unless newer judgments were measured meanwhile."""
    started = timezone.now()
    whole = fetch_evidence(project)
    evidence = whole.compared()
    found = measure(
        evidence.judged,
        evidence.walks,
        evidence.gains,
        slices=evidence.slices,
        repeats=evidence.repeats,
        lately=evidence.lately,
        by_version=evidence.by_version,
        draws=DRAWS,
        seed=SEED,
    )
    report = AgreementReport(
        project=project,
        computed_at=started,
        through_id=evidence.through_id,
        judgments=len(whole.judged),
        data=found.to_dict(),
    )
    return _keep(report)


@transaction.atomic
def _keep(report: AgreementReport) -> AgreementReport:
    """Store a report, and raise and end the alarms that it is about."""
    project = Project.objects.select_for_update(no_key=True).get(pk=report.project_id)
    newer = AgreementReport.objects.filter(project=report.project_id, computed_at__gt=report.computed_at).first()
    if newer is not None:
        return newer
    report.save()
    raise_alarms(project, report)
    return report


def current_report(project: Project) -> AgreementReport | None:
    """Return the project's report, brought up to date where that takes a moment; None where a job is to make it."""
    report = stored_report(project)
    if report is None:
        few = measured_judgments(project).order_by()[: SMALL + 1].count() <= SMALL
        return measure_agreement(project) if few else None
    report.project = project
    recent = report.judgments > QUICK and timezone.now() - report.computed_at < PATIENCE
    if recent or report.judgments > SMALL:
        return report
    news = news_since(report)
    return measure_agreement(project) if news and report.judgments + news.came <= SMALL else report


def measurement_is_due(project: Project) -> bool:
    """Say whether a job should measure: enough judgments came, or the guideline was published or taken over.

    Or labels are to be resolved in another way than they were, or what is kept was written by an older Winnow. Counted
    is from the last job, since what pages measure by themselves brings no labels up to date.
    """
    done = Job.objects.filter(project=project, kind=Job.Kind.MEASURE)
    if done.filter(state=Job.State.FAILED, finished_at__gt=timezone.now() - RETRY_AFTER).exists():
        return False
    seen = AgreementReport.objects.filter(project=project).values_list("computed_at", "data__format").first()
    if seen and seen[1] != FORMAT:
        return True
    last = done.filter(state=Job.State.DONE).order_by("-id").first()
    if last and last.result.get("resolve_by", project.resolve_by) != project.resolve_by:
        return True
    known, through = (last.result.get(name, 0) for name in ("judgments", "through_id")) if last else (0, 0)
    enough = round(max(LEAST_GROWTH, GROWTH * known))
    if measured_judgments(project).filter(pk__gt=through).order_by()[:enough].count() >= enough:
        return True
    since = last.started_at if last else seen and seen[0]
    if not since:
        return False
    published = GuidelineVersion.objects.filter(project=project, published_at__gt=since)
    taken_over = Job.objects.filter(project=project, kind=Job.Kind.RELABEL, finished_at__gt=since)
    return published.exists() or taken_over.exists()
