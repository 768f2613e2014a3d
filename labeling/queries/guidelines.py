"""The versions of a project's guideline, and its draft."""

from labeling.models import GuidelineVersion, Project


def draft_of(project: Project) -> GuidelineVersion | None:
    """Return the project's draft, if there is one."""
    return GuidelineVersion.objects.filter(project=project, published_at__isnull=True).first()
