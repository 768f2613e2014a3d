"""Audits and what they found."""

from dataclasses import dataclass

from django.db.models import Case, Count, F, Q, When

from labeling.models import Audit, AuditItem, Project
from modeling.estimates import Estimate, wilson_interval


@dataclass(frozen=True)
class AuditResult:
    """An audit's standing: the share of verdicts that agree with the model, and how many are still to come."""

    audit: Audit
    items: int
    judged: int
    skipped: int
    agreed: int
    share: Estimate | None


def newest_audit(project: Project) -> Audit | None:
    """Return the audit that is being worked on."""
    return Audit.objects.filter(project=project).select_related("adapter").order_by("-number").first()


def audit_results(project: Project) -> list[AuditResult]:
    """Return every audit with its result, the newest first; 95 % Wilson intervals."""
    audits = (
        Audit.objects.filter(project=project)
        .select_related("adapter")
        .annotate(
            item_count=Count("items"),
            judged=Count("items", filter=Q(items__label__isnull=False)),
            skipped=Count("items", filter=~Q(items__skip_reason="")),
            agreed=Count("items", filter=Q(items__label=F("items__predicted"))),
        )
        .order_by("-number")
    )
    return [
        AuditResult(
            audit=audit,
            items=audit.item_count,
            judged=audit.judged,
            skipped=audit.skipped,
            agreed=audit.agreed,
            share=wilson_interval(audit.agreed, audit.judged) if audit.judged else None,
        )
        for audit in audits
    ]


def verdicts(audit: Audit) -> list[AuditItem]:
    """Return the judged items of an audit, disagreements first."""
    return list(
        AuditItem.objects.filter(audit=audit, judged_at__isnull=False)
        .select_related("predicted", "label", "auditor", "pair__query", "pair__product__revision")
        .annotate(agrees=Case(When(label=F("predicted"), then=1), default=0))
        .order_by("agrees", "position")
    )
