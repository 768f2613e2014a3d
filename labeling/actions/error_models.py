"""Finding out how people err."""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from labeling.actions.agreement import SMALL, current_report
from labeling.actions.consensus_in_bulk import resolve_again
from labeling.models import AgreementReport, ErrorModel, GoldPair, Project, Ruling
from labeling.queries.agreement import Evidence, fetch_evidence
from labeling.queries.error_models import error_report
from labeling.queries.projects import labels_of
from modeling.labels.aggregation import DawidSkene, dawid_skene


def fit_errors(project: Project) -> ErrorModel:
    """Find out how each of the project's people errs, keep it, and bring the labels that rest on it up to date."""
    started = timezone.now()
    evidence = fetch_evidence(project)
    model = _fit(evidence)
    found = _keep(project, started, evidence, model)
    resolve_again(project, started, evidence, model)
    return found


def current_errors(project: Project) -> ErrorModel | None:
    """Return how people err, brought up to date where that takes a moment; None where a job is to find out first.

    No label is resolved anew by it.
    """
    found = ErrorModel.objects.filter(project=project).first()
    report = current_report(project)
    if report is None or report.judgments > SMALL or (found is not None and not _is_old(found, report)):
        return found
    started = timezone.now()
    evidence = fetch_evidence(project)
    return _keep(project, started, evidence, _fit(evidence))


def _is_old(found: ErrorModel, report: AgreementReport) -> bool:
    """Tell whether judgments, rulings or gold pairs have come or gone since a fit."""
    rulings = Ruling.objects.filter(project=found.project_id)
    gold = GoldPair.objects.filter(project=found.project_id)
    return report.computed_at > found.computed_at or any(
        rows.filter(**{f"{moment}__gt": found.computed_at}).exists()
        for rows in (rulings, gold)
        for moment in ("created_at", "retired_at")
    )


def _fit(evidence: Evidence) -> DawidSkene:
    judged = evidence.judged
    return dawid_skene(judged.pair, judged.person, judged.label, labels=len(evidence.gains))


@transaction.atomic
def _keep(project: Project, started: dt.datetime, evidence: Evidence, model: DawidSkene) -> ErrorModel:
    """Store a fit with what it says, unless a newer one was stored meanwhile."""
    report = error_report(project, evidence, model)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    newer = ErrorModel.objects.filter(project=project, computed_at__gt=started).first()
    if newer is not None:
        return newer
    people = zip(model.people.tolist(), model.confusion.tolist(), strict=True)
    found = ErrorModel(
        project=project,
        computed_at=started,
        judgments=len(evidence.judged),
        labels=[label.pk for label in labels_of(project)],
        prior=model.prior.tolist(),
        people={str(person): rows for person, rows in people},
        report=report,
    )
    found.save()
    return found
