"""Walks side by side, as the pages show them."""

import pytest
from django.utils import translation

from labeling.models import Project
from labeling.queries.projects import labels_of, published_guideline
from labeling.views.walks import Walked, walks_context
from tests.making import PATHS, make_project

pytestmark = pytest.mark.django_db


def walked(project: Project, key: str, **more: str) -> Walked:
    label = next(label for label in labels_of(project) if label.key == key)
    return Walked(published_guideline(project), PATHS[key], label, **more)


def test_walks_have_words_and_the_question_of_parting() -> None:
    project = make_project()
    first, second = walks_context(project, [walked(project, "E", name="Ana"), walked(project, "S", note="Red")])
    assert [step["id"] for step in first["steps"]] == ["need", "type", "conflict", "silent"]
    assert [step["parted"] for step in first["steps"]] == [False, False, True, False]
    assert [step["parted"] for step in second["steps"]] == [False, False, True, False]
    assert first["steps"][1]["ask"].endswith("?")
    assert first["steps"][1]["answer"].startswith("Yes")
    assert (first["name"], first["label"].key, second["note"]) == ("Ana", "E", "Red")


def test_walks_that_agree_have_no_mark() -> None:
    project = make_project()
    rows = walks_context(project, [walked(project, "C"), walked(project, "C")])
    assert not any(step["parted"] for row in rows for step in row["steps"])


def test_walks_speak_the_readers_language() -> None:
    project = make_project()
    english = walks_context(project, [walked(project, "E")])[0]["steps"][0]["ask"]
    with translation.override("es"):
        assert walks_context(project, [walked(project, "E")])[0]["steps"][0]["ask"] != english
