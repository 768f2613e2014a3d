"""Publishing versions of the decision tree."""

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.guidelines.parse import parse_guideline
from labeling.guidelines.tree import LabelLeaf
from labeling.guidelines.walk import format_path, whole_paths
from labeling.models import GuidelinePath, GuidelineVersion, Project, User
from labeling.queries.projects import labels_of


@transaction.atomic
def publish_guideline(project: Project, source: str, actor: User | None) -> GuidelineVersion:
    """Publish a new version from its YAML, with every whole walk through it.

    Raises GuidelineError, naming each problem by line, and stores nothing then.
    """
    labels = {label.key: label for label in labels_of(project)}
    tree = parse_guideline(source, labels)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    newest = GuidelineVersion.objects.filter(project=project).order_by("-number").first()
    version = GuidelineVersion.objects.create(
        project=project,
        number=newest.number + 1 if newest else 1,
        title=tree.title,
        source=source,
        published_at=timezone.now(),
        published_by=actor,
    )
    GuidelinePath.objects.bulk_create(
        GuidelinePath(
            guideline=version,
            path=format_path(path),
            label=labels[leaf.label] if isinstance(leaf, LabelLeaf) else None,
            skip_reason="" if isinstance(leaf, LabelLeaf) else leaf.reason,
        )
        for path, leaf in whole_paths(tree)
    )
    record(project, actor, "guideline.publish", version.number, title=version.title)
    return version
