"""Drawing audits and taking verdicts."""

import datetime as dt

import numpy as np
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.judgments import tree_of
from labeling.guidelines.tree import LabelLeaf, SkipLeaf
from labeling.guidelines.walk import format_path, parse_path, walk
from labeling.models import Audit, AuditItem, GuidelineVersion, Membership, Prediction, Project, User
from labeling.queries.pairs import shown_revision
from labeling.queries.predictions import champion_of, pool_predictions
from labeling.queries.projects import labels_of

LEASE = dt.timedelta(minutes=30)


@transaction.atomic
def draw_audit(project: Project, size: int, seed: int, actor: User | None) -> Audit | None:
    """Draw a uniform sample of the champion's labels of pairs that no person has settled or audited before.

    Who has audited a pair has seen what the model says of it, and could not judge it blind again.

    None where there is no champion or it has not scored anything. `size` is cut to what there is.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    champion = champion_of(project)
    if champion is None:
        return None
    seen = AuditItem.objects.filter(audit__project=project, judged_at__isnull=False).values("pair")
    predictions = pool_predictions(project, champion).exclude(pair__in=seen)
    pair_ids = np.fromiter(predictions.order_by("pair_id").values_list("pair_id", flat=True), dtype=np.int64)
    if not len(pair_ids):
        return None
    drawn = np.random.default_rng(seed).choice(pair_ids, min(size, len(pair_ids)), replace=False).tolist()
    newest = Audit.objects.filter(project=project).order_by("-number").first()
    audit = Audit.objects.create(
        project=project,
        number=newest.number + 1 if newest else 1,
        adapter=champion,
        population=len(pair_ids),
        seed=seed,
        created_by=actor,
    )
    said = {row.pair_id: row for row in Prediction.objects.filter(adapter=champion, pair_id__in=drawn)}
    AuditItem.objects.bulk_create(
        AuditItem(
            audit=audit,
            pair_id=pair_id,
            position=position,
            predicted_id=said[pair_id].label_id,
            confidence=said[pair_id].confidence,
        )
        for position, pair_id in enumerate(drawn, start=1)
    )
    record(project, actor, "audit.draw", audit.number, size=len(drawn), adapter=champion.name, of=len(pair_ids))
    return audit


@transaction.atomic
def claim_item(audit: Audit, auditor: User) -> AuditItem | None:
    """Lease the next item to an auditor; the one they hold, if they hold one. None when all are given out."""
    Membership.objects.select_for_update().get(project=audit.project_id, user=auditor)
    now = timezone.now()
    waiting = AuditItem.objects.filter(audit=audit, judged_at__isnull=True).order_by("position")
    item = waiting.filter(auditor=auditor).select_for_update().first() or (
        waiting.filter(Q(auditor__isnull=True) | Q(leased_until__lt=now)).select_for_update(skip_locked=True).first()
    )
    if item is not None:
        item.auditor = auditor
        item.leased_until = now + LEASE
        item.save(update_fields=("auditor", "leased_until"))
    return item


@transaction.atomic
def give_verdict(
    project: Project,
    auditor: User,
    item_id: int,
    version: GuidelineVersion,
    path: str,
    skip_reason: str = "",
    revision_id: int | None = None,
) -> AuditItem:
    """Store an auditor's own label, given blind; from then on the model's may be shown.

    A verdict that was given stays: the same submit twice returns it. Raises PathError or ValueError for a path
    that is not a whole walk, and AuditItem.DoesNotExist for an item that is not this auditor's.
    """
    item = AuditItem.objects.select_for_update(of=("self",)).get(pk=item_id, audit__project=project, auditor=auditor)
    if item.judged_at is not None:
        return item
    tree = tree_of(project, version)
    steps = parse_path(path)
    end = walk(tree, steps)
    if skip_reason:
        if skip_reason not in tree.skips:
            raise ValueError(f"{skip_reason!r} is not a reason to skip. Reasons are: {', '.join(tree.skips)}.")
        item.skip_reason = skip_reason
    elif isinstance(end, LabelLeaf):
        item.label = next(label for label in labels_of(project) if label.key == end.label)
    elif isinstance(end, SkipLeaf):
        item.skip_reason = end.reason
    else:
        raise ValueError(f"The walk {path!r} is not at its end: {end.ask!r} is still to be answered.")
    item.path = format_path(steps)
    item.guideline = version
    item.revision_id = shown_revision(item.pair, revision_id)
    item.judged_at = timezone.now()
    item.save()
    record(
        project,
        auditor,
        "audit.verdict",
        f"{item.audit} item {item.position}",
        label=item.label.key if item.label else None,
        skip=item.skip_reason or None,
    )
    return item


@transaction.atomic
def note_verdict(project: Project, auditor: User, item_id: int, note: str) -> AuditItem:
    """Keep why an auditor's label differs from the model's."""
    item = AuditItem.objects.select_for_update(of=("self",)).get(
        pk=item_id, audit__project=project, auditor=auditor, judged_at__isnull=False
    )
    item.note = note
    item.save(update_fields=("note",))
    record(project, auditor, "audit.note", f"{item.audit} item {item.position}", note=note)
    return item
