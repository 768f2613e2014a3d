"""Taking a new version of the guideline over to the judgments that are there, and asking people again."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.consensus import PERSONAL, resolve_pair
from labeling.actions.jobs import enqueue_job, finish_job, report_progress
from labeling.actions.judgments import (
    Answer,
    Outcome,
    count_in,
    end_of,
    locked_slot,
    retire,
    store_judgment,
    store_skip,
    tree_of,
)
from labeling.actions.queue import locked_member
from labeling.actions.set_aside import withdraw_if_closed
from labeling.guidelines.replay import Fate
from labeling.guidelines.walk import format_path
from labeling.models import (
    GuidelinePath,
    GuidelineVersion,
    Job,
    Judgment,
    Pair,
    Project,
    QueueEntry,
    Relabel,
    Skip,
    User,
)
from labeling.queries.projects import published_guideline
from labeling.queries.relabeling import OldWalk, replayed_judgments, replayed_walks
from labeling.queries.relabels import waiting_relabels

# Whoever judges one of these pairs waits while they are locked, a fraction of a second.
CHANGED_AT_ONCE = 50
ASKED_AT_ONCE = 2000


class StoppedError(Exception):
    """The job is no longer to run: somebody stopped it, or a newer version was published."""


def start_take_over(version: GuidelineVersion, actor: User | None, *, take_over: bool, relabel: bool) -> Job | None:
    """Queue what brings the judgments of a project under its newest version; None where that is under way.

    With `take_over`, judgments whose answers lead to another label now get that label; with `relabel`, people are
    asked again what the version asks again.
    """
    choices = {"guideline": version.pk, "take_over": take_over, "relabel": relabel}
    return enqueue_job(version.project, Job.Kind.RELABEL, actor, choices=choices)


def bring_under(job: Job) -> None:
    """Bring the judgments of a project under the version that its job names, and end the job.

    In batches of one transaction each, so that it can be killed at any line and run again: what was taken over is of
    the version itself by then, and what was asked is not asked twice. Raises StoppedError where it is not to go on.
    """
    project = job.project
    version = GuidelineVersion.objects.select_related("project").get(pk=job.params["guideline"], project=project)
    if published_guideline(project) != version:
        finish_job(job, f"A version newer than {version.number} has been published: nothing was done.")
        return
    tree = tree_of(project, version)
    walks = replayed_walks(project, tree, version.number, version.asked_again)
    changed = [walk for walk in walks if walk.replayed.fate == Fate.CHANGE] if job.params.get("take_over") else []
    asked = [walk for walk in walks if walk.replayed.fate == Fate.ASK] if job.params.get("relabel") else []
    job.done, job.total = 0, sum(walk.judgments for walk in [*changed, *asked])
    try:
        for batch in _batches(list(_ids(project, changed, "pair_id")), CHANGED_AT_ONCE):
            _change(job, version, changed, batch)
        for question in tree.questions:  # somebody who is asked gets one question after the other
            here = [walk for walk in asked if walk.replayed.question == question]
            for batch in _batches(list(_ids(project, here, "pair__query_id")), ASKED_AT_ONCE):
                _ask(job, version, here, batch)
    except StoppedError:
        counts = _counts(job)
        record(project, job.requested_by, "relabel.take_over", f"version {version.number}", stopped=True, **counts)
        raise
    _finish(job, version)


def _counts(job: Job) -> dict[str, int]:
    """Return what the job has done so far, also before it was killed and run again."""
    so_far: dict[str, int] = job.params.get("so_far", {"changed": 0, "asked": 0})
    return so_far


def _count(job: Job, **more: int) -> None:
    """Add to what the job has done, in the transaction that does it."""
    counts = _counts(job)
    job.params["so_far"] = counts | {name: counts[name] + n for name, n in more.items()}
    job.save(update_fields=("params",))


@transaction.atomic
def _finish(job: Job, version: GuidelineVersion) -> None:
    counts: dict[str, Any] = {**_counts(job)}
    taken, put = counts["changed"], counts["asked"]
    message = f"Version {version.number}: {taken:,} labels taken over, {put:,} answers to be asked again."
    if finish_job(job, message, **counts):
        record(job.project, job.requested_by, "relabel.take_over", f"version {version.number}", **counts)


def _ids(project: Project, walks: Sequence[OldWalk], order: str) -> Iterator[int]:
    """Yield the judgments that made one of the walks, in an order within each of the versions."""
    for version_id in {walk.version_id for walk in walks}:
        paths = [walk.path for walk in walks if walk.version_id == version_id]
        made = replayed_judgments(project).filter(guideline=version_id, path__in=paths)
        yield from made.order_by(order, "pk").values_list("pk", flat=True).iterator()


def _batches(ids: list[int], size: int) -> Iterator[list[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _begin_batch(job: Job, size: int) -> None:
    """Write progress, which locks the running job until the transaction ends: what stops it waits for the batch."""
    if not report_progress(job, job.done, job.total, "Bringing judgments under the new version", "answers"):
        raise StoppedError(str(job))
    job.done += size


# The new row is made of the old one by the database, since a model would give it this moment as its own.
REPLACE = """
INSERT INTO labeling_judgment (project_id, slot_id, pair_id, annotator_id, revision_id, guideline_id, path, label_id,
    stream, key, seconds, note, created_at, retired_at, retired_as)
SELECT old.project_id, old.slot_id, old.pair_id, old.annotator_id, old.revision_id, %(version)s, new.path, new.label_id,
    old.stream, gen_random_uuid(), old.seconds, old.note, old.created_at, NULL, ''
FROM labeling_judgment AS old
JOIN unnest(%(ids)s::bigint[], %(paths)s::text[], %(labels)s::bigint[]) AS new (id, path, label_id) ON new.id = old.id
"""


@transaction.atomic
def _change(job: Job, version: GuidelineVersion, walks: Sequence[OldWalk], ids: list[int]) -> None:
    """Supersede the judgments that still stand by what the new tree gives for their answers.

    Moment, time taken and note stay those of the person, so that nobody's day changes.
    """
    _begin_batch(job, len(ids))
    batch = Judgment.objects.filter(pk__in=ids)
    pairs = Pair.objects.select_for_update(no_key=True).filter(pk__in=batch.values("pair")).order_by("pk")
    list(pairs.values_list("pk"))
    live = list(batch.filter(retired_at__isnull=True).values_list("pk", "guideline_id", "path", "pair_id"))
    becomes = {(walk.version_id, walk.path): format_path(walk.replayed.path) for walk in walks}
    paths = [becomes[guideline, path] for _, guideline, path, _ in live]
    labels = dict(GuidelinePath.objects.filter(guideline=version, path__in=paths).values_list("path", "label_id"))
    batch.filter(retired_at__isnull=True).update(retired_at=timezone.now(), retired_as=Judgment.Retired.SUPERSEDED)
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"version": version.pk, "ids": [pk for pk, *_ in live], "paths": paths}
        cursor.execute(REPLACE, values | {"labels": [labels[path] for path in paths]})
    _resolve(job.project, {pair for *_, pair in live})
    _count(job, changed=len(live))


def _resolve(project: Project, pairs: set[int]) -> None:
    """Bring the consensus of locked pairs up to date, each for the newest round that it was in."""
    entries = QueueEntry.objects.filter(pair__in=pairs).exclude(stream__in=PERSONAL).select_related("round")
    for entry in entries.order_by("pair", "-pk").distinct("pair"):
        resolve_pair(project, entry)


@transaction.atomic
def _ask(job: Job, version: GuidelineVersion, walks: Sequence[OldWalk], ids: list[int]) -> None:
    """Put the judgments that still stand down to be asked again. None is put down twice."""
    _begin_batch(job, len(ids))
    before = Relabel.objects.filter(judgment=OuterRef("pk"))
    known = Q(Exists(before.filter(guideline=version))) | Q(Exists(before.filter(state=Relabel.State.WAITING)))
    live = Judgment.objects.select_for_update(of=("self",)).filter(~known, pk__in=ids, retired_at__isnull=True)
    found = {judgment.pk: judgment for judgment in live}
    begun = {(walk.version_id, walk.path): walk.replayed for walk in walks}
    rows = []
    for judgment in (found[pk] for pk in ids if pk in found):
        replayed = begun[judgment.guideline_id, judgment.path]
        rows.append(
            Relabel(
                project=job.project,
                judgment=judgment,
                pair_id=judgment.pair_id,
                annotator_id=judgment.annotator_id,
                guideline=version,
                question=replayed.question,
                path=format_path(replayed.path),
            )
        )
    Relabel.objects.bulk_create(rows)
    _count(job, asked=len(rows))


@transaction.atomic
def answer_again(project: Project, annotator: User, relabel_id: int, answer: Answer, reason: str = "") -> Outcome:
    """Supersede a judgment that is asked again by the walk through the version that asks, in the same slot.

    A walk that ends in a skip, or a `reason` to skip, takes the old judgment back and stores the skip: the place is
    free for somebody else while its round is open. NOT_NEEDED where nobody asks any more. Raises Relabel.DoesNotExist
    where it was never asked of them; PathError and ValueError as submit_answer does, and ValueError for a walk through
    another version.
    """
    locked_member(project, annotator)
    arrived = {"key": answer.key, "annotator": annotator}
    if Judgment.objects.filter(**arrived).exists() or Skip.objects.filter(**arrived).exists():
        return Outcome.REPEATED
    asked = Relabel.objects.get(pk=relabel_id, project=project, annotator=annotator)
    pair = Pair.objects.select_for_update(no_key=True, of=("self",)).select_related("product").get(pk=asked.pair_id)
    asked = Relabel.objects.select_for_update(of=("self",)).select_related("judgment", "guideline").get(pk=asked.pk)
    if asked.state != Relabel.State.WAITING:
        return Outcome.NOT_NEEDED
    if answer.guideline != asked.guideline:
        raise ValueError(
            f"The question is asked of version {asked.guideline.number}, not of {answer.guideline.number}."
        )
    reasons = tree_of(project, answer.guideline).skips
    if reason and reason not in reasons:
        raise ValueError(f"{reason!r} is not a reason to skip. Reasons are: {', '.join(reasons)}.")
    end = None if reason else end_of(project, answer)
    slot = locked_slot(asked.judgment.slot_id)
    if end is None or end.label_id is None:
        _settle(asked)
        retire(asked.judgment, Judgment.Retired.UNDONE)
        store_skip(project, annotator, slot, answer, reason or (end.skip_reason if end else ""))
        withdraw_if_closed(pair.pk)
    else:
        retire(asked.judgment, Judgment.Retired.SUPERSEDED)
        store_judgment(project, annotator, slot, pair, answer, end.label_id, answer.seconds or 0)
    count_in(project, slot)
    return Outcome.STORED


def _settle(asked: Relabel) -> None:
    asked.state = Relabel.State.DONE
    asked.settled_at = timezone.now()
    asked.save(update_fields=("state", "settled_at"))


@transaction.atomic
def withdraw_relabels(project: Project, actor: User, annotator: User | None = None) -> int:
    """Ask no more what waits, of one person if one is given; the judgments stay as they are. Return how many."""
    withdrawn = withdraw_waiting(project, annotator)
    if withdrawn:
        who = {"annotator": annotator.username} if annotator else {}
        record(project, actor, "relabel.withdraw", "", questions=withdrawn, **who)
    return withdrawn


def withdraw_waiting(project: Project, annotator: User | None = None) -> int:
    """Settle what waits as withdrawn; return how many."""
    waiting = waiting_relabels(project, annotator).order_by()
    return waiting.update(state=Relabel.State.WITHDRAWN, settled_at=timezone.now())
