"""Making projects and changing their settings."""

import pytest
from django.core.exceptions import ValidationError

from labeling.actions.projects import configure_project, create_project
from labeling.guidelines.parse import GuidelineError, default_source
from labeling.models import AuditLogEntry, Project
from labeling.queries.projects import published_guideline
from tests.making import make_project, make_user

pytestmark = pytest.mark.django_db


def test_project_is_made_with_its_first_guideline_and_logged() -> None:
    lead = make_user("lead")
    project = create_project("garden", "Garden tools", default_source(), lead)
    assert (project.scheme.slug, project.overlap, project.imported_labels) == ("esci", 2, "ignore")
    assert published_guideline(project).number == 1
    entries = AuditLogEntry.objects.filter(project=project).order_by("id")
    assert [(entry.verb, entry.actor, entry.target) for entry in entries] == [
        ("project.create", lead, "garden"),
        ("guideline.publish", lead, "1"),
    ]


@pytest.mark.parametrize("slug", ["garden", "Garden tools!", ""])
def test_project_is_not_made_with_a_slug_that_is_taken_or_malformed(slug: str) -> None:
    create_project("garden", "Garden tools", default_source())
    with pytest.raises(ValidationError, match="slug"):
        create_project(slug, "Another", default_source())
    assert Project.objects.filter(name="Another").count() == 0


def test_project_is_not_made_with_a_guideline_that_has_problems() -> None:
    with pytest.raises(GuidelineError):
        create_project("garden", "Garden tools", "title: Nothing else")
    assert not Project.objects.filter(slug="garden").exists()


def test_settings_are_changed_and_logged_with_what_they_were() -> None:
    project, lead = make_project(), make_user("lead")
    changes = {"overlap": "3", "random_share": "0.25", "loop_enabled": False, "lease_minutes": 20}
    changed = configure_project(project, changes, lead)
    assert (changed.overlap, changed.random_share, changed.loop_enabled) == (3, 0.25, False)
    stored = Project.objects.get(pk=project.pk)
    assert (stored.overlap, stored.random_share, stored.loop_enabled) == (3, 0.25, False)
    entry = AuditLogEntry.objects.get(project=project, verb="project.configure")
    assert (entry.actor, entry.data) == (
        lead,
        {"changed": {"overlap": [2, 3], "random_share": [0.5, 0.25], "loop_enabled": [True, False]}},
    )


def test_settings_that_stay_are_not_logged() -> None:
    project = make_project()
    configure_project(project, {"overlap": 2})
    assert not AuditLogEntry.objects.filter(project=project, verb="project.configure").exists()


def test_settings_are_changed_beside_what_others_changed() -> None:
    project = make_project()
    configure_project(project, {"train_after": 40})
    configure_project(project, {"batch_size": 60})
    stored = Project.objects.get(pk=project.pk)
    assert (stored.train_after, stored.batch_size) == (40, 60)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"overlapp": 3}, "'overlapp' is not a setting. Settings are: name, overlap, max_overlap"),
        ({"slug": "other"}, "'slug' is not a setting"),
        ({"overlap": "many"}, "overlap.*“many” value must be an integer"),
        ({"overlap": -1}, "overlap.*greater than or equal to 0"),
        ({"lease_minutes": 10**6}, "lease_minutes.*less than or equal to 32767"),
        ({"imported_labels": "sometimes"}, "imported_labels.*'sometimes' is not a valid choice"),
        ({"loop_enabled": "perhaps"}, "loop_enabled.*“perhaps” value must be either True or False"),
        ({"name": ""}, "name.*cannot be blank"),
        ({"overlap": 0}, "at least one judgment"),
        ({"overlap": 4, "max_overlap": 3}, "must not be less"),
        ({"random_share": 0}, "above 0"),
        ({"random_share": 1.1}, "at most 1"),
        ({"holdout_percent": 60, "calibration_percent": 40}, "with calibration at most 99"),
        ({"shard_size": 0}, "start at 1"),
        ({"judge_spec": {"epoch": 3}}, "judge_spec.*epoch"),
        ({"judge_spec": "fast"}, "judge_spec"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(changes: dict[str, object], message: str) -> None:
    project = make_project()
    with pytest.raises(ValidationError, match=message):
        configure_project(project, {"batch_size": 77} | changes)
    assert Project.objects.get(pk=project.pk).batch_size == 500
    assert not AuditLogEntry.objects.filter(project=project, verb="project.configure").exists()
