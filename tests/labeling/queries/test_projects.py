"""Projects, and who may see them."""

import pytest

from labeling.actions.guidelines import publish_guideline
from labeling.actions.members import add_member
from labeling.guidelines.parse import default_source
from labeling.models import GuidelineVersion, Project, Role
from labeling.queries.projects import labels_of, memberships_of, published_guideline
from tests.making import make_project, make_user

pytestmark = pytest.mark.django_db


def test_memberships_are_a_persons_own_by_project_name() -> None:
    user, other = make_user(), make_user()
    later, earlier, foreign = make_project(), make_project(), make_project()
    Project.objects.filter(pk=later.pk).update(name="B")
    Project.objects.filter(pk=earlier.pk).update(name="A")
    add_member(later, user, Role.LEAD)
    add_member(earlier, user, Role.ANNOTATOR)
    add_member(foreign, other, Role.LEAD)
    assert [one.project for one in memberships_of(user)] == [earlier, later]


def test_labels_are_the_schemes_in_order_with_the_published_gains() -> None:
    """Gains as in the KDD Cup 2022 ESCI challenge: E 1, S 0.1, C 0.01, I 0."""
    labels = labels_of(make_project())
    assert [(label.key, label.gain) for label in labels] == [("E", 1.0), ("S", 0.1), ("C", 0.01), ("I", 0.0)]


def test_published_guideline_is_the_newest_that_is_published() -> None:
    project = make_project()
    second = publish_guideline(project, default_source(), None)
    GuidelineVersion.objects.create(project=project, number=3, title="Draft", source="")
    assert published_guideline(project) == second
