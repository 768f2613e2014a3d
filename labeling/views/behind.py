"""Which pairs are behind a number of the agreement report: as an address, and in words."""

import datetime as dt
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format

from labeling.actions.judgments import tree_of
from labeling.guidelines.tree import Guideline
from labeling.models import GuidelineVersion, Project
from labeling.queries.agreement import NEWEST
from labeling.queries.agreement_pairs import Behind
from labeling.queries.projects import labels_of
from labeling.queries.slices import ATTRIBUTE
from labeling.views.desk import as_read

SLICES = {"locale": "language", "length": "words in the query", "brand": "brand", "stream": "stream"}


def pairs_url(project: Project, **behind: Any) -> str:
    """Return the address of the pairs behind a number, from those fields of a Behind that matter."""
    said = {name: value for name, value in behind.items() if value not in (None, "")}
    if "month" in said:
        said["month"] = f"{said['month'] // 12}-{said['month'] % 12 + 1:02}"
    if "beside" in said:
        said["with"] = said.pop("beside")
    for name, value in said.items():
        if isinstance(value, bool):
            said[name] = int(value)
        elif isinstance(value, tuple | list):
            said[name] = ",".join(value)
    return reverse("agreement-pairs", args=[project.slug]) + (f"?{urlencode(said)}" if said else "")


def in_words(project: Project, behind: Behind, people: Mapping[int, str]) -> list[str]:
    """Return what two judgments behind a number have to be, clause by clause. `people` are names by user."""
    clauses = []
    if behind.repeat:
        clauses.append("by one person, who got the pair again after weeks")
    if behind.person is not None and behind.beside is not None:
        clauses.append(f"by {people[behind.person]} and {people[behind.beside]}")
    elif behind.person is not None:
        clauses.append(f"by {people[behind.person]}" if behind.repeat else f"one by {people[behind.person]}")
    if behind.lately is not None:
        among = "is" if behind.lately else "is not"
        clauses.append(f"which {among} among their newest {NEWEST}")
    clauses += _of_walks(project, behind)
    if behind.slice:
        name = SLICES.get(behind.slice, behind.slice.removeprefix(ATTRIBUTE))
        clauses.append(f"{name}: {behind.value}")
    if behind.stream:
        clauses.append(f"both of the {behind.stream} stream")
    if behind.version is not None:
        clauses.append(f"both under version {behind.version} of the guideline")
    if behind.month is not None:
        month = date_format(dt.date(behind.month // 12, behind.month % 12 + 1, 1), "F Y")
        clauses.append(f"both in {month}")
    return clauses


def _of_walks(project: Project, behind: Behind) -> list[str]:
    names = {label.key: label.name for label in labels_of(project)}
    clauses = []
    if behind.question:
        clauses += _of_answers(project, behind)
    if behind.labels is not None:
        one, other = (names[key] for key in behind.labels)
        clauses.append(f"one said {one}, the other {other}" if one != other else f"both said {one}")
    if behind.label:
        name = names[behind.label]
        told = {None: f"at least one said {name}", True: f"one said {name}, the other did not"}
        clauses.append(told.get(None if behind.question else behind.differ, f"both said {name}"))
    elif behind.differ is not None and not behind.question:
        clauses.append("with different labels" if behind.differ else "with the same label")
    return clauses


def _of_answers(project: Project, behind: Behind) -> list[str]:
    tree = newest_tree(project, behind.question)
    question = tree.questions[behind.question]
    clauses = [f"both met the question “{question.ask}”"]
    if behind.answers is not None:
        found = [question.answer(key) for key in behind.answers]
        one, other = (answer.text if answer else key for answer, key in zip(found, behind.answers, strict=True))
        clauses.append(f"one answered “{one}”, the other “{other}”" if one != other else f"both answered “{one}”")
    if behind.differ is not None:
        clauses.append("answered differently" if behind.differ else "answered alike")
    return clauses


def newest_tree(project: Project, question: str) -> Guideline:
    """Return the newest published version that asks a question. ValueError where none does."""
    versions = GuidelineVersion.objects.filter(project=project, published_at__isnull=False).order_by("-number")
    for version in versions.select_related("project"):
        tree = as_read(tree_of(project, version))
        if question in tree.questions:
            return tree
    raise ValueError(f"No version of the guideline of {project} asks {question!r}.")
