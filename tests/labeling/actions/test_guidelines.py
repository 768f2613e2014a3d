"""Publishing versions of the tree."""

import pytest

from labeling.actions.guidelines import publish_guideline
from labeling.guidelines.parse import GuidelineError, default_source
from labeling.models import AuditLogEntry, GuidelinePath, GuidelineVersion
from labeling.queries.projects import published_guideline
from tests.making import PATHS, make_project, make_user

pytestmark = pytest.mark.django_db


def test_guideline_is_published_with_every_walk_through_it() -> None:
    project, lead = make_project(), make_user("lead")
    version = publish_guideline(project, default_source(), lead)
    assert (version.number, version.published_by) == (2, lead)
    assert version.published_at is not None
    assert published_guideline(project) == version
    ends = {
        row["path"]: row["label__key"] or row["skip_reason"]
        for row in GuidelinePath.objects.filter(guideline=version).values("path", "label__key", "skip_reason")
    }
    assert {label: ends[path] for label, path in PATHS.items()} == {label: label for label in PATHS}
    assert ends["need:no"] == "unclear_query"
    assert set(ends.values()) == {"E", "S", "C", "I", "unclear_query", "needs_evidence"}
    entry = AuditLogEntry.objects.filter(project=project, verb="guideline.publish").latest("id")
    assert (entry.actor, entry.target, entry.data) == (lead, "2", {"title": version.title})


def test_guideline_with_problems_is_not_stored() -> None:
    project = make_project()
    broken = default_source().replace("label: E}", "label: X}")
    with pytest.raises(GuidelineError, match="X"):
        publish_guideline(project, broken, None)
    assert GuidelineVersion.objects.filter(project=project).count() == 1
