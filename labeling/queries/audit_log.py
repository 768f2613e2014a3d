"""What is on record of a project: who did what, and when."""

from django.db.models import QuerySet

from labeling.models import AuditLogEntry, Project

ITSELF = 0  # in place of a person's id: what Winnow did by itself


def entries_of(project: Project, verbs: tuple[str, ...] = (), actor: int | None = None) -> QuerySet[AuditLogEntry]:
    """Return the entries of a project, the newest first: those with one of the verbs, those of one actor; or all."""
    found = AuditLogEntry.objects.filter(project=project).select_related("actor").order_by("-id")
    if verbs:
        found = found.filter(verb__in=verbs)
    if actor is not None:
        found = found.filter(actor__isnull=True) if actor == ITSELF else found.filter(actor=actor)
    return found


def entries_around(
    entries: QuerySet[AuditLogEntry], most: int, before: int | None, after: int | None
) -> tuple[list[AuditLogEntry], bool, bool]:
    """Return at most so many entries, the newest first, and whether there are newer ones and older ones.

    They are those next before an id, or next after one; without either, the newest.
    """
    if after is not None:
        found = list(entries.filter(pk__gt=after).order_by("id")[: most + 1])
        return found[:most][::-1], len(found) > most, True
    found = list(entries.filter(pk__lt=before)[: most + 1] if before is not None else entries[: most + 1])
    return found[:most], before is not None, len(found) > most
