"""Walk a guideline along a path of answers. Pure: the same path always ends in the same place."""

from collections.abc import Iterator

from labeling.guidelines.tree import Guideline, LabelLeaf, Leaf, Question, SkipLeaf

Path = tuple[tuple[str, str], ...]

# A walk visits a question once at most, and a guideline has fewer questions than this.
MAX_STEPS = 200


class PathError(ValueError):
    """The path is not a walk through the tree; `step` counts from 1."""

    def __init__(self, step: int, message: str) -> None:
        super().__init__(f"Step {step} of the path: {message}")
        self.step = step


def walk(guideline: Guideline, path: Path) -> Question | LabelLeaf | SkipLeaf:
    """Follow the path from the start and return where it ends.

    An empty path ends in the first question; an unfinished one in the next question to ask.
    Raises PathError when a step is not the question that the tree asks there, is no answer to it,
    or comes after a leaf.
    """
    here: Question | LabelLeaf | SkipLeaf = guideline.questions[guideline.start]
    for step, (question_id, answer_key) in enumerate(path, start=1):
        if not isinstance(here, Question):
            raise PathError(step, f"{question_id!r} comes after the walk has ended.")
        if question_id != here.id:
            raise PathError(step, f"expected an answer to {here.id!r}, not to {question_id!r}.")
        here = _take(guideline, here, answer_key, step)
    return here


def open_beginning(guideline: Guideline, path: Path) -> Path:
    """Return the longest beginning of a path after which there is a question to ask.

    So a half walk can go on although the guideline has changed, and a whole one is back at its last question.
    """
    here: Question | LabelLeaf | SkipLeaf = guideline.questions[guideline.start]
    for step, (question_id, answer_key) in enumerate(path):
        if not isinstance(here, Question) or question_id != here.id or here.answer(answer_key) is None:
            return path[:step]
        here = _take(guideline, here, answer_key, step)
        if not isinstance(here, Question):
            return path[:step]
    return path


def _take(guideline: Guideline, question: Question, key: str, step: int) -> Question | LabelLeaf | SkipLeaf:
    answer = question.answer(key)
    if answer is None:
        known = ", ".join(answer.key for answer in question.answers)
        raise PathError(step, f"{key!r} is no answer to {question.id!r}; its answers are {known}.")
    return guideline.questions[answer.go] if isinstance(answer.go, str) else answer.go


def whole_paths(guideline: Guideline) -> Iterator[tuple[Path, Leaf]]:
    """Yield every walk from the first question to a leaf, in the order of the answers."""

    def onward(question: Question, path: Path) -> Iterator[tuple[Path, Leaf]]:
        for answer in question.answers:
            longer = (*path, (question.id, answer.key))
            if isinstance(answer.go, str):
                yield from onward(guideline.questions[answer.go], longer)
            else:
                yield longer, answer.go

    yield from onward(guideline.questions[guideline.start], ())


def parse_path(text: str) -> Path:
    """Read "need:yes,type:no"; an empty text is the empty path.

    Raises PathError when a step is not `question:answer` or when there are too many steps.
    """
    if not text:
        return ()
    parts = text.split(",", MAX_STEPS)
    if len(parts) > MAX_STEPS:
        raise PathError(MAX_STEPS + 1, f"a path has at most {MAX_STEPS} steps.")
    return tuple(_parse_step(part, step) for step, part in enumerate(parts, start=1))


def _parse_step(part: str, step: int) -> tuple[str, str]:
    question_id, colon, answer_key = part.partition(":")
    if not (question_id and colon and answer_key) or ":" in answer_key:
        raise PathError(step, f"expected question:answer, found {part[:80]!r}.")
    return question_id, answer_key


def format_path(path: Path) -> str:
    """Write a path as parse_path reads it."""
    return ",".join(f"{question_id}:{answer_key}" for question_id, answer_key in path)
