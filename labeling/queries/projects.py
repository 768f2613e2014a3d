"""Projects, and who may see them."""

from functools import lru_cache

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
    published = GuidelineVersion.objects.filter(project=project, published_at__isnull=False)
    return _published(published.values_list("pk", flat=True).latest("number"))


def published_version(project: Project, version_id: int) -> GuidelineVersion:
    """Return a published version of the project by its id. Raises GuidelineVersion.DoesNotExist."""
    version = _published(version_id)
    if version.project_id != project.pk:
        raise GuidelineVersion.DoesNotExist(f"Version {version_id} is none of {project}.")
    return version


@lru_cache(maxsize=64)
def _published(version_id: int) -> GuidelineVersion:
    """Kept by each process, since a published version never changes."""
    return GuidelineVersion.objects.select_related("project").get(pk=version_id, published_at__isnull=False)
