"""Whether annotators who work at the same time are served what the round ranks first: least sure pairs, in order."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from labeling.actions.queue import claim_slot
from labeling.models import Job, Membership, Pair, Project, QueueEntry, Slot, Split, Stream
from tests.labeling.acting import at_once, make_adapter, make_members, predict, submit
from tests.making import make_pairs, make_project
from worker.selection import draw_round

ANNOTATORS = 8
POOL = 400


@dataclass(frozen=True)
class Served:
    """A claim: whose, of which slot, and the entry's rank, stream and pair."""

    member: int
    slot: int
    rank: int
    number: int
    stream: str
    pair: int


def make_round_by_margin(overlap: int) -> tuple[Project, dict[int, float]]:
    """Make a round of 40 picked and 40 random pairs; return how far the judge's two likeliest labels are apart."""
    project = make_project(
        overlap=overlap,
        max_overlap=3,
        batch_size=80,
        random_share=0.5,
        max_per_query=20,
        strategy="margin",
        titles_apart=False,
        loop_enabled=False,
    )
    pairs = make_pairs(project, POOL)
    margins = np.random.default_rng(5).permutation(np.linspace(0.01, 0.89, POOL))
    said = {pair: [(0.9 + m) / 2, (0.9 - m) / 2, 0.06, 0.04] for pair, m in zip(pairs, margins.tolist(), strict=True)}
    predict(make_adapter(project), said)
    draw_round(Job.objects.create(project=project, kind=Job.Kind.SELECT))
    return project, {pair.pk: margin for pair, margin in zip(pairs, margins.tolist(), strict=True)}


def work_off(project: Project, members: Sequence[Membership]) -> list[Served]:
    """Let all claim and judge at the same time until nothing waits; return the claims as they came back."""
    served: list[Served] = []
    writing = threading.Lock()

    def work(member: Membership) -> None:
        while (slot := claim_slot(project, member.user)) is not None:
            found = Slot.objects.select_related("entry", "pair__project").get(pk=slot.pk)
            entry = found.entry
            with writing:
                served.append(Served(member.pk, slot.pk, entry.rank, slot.number, entry.stream, slot.pair_id))
            submit(member, found, "E")

    at_once(*((lambda member=member: work(member)) for member in members))
    return served


def passed_over(claim: Served, before: Sequence[Served], all_slots: Sequence[tuple[int, int, int]]) -> int:
    """How many slots (id, rank, number) came before a claimed one, were free, and could have been this person's."""
    taken = {one.slot for one in before}
    own = {one.rank for one in before if one.member == claim.member}
    place = (claim.rank, claim.number)
    return sum((rank, number) < place and slot not in taken and rank not in own for slot, rank, number in all_slots)


@pytest.mark.parametrize("overlap", [1, 2])
def test_claims_follow_the_ranks_within_the_number_of_annotators(committed: None, overlap: int) -> None:
    project, margins = make_round_by_margin(overlap)
    entries = list(QueueEntry.objects.filter(round__project=project).order_by("rank"))
    slots = list(Slot.objects.filter(round__project=project).values_list("pk", "rank", "number"))
    served = work_off(project, make_members(project, ANNOTATORS))
    assert len({one.slot for one in served}) == len(served) == len(slots) == 80 * overlap
    # Nobody is given a pair while more wait before it than the others are just being given.
    over = [passed_over(one, served[:at], slots) for at, one in enumerate(served)]
    assert max(over) < ANNOTATORS
    active = [entry.pair_id for entry in entries if entry.stream == Stream.ACTIVE]
    assert [margins[pair] for pair in active] == sorted(margins[pair] for pair in active)
    held = Pair.objects.filter(project=project, query__split=Split.HOLDOUT).values_list("pk", flat=True)
    drawn = {entry.pair_id for entry in entries if entry.stream == Stream.RANDOM}
    pickable = sorted(margin for pair, margin in margins.items() if pair not in {*held, *drawn})
    # The first people to come get the least sure pairs of the whole pool, but for those being given meanwhile.
    first = list(dict.fromkeys(one.pair for one in served if one.stream == Stream.ACTIVE))[:20]
    assert max(margins[pair] for pair in first) <= pickable[20 + ANNOTATORS]
