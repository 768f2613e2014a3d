"""Where a walk left the right path, and what the guideline says there. Pure."""

from dataclasses import dataclass

from labeling.guidelines.tree import Answer, Example, Guideline, LabelLeaf, Question
from labeling.guidelines.walk import Path, PathError, walk, whole_paths


@dataclass(frozen=True, slots=True)
class Parting:
    """The first question at which a walk left the right path.

    `given` is None where the walk was broken off there: the pair was skipped. `wanted` is the answer of the right
    path, and `examples` are the question's worked examples that have it.
    """

    question: Question
    given: Answer | None
    wanted: Answer
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What to tell somebody of their walk. A right one may still have come to its label by another way.

    `path` is the right path that was compared with; it is empty, and there is no parting, where the guideline has
    no way to the right label.
    """

    right: bool
    path: Path
    parting: Parting | None


def compare_walk(guideline: Guideline, walked: Path, label: str, known: Path = ()) -> Feedback:
    """Compare a walk with the right label and, where it is known, the right path.

    Where only the label is known, or `known` is no walk to it in this guideline, the right path is the one to the
    label that has most steps in common with the walk from the start on; among equals the first in the tree's order.
    The walk may be unfinished: then the pair was skipped. Raises PathError where it is no walk through the guideline.
    """
    end = walk(guideline, walked)
    right = isinstance(end, LabelLeaf) and end.label == label
    path = known if _leads_to(guideline, known, label) else _nearest_path(guideline, walked, label)
    return Feedback(right, path, _parting(guideline, walked, path))


def _leads_to(guideline: Guideline, path: Path, label: str) -> bool:
    """Tell whether a path, perhaps of another version, is a whole walk to the label."""
    try:
        return walk(guideline, path) == LabelLeaf(label)
    except PathError:
        return False


def _nearest_path(guideline: Guideline, walked: Path, label: str) -> Path:
    ways = [path for path, leaf in whole_paths(guideline) if leaf == LabelLeaf(label)]
    return max(ways, key=lambda path: _shared_steps(path, walked), default=())


def _shared_steps(one: Path, other: Path) -> int:
    pairs = list(zip(one, other, strict=False))
    return next((index for index, (mine, theirs) in enumerate(pairs) if mine != theirs), len(pairs))


def _parting(guideline: Guideline, walked: Path, path: Path) -> Parting | None:
    shared = _shared_steps(path, walked)
    if shared == len(path):
        return None
    question_id, wanted_key = path[shared]
    question = guideline.questions[question_id]
    given = question.answer(walked[shared][1]) if shared < len(walked) else None
    wanted = question.answer(wanted_key)
    if wanted is None:
        raise PathError(shared + 1, f"{wanted_key!r} is no answer to {question_id!r}.")
    examples = tuple(example for example in question.examples if example.answer == wanted_key)
    return Parting(question, given, wanted, examples)
