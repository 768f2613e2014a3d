"""Projects, and who may see them."""

from django.db.models import QuerySet

from labeling.models import GuidelineVersion, Label, Membership, Project, User


def memberships_of(user: User) -> QuerySet[Membership]:
    """Return the user's memberships with their projects, by project name."""
    return Membership.objects.filter(user=user).select_related("project").order_by("project__name")


def labels_of(project: Project) -> list[Label]:
    """Return the labels of the project's scheme in their order."""
    return list(Label.objects.filter(scheme=project.scheme_id).order_by("position"))


def published_guideline(project: Project) -> GuidelineVersion:
    """Return the newest published version. Every project has one from its creation on."""
    return GuidelineVersion.objects.filter(project=project, published_at__isnull=False).latest("number")
