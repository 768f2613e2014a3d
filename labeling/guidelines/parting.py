"""Where people who judged the same pair parted. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from labeling.guidelines.walk import Path


@dataclass(frozen=True, slots=True)
class Parted:
    """The question at which walks parted, and which step of each walk it is, from 0; None where one never met it."""

    question: str
    steps: tuple[int | None, ...]


def parting(paths: Sequence[Path]) -> Parted | None:
    """Return the first question that not all of those who met it answered alike, or None.

    Of walks through one version that is where they cease to be the same walk. Walks through different versions are
    compared question by question, wherever the question stands, so that a question which only one version asks does
    not part them; the first is the one that any walk meets soonest, and among equals the one of the earlier walk.
    None where every question that several met was answered alike, even if the walks end differently: then it was the
    trees that parted, or one walk was broken off.
    """
    met: dict[str, dict[int, tuple[int, str]]] = {}
    for number, path in enumerate(paths):
        for step, (question, answer) in enumerate(path):
            met.setdefault(question, {})[number] = (step, answer)
    parted = [
        (min(step for step, _ in by_walk.values()), min(by_walk), question)
        for question, by_walk in met.items()
        if len({answer for _, answer in by_walk.values()}) > 1
    ]
    if not parted:
        return None
    question = min(parted)[2]
    by_walk = met[question]
    return Parted(question, tuple(by_walk[number][0] if number in by_walk else None for number in range(len(paths))))
