"""Publishing versions of the tree, and drafts of the next one."""

import pytest

from labeling.actions.guidelines import (
    SavedDraft,
    add_example_to_draft,
    discard_draft,
    draft_digest,
    publish_guideline,
    save_draft,
    start_draft,
)
from labeling.actions.judgments import tree_of
from labeling.guidelines.edit import GuidelineEditError
from labeling.guidelines.parse import GuidelineError, default_source
from labeling.guidelines.tree import Example
from labeling.models import AuditLogEntry, GuidelinePath, GuidelineVersion
from labeling.queries.guidelines import draft_of
from labeling.queries.projects import published_guideline
from tests.making import PATHS, make_project, make_user

pytestmark = pytest.mark.django_db

RENAMED = default_source().replace("Search relevance: Exact, Substitute, Complement, Irrelevant", "Renamed", 1)


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
    assert (entry.actor, entry.target, entry.data) == (lead, "2", {"title": version.title, "withdrawn": 0})


def test_guideline_with_problems_is_not_stored() -> None:
    project = make_project()
    broken = default_source().replace("label: E}", "label: X}")
    with pytest.raises(GuidelineError, match="X"):
        publish_guideline(project, broken, None)
    assert GuidelineVersion.objects.filter(project=project).count() == 1


def test_draft_is_started_once_from_the_published_version() -> None:
    project, lead = make_project(), make_user("lead")
    draft = start_draft(project, lead)
    assert (draft.number, draft.source, draft.published_at) == (2, default_source(), None)
    assert (draft.edited_by, draft.paths.count()) == (lead, 0)
    assert start_draft(project, make_user("other")) == draft
    assert published_guideline(project).number == 1
    entry = AuditLogEntry.objects.get(project=project, verb="guideline.draft")
    assert (entry.actor, entry.target, entry.data) == (lead, "2", {"started_from": 1})


def test_draft_is_started_from_an_older_version() -> None:
    project, lead = make_project(), make_user("lead")
    first = published_guideline(project)
    publish_guideline(project, RENAMED, lead)
    draft = start_draft(project, lead, first)
    assert (draft.number, draft.title, draft.source) == (3, first.title, first.source)


def test_draft_is_not_started_from_another_project() -> None:
    with pytest.raises(ValueError, match="is not a guideline of"):
        start_draft(make_project(), make_user(), published_guideline(make_project()))


def test_draft_comes_after_what_is_published_meanwhile() -> None:
    project, lead = make_project(), make_user("lead")
    draft = start_draft(project, lead)
    version = publish_guideline(project, RENAMED, lead)
    draft.refresh_from_db()
    assert (version.number, draft.number) == (2, 3)
    assert published_guideline(project) == version


def test_draft_is_saved_with_its_problems_and_note() -> None:
    project, lead = make_project(), make_user("lead")
    draft = start_draft(project, make_user("other"))
    saved = save_draft(project, RENAMED + "nonsense: [", draft_digest(draft), lead, "Not ready")
    assert (saved.stored, saved.draft) == (True, draft)
    draft.refresh_from_db()
    assert (draft.source, draft.change_note, draft.edited_by) == (RENAMED + "nonsense: [", "Not ready", lead)
    assert draft.title == published_guideline(project).title
    assert save_draft(project, RENAMED, draft_digest(draft), lead).stored
    draft.refresh_from_db()
    assert draft.title == "Renamed"


def test_draft_is_not_saved_over_somebody_elses_newer_text() -> None:
    project, lead, other = make_project(), make_user("lead"), make_user("other")
    base = draft_digest(start_draft(project, lead))
    assert save_draft(project, "theirs", base, other).stored
    saved = save_draft(project, "mine", base, lead)
    assert not saved.stored
    assert saved.draft is not None
    assert (saved.draft.source, saved.draft.edited_by) == ("theirs", other)
    assert AuditLogEntry.objects.filter(project=project, verb="guideline.save").count() == 1


def test_draft_saved_twice_counts_once() -> None:
    project, lead = make_project(), make_user("lead")
    base = draft_digest(start_draft(project, lead))
    assert [save_draft(project, "mine", base, lead).stored for _ in range(2)] == [True, True]
    assert AuditLogEntry.objects.filter(project=project, verb="guideline.save").count() == 1


def test_draft_is_discarded_unless_somebody_has_changed_it() -> None:
    project, lead = make_project(), make_user("lead")
    draft = start_draft(project, lead)
    base = draft_digest(draft)
    save_draft(project, "theirs", base, make_user("other"))
    assert not discard_draft(project, base, lead).stored
    draft.refresh_from_db()
    assert discard_draft(project, draft_digest(draft), lead).stored
    assert draft_of(project) is None
    assert discard_draft(project, base, lead).stored
    assert AuditLogEntry.objects.filter(project=project, verb="guideline.discard").count() == 1
    assert save_draft(project, "mine", base, lead) == SavedDraft(False, None)
    assert start_draft(project, lead).number == 2


def test_example_makes_a_draft_and_stands_in_it_once() -> None:
    project, lead = make_project(), make_user("lead")
    for _ in range(2):
        draft = add_example_to_draft(project, "type", Example("usb  hub", "Hub\t4 ports", "yes", "It is one."), lead)
    assert draft == draft_of(project)
    tree = tree_of(project, draft)
    assert tree.questions["type"].examples[-1] == Example("usb hub", "Hub 4 ports", "yes", "It is one.")
    assert len(tree.questions["type"].examples) == 1 + len(
        tree_of(project, published_guideline(project)).questions["type"].examples
    )
    entry = AuditLogEntry.objects.get(project=project, verb="guideline.example")
    assert (entry.actor, entry.data) == (lead, {"question": "type", "query": "usb  hub"})


def test_example_that_does_not_fit_leaves_no_draft() -> None:
    project = make_project()
    with pytest.raises(GuidelineEditError, match="no question 'kind'"):
        add_example_to_draft(project, "kind", Example("usb hub", "Hub", "yes", "It is one."), make_user())
    assert draft_of(project) is None
