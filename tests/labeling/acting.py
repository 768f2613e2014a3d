"""What people and workers do in tests, through the actions that they use."""

import datetime as dt
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from django.db import connection
from django.utils import timezone

from labeling.actions.adapters import promote_adapter, record_adapter
from labeling.actions.judgments import Answer, Outcome, submit_answer, undo_step
from labeling.actions.predictions import make_partition, write_predictions
from labeling.actions.queue import claim_slot
from labeling.models import Adapter, Job, Judgment, Membership, Pair, Project, Slot, User
from labeling.queries.judgments import last_step
from labeling.queries.projects import labels_of, published_guideline
from tests.making import PATHS, make_member

Result = TypeVar("Result")

SKIP_PATH = "need:no"


def make_members(project: Project, count: int) -> list[Membership]:
    return [make_member(project) for _ in range(count)]


def claim(member: Membership) -> Slot:
    """Claim the next pair, which must be there."""
    slot = claim_slot(member.project, member.user)
    assert slot is not None
    return slot


def answer_for(slot: Slot, label: str, **changes: Any) -> Answer:
    """Return what the desk sends for a slot: the walk to a label, or any other path."""
    fields: dict[str, Any] = {
        "pair_id": slot.pair_id,
        "key": slot.key,
        "guideline": published_guideline(slot.pair.project),
        "path": PATHS.get(label, label),
    }
    return Answer(**(fields | changes))


def submit(member: Membership, slot: Slot, label: str, **changes: Any) -> Outcome:
    return submit_answer(member.project, member.user, answer_for(slot, label, **changes))


def judge(member: Membership, label: str = "E") -> Judgment:
    """Claim the next pair and give it a label."""
    slot = claim(member)
    assert submit(member, slot, label) == Outcome.STORED
    return Judgment.objects.get(key=slot.key)


def judge_all(members: Collection[Membership], labels: Mapping[Pair, str]) -> None:
    """Let everybody judge all that waits for them. "ES" is E from the first member and S from the second."""
    wanted = {pair.pk: label for pair, label in labels.items()}
    for turn, member in enumerate(members):
        while (slot := claim_slot(member.project, member.user)) is not None:
            label = wanted[slot.pair_id]
            assert submit(member, slot, label[turn % len(label)]) == Outcome.STORED


def expire(slot: Slot) -> None:
    """Let a lease run out."""
    Slot.objects.filter(pk=slot.pk).update(leased_until=timezone.now() - dt.timedelta(seconds=1))


def measures(n: int = 100, accuracy: float | None = 0.7, majority: float | None = 0.5) -> dict[str, Any]:
    """Return a holdout evaluation as a manifest has it."""
    estimate = {"value": accuracy, "low": 0.6, "high": 0.8, "n": n}
    ece = {"value": 0.05, "low": 0.02, "high": 0.09, "n": n}
    return {"n": n, "accuracy": estimate, "alpha": estimate, "majority_accuracy": majority, "ece": ece}


def make_adapter(project: Project, champion: bool = True, holdout: dict[str, Any] | None = None) -> Adapter:
    """Make a trained adapter, the champion if nothing else is said."""
    now = timezone.now()
    job = Job.objects.create(project=project, kind=Job.Kind.TRAIN, state="done", started_at=now, finished_at=now)
    adapter = record_adapter(job, f"adapters/{project.slug}/job-{job.pk}", {"holdout": holdout})
    if champion:
        promote_adapter(adapter, None)
    return adapter


def predict(adapter: Adapter, said: Mapping[Pair, Sequence[float]]) -> None:
    """Write an adapter's probabilities of pairs, in the scheme's order of labels."""
    make_partition(adapter)
    write_predictions(
        adapter,
        np.array([pair.pk for pair in said], dtype=np.int64),
        np.array([pair.product.revision_id for pair in said], dtype=np.int64),
        np.array([label.pk for label in labels_of(adapter.project)], dtype=np.int64),
        np.array(list(said.values()), dtype=np.float32).reshape(len(said), -1),
    )


def at_once(*calls: Callable[[], Result]) -> list[Result]:
    """Run the calls at the same moment, each in a thread with a connection of its own; return their results."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Result]) -> Result:
        try:
            start.wait(20)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(run, call) for call in calls]]


def undo_last(project: Project, user: User) -> Slot | None:
    """Take back the newest step of today, as the desk does."""
    return undo_step(project, user, last_step(project, user))
