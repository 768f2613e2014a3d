"""People's walks through the tree, side by side, as components/walks.html wants them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format

from labeling.actions.judgments import tree_of
from labeling.guidelines.parting import parting
from labeling.guidelines.tree import Guideline
from labeling.guidelines.walk import Path, parse_path
from labeling.models import GuidelineVersion, Judgment, Label, Project
from labeling.views.desk import as_read


@dataclass(frozen=True)
class Walked:
    """One walk through a published version, and what to say of it: `name` is who walked, `about` a few words more."""

    guideline: GuidelineVersion
    path: str
    label: Label | None
    name: str = ""
    about: str = ""
    note: str = ""


def walked_by(judgment: Judgment) -> Walked:
    """Return a judgment's walk with who made it, under which version, why and when."""
    day = date_format(judgment.created_at, "DATE_FORMAT")
    return Walked(
        guideline=judgment.guideline,
        path=judgment.path,
        label=judgment.label,
        name=judgment.annotator.get_username(),
        about=f"version {judgment.guideline.number}, {judgment.stream}, {day}",
        note=judgment.note,
    )


def walks_context(project: Project, walked: Sequence[Walked]) -> list[dict[str, Any]]:
    """Return the walks of one pair for components/walks.html, the question where they parted marked in each.

    Questions and answers are in the reader's language, each walk's in the words of the version that it went through.
    """
    paths = [parse_path(one.path) for one in walked]
    parted = parting(paths)
    marks = parted.steps if parted else [None] * len(paths)
    rows = []
    for one, path, mark in zip(walked, paths, marks, strict=True):
        tree = as_read(tree_of(project, one.guideline))
        steps = steps_of(tree, path, mark)
        rows.append({"name": one.name, "about": one.about, "note": one.note, "steps": steps, "label": one.label})
    return rows


def steps_of(tree: Guideline, path: Path, mark: int | None = None) -> list[dict[str, Any]]:
    """Return the questions of a walk with what was answered; `mark` is the step at which it parted from others."""
    return [_step(tree, *step) | {"parted": number == mark} for number, step in enumerate(path)]


def _step(tree: Guideline, question_id: str, key: str) -> dict[str, Any]:
    question = tree.questions[question_id]
    answer = question.answer(key)
    return {"id": question_id, "ask": question.ask, "answer": answer.text if answer else key}
