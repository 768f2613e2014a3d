"""Publishing versions of the decision tree, and drafts of the next one."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.jobs import cancel_job
from labeling.actions.judgments import tree_of
from labeling.actions.relabeling import start_take_over, withdraw_waiting
from labeling.guidelines.diff import changed_questions
from labeling.guidelines.edit import add_example, tidy_example
from labeling.guidelines.parse import parse_guideline
from labeling.guidelines.replay import Fate
from labeling.guidelines.source import GuidelineError
from labeling.guidelines.tree import Example, Guideline, LabelLeaf
from labeling.guidelines.walk import format_path, whole_paths
from labeling.models import GuidelinePath, GuidelineVersion, Job, Label, Project, User
from labeling.queries.guidelines import draft_of
from labeling.queries.projects import labels_of, published_guideline
from labeling.queries.relabeling import replayed_walks


@transaction.atomic
def publish_guideline(project: Project, source: str, actor: User | None) -> GuidelineVersion:
    """Publish a new version from its YAML, with every whole walk through it. A draft stays, and comes after it.

    Answers to questions that have changed do not carry over to it, and nobody is asked anything again.
    Raises GuidelineError, naming each problem by line, and stores nothing then.
    """
    labels = {label.key: label for label in labels_of(project)}
    tree = parse_guideline(source, labels)
    _lock(project)
    number = _next_number(project)
    if draft := draft_of(project):
        number, draft.number = draft.number, number
        draft.save(update_fields=["number"])
    before = GuidelineVersion.objects.filter(project=project, published_at__isnull=False).order_by("-number").first()
    version = GuidelineVersion.objects.create(
        project=project,
        number=number,
        title=tree.title,
        source=source,
        asked_again=list(changed_questions(tree_of(project, before), tree)) if before else [],
        published_at=timezone.now(),
        published_by=actor,
    )
    _store_paths(version, tree, labels)
    withdrawn = _end_relabeling(project, actor)
    record(project, actor, "guideline.publish", version.number, title=version.title, withdrawn=withdrawn)
    return version


def _end_relabeling(project: Project, actor: User | None) -> int:
    """Stop what brings judgments under an older version, and ask no more of it; return how many questions waited."""
    for job in project.jobs.filter(kind=Job.Kind.RELABEL, state__in=(Job.State.QUEUED, Job.State.RUNNING)):
        cancel_job(job, actor)
    return withdraw_waiting(project)


def _store_paths(version: GuidelineVersion, tree: Guideline, labels: Mapping[str, Label]) -> None:
    GuidelinePath.objects.bulk_create(
        GuidelinePath(
            guideline=version,
            path=format_path(path),
            label=labels[leaf.label] if isinstance(leaf, LabelLeaf) else None,
            skip_reason="" if isinstance(leaf, LabelLeaf) else leaf.reason,
        )
        for path, leaf in whole_paths(tree)
    )


def _lock(project: Project) -> None:
    """Let nobody else write to the project's guideline until the transaction ends."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def _next_number(project: Project) -> int:
    newest = GuidelineVersion.objects.filter(project=project).order_by("-number").first()
    return newest.number + 1 if newest else 1


@dataclass(frozen=True)
class SavedDraft:
    """How a save ended: `stored`, or refused since the draft is not what it was based on; `draft` as it is now."""

    stored: bool
    draft: GuidelineVersion | None


def draft_digest(draft: GuidelineVersion) -> str:
    """Return a digest of a draft, which tells whether somebody has changed it or published a version before it."""
    return hashlib.sha256(f"{draft.number}\0{draft.source}\0{draft.change_note}".encode()).hexdigest()


@transaction.atomic
def start_draft(project: Project, actor: User, version: GuidelineVersion | None = None) -> GuidelineVersion:
    """Return the project's draft; where there is none, one from a version, or from the newest published one."""
    _lock(project)
    if draft := draft_of(project):
        return draft
    version = version or published_guideline(project)
    if version.project_id != project.pk:
        raise ValueError(f"{version} is not a guideline of {project}.")
    draft = GuidelineVersion.objects.create(
        project=project,
        number=_next_number(project),
        title=version.title,
        source=version.source,
        edited_at=timezone.now(),
        edited_by=actor,
    )
    record(project, actor, "guideline.draft", draft.number, started_from=version.number)
    return draft


@transaction.atomic
def save_draft(project: Project, source: str, base_digest: str, actor: User, change_note: str = "") -> SavedDraft:
    """Store the text of the draft, problems and all, so that nothing is lost.

    Refused where the draft has become another one than `base_digest` is of, or is gone. What is stored already
    counts as stored.
    """
    _lock(project)
    draft = draft_of(project)
    if draft is None:
        return SavedDraft(False, None)
    if (draft.source, draft.change_note) == (source, change_note):
        return SavedDraft(True, draft)
    if draft_digest(draft) != base_digest:
        return SavedDraft(False, draft)
    draft.change_note = change_note
    _write(draft, source, actor)
    record(project, actor, "guideline.save", draft.number)
    return SavedDraft(True, draft)


@transaction.atomic
def discard_draft(project: Project, base_digest: str, actor: User) -> SavedDraft:
    """Delete the draft, unless it has become another one than `base_digest` is of."""
    _lock(project)
    draft = draft_of(project)
    if draft is not None:
        if draft_digest(draft) != base_digest:
            return SavedDraft(False, draft)
        record(project, actor, "guideline.discard", draft.number, title=draft.title, change_note=draft.change_note)
        draft.delete()
    return SavedDraft(True, None)


@transaction.atomic
def add_example_to_draft(project: Project, question_id: str, example: Example, actor: User) -> GuidelineVersion:
    """Put a worked example into the draft, and make one from the published version where there is none.

    Its white space is tidied. An example that is there already is not added again. Raises GuidelineEditError where
    it does not fit in, and changes nothing then.
    """
    draft = start_draft(project, actor)
    source = add_example(draft.source, question_id, tidy_example(example))
    if source != draft.source:
        _write(draft, source, actor)
        record(project, actor, "guideline.example", draft.number, question=question_id, query=example.query)
    return draft


def _write(draft: GuidelineVersion, source: str, actor: User) -> None:
    """Store a text, and the title that it has. A draft with problems keeps the title that it had before."""
    draft.source = source
    with suppress(GuidelineError):
        draft.title = parse_guideline(source, tuple(label.key for label in labels_of(draft.project))).title
    draft.edited_at = timezone.now()
    draft.edited_by = actor
    draft.save()


class DraftChangedError(Exception):
    """The draft, or what it changes, is not what its effect was shown of. Nothing was published."""


@transaction.atomic
def publish_draft(
    project: Project, digest: str, asked_again: Collection[str], *, relabel: bool, take_over: bool, actor: User
) -> GuidelineVersion:
    """Publish the draft, and queue what brings the judgments that are there under it.

    `digest` is of the draft as its effect was shown. `asked_again` are those of its changed questions whose answers do
    not carry over; new questions are among them in any case. With `take_over`, judgments whose answers lead to another
    label get that label; with `relabel`, people are asked the questions again. What waits of older versions is
    withdrawn. Raises DraftChangedError where the draft has become another one or is gone or a question has not changed,
    and GuidelineError where it has problems; nothing is published then.
    """
    _lock(project)
    draft = draft_of(project)
    if draft is None or draft_digest(draft) != digest:
        raise DraftChangedError("The draft is gone." if draft is None else "The draft has changed since.")
    labels = {label.key: label for label in labels_of(project)}
    tree = parse_guideline(draft.source, labels)
    old = tree_of(project, published_guideline(project))
    changed = changed_questions(old, tree)
    if unknown := set(asked_again) - set(changed):
        raise DraftChangedError(
            f"{', '.join(sorted(unknown))}: no question that has changed. These have: {', '.join(changed)}."
        )
    draft.asked_again = [name for name in changed if name in asked_again or name not in old.questions]
    draft.title = tree.title
    draft.published_at = timezone.now()
    draft.published_by = actor
    draft.save()
    _store_paths(draft, tree, labels)
    counts = Counter(dict.fromkeys(Fate, 0))
    for walk in replayed_walks(project, tree, draft.number, draft.asked_again):
        counts[walk.replayed.fate] += walk.judgments
    withdrawn = _end_relabeling(project, actor)
    if (take_over and counts[Fate.CHANGE]) or (relabel and counts[Fate.ASK]):
        start_take_over(draft, actor, take_over=take_over, relabel=relabel)
    record(
        project,
        actor,
        "guideline.publish",
        draft.number,
        title=draft.title,
        asked_again=draft.asked_again,
        take_over=take_over,
        relabel=relabel,
        withdrawn=withdrawn,
        judgments={str(fate): n for fate, n in counts.items()},
    )
    return draft
