"""Members who judge what is waiting for them."""

import uuid

from labeling.actions.judgments import Answer, Outcome, submit_answer
from labeling.actions.queue import claim_slot
from labeling.models import Membership, Project
from labeling.queries.projects import published_guideline


def judge_all(project: Project, member: Membership, path: str, then: str | None = None, after: int = 0) -> int:
    """Let a member walk `path` on everything that waits for them, or `then` after so many pairs; return how many."""
    version = published_guideline(project)
    count = 0
    while (slot := claim_slot(project, member.user)) is not None:
        walked = then if then and count >= after else path
        outcome = submit_answer(project, member.user, Answer(slot.pair_id, uuid.uuid4(), version, walked))
        assert outcome == Outcome.STORED
        count += 1
    return count


def judge_by(project: Project, member: Membership, key: dict[int, str]) -> int:
    """Let a member walk each pair's path in `key` on everything that waits for them; return how many."""
    version = published_guideline(project)
    count = 0
    while (slot := claim_slot(project, member.user)) is not None:
        submit_answer(project, member.user, Answer(slot.pair_id, uuid.uuid4(), version, key[slot.pair_id]))
        count += 1
    return count
