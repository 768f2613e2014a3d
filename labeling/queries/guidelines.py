"""The versions of a project's guideline, and its draft."""

from labeling.models import GuidelineVersion, Project


def draft_of(project: Project) -> GuidelineVersion | None:
    """Return the project's draft, with who edited it, if there is one."""
    drafts = GuidelineVersion.objects.filter(project=project, published_at__isnull=True)
    return drafts.select_related("edited_by").first()


def published_versions(project: Project) -> list[GuidelineVersion]:
    """Return the published versions, newest first, with who published them; their texts are not loaded."""
    published = GuidelineVersion.objects.filter(project=project, published_at__isnull=False)
    return list(published.select_related("published_by").defer("source").order_by("-number"))


def numbered_version(project: Project, number: int, drafts: bool = False) -> GuidelineVersion | None:
    """Return a version by its number; the draft only where `drafts` are asked for."""
    versions = GuidelineVersion.objects.filter(project=project, number=number).select_related("published_by")
    return (versions if drafts else versions.filter(published_at__isnull=False)).first()
