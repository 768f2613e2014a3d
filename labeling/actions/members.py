"""Who takes part in a project."""

from django.db import transaction

from labeling.actions.audit_log import record
from labeling.models import Membership, Project, Role, User


@transaction.atomic
def add_member(project: Project, user: User, role: Role, actor: User | None = None) -> Membership:
    """Give a person a role in the project, or change the one they have."""
    membership, created = Membership.objects.select_for_update().get_or_create(
        project=project, user=user, defaults={"role": role}
    )
    if created or membership.role != role:
        before = None if created else membership.role
        membership.role = role
        membership.save()
        record(project, actor, "member.role", user.username, before=before, after=role)
    return membership
