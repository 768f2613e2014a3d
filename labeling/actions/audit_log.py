"""Keeping the record of who did what."""

from labeling.models import AuditLogEntry, Project, User


def record(project: Project | None, actor: User | None, verb: str, target: object = "", **data: object) -> None:
    """Add an entry to the audit log, in the transaction of the write it is about. `data` must be plain JSON."""
    AuditLogEntry.objects.create(project=project, actor=actor, verb=verb, target=str(target)[:100], data=data)
