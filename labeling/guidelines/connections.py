"""Check how the questions of a guideline hang together: no circle, none out of reach, not too many walks."""

from collections.abc import Mapping

from labeling.guidelines.source import Problem
from labeling.guidelines.tree import Question

# Every whole walk is stored, and its written form is indexed: a PostgreSQL index entry holds 2,700 bytes.
MAX_PATHS = 5_000
MAX_PATH_LENGTH = 2_000


def check_connections(start: str, questions: Mapping[str, Question], lines: Mapping[str, int]) -> list[Problem]:
    """Return a problem for each circle, each question that no walk from `start` reaches, and too many walks.

    `lines` gives each question's line. Answers that lead to no known question are passed over; a start
    that is no question leaves nothing to check.
    """
    if start not in questions:
        return []
    problems = [_circle(circle, lines) for circle in _circles(questions)] or _sizes(start, questions, lines)
    reached = _reached(start, questions)
    return problems + [
        Problem(line, f"question {name!r}: no answer leads here from {start!r}.")
        for name, line in lines.items()
        if name not in reached
    ]


def _next(question: Question, questions: Mapping[str, Question]) -> list[str]:
    ids = dict.fromkeys(answer.go for answer in question.answers if isinstance(answer.go, str))
    return [name for name in ids if name in questions]


def _reached(start: str, questions: Mapping[str, Question]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _next(questions[name], questions)
    return seen


def _circles(questions: Mapping[str, Question]) -> list[list[str]]:
    """Return the trail of each answer that leads back to a question on the way to it."""
    circles: list[list[str]] = []
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        if name in trail:
            circles.append(trail[trail.index(name) :])
        elif name not in done:
            for following in _next(questions[name], questions):
                visit(following, [*trail, name])
            done.add(name)

    for name in questions:
        visit(name, [])
    return circles


def _circle(circle: list[str], lines: Mapping[str, int]) -> Problem:
    way = " > ".join([*circle, circle[0]])
    return Problem(lines[circle[-1]], f"question {circle[-1]!r}: the answers go round in a circle, {way}.")


def _sizes(start: str, questions: Mapping[str, Question], lines: Mapping[str, int]) -> list[Problem]:
    """Check the number of whole walks and the length of the longest one as it is written."""
    measured: dict[str, tuple[int, int]] = {}

    def measure(name: str) -> tuple[int, int]:
        if name not in measured:
            count, longest = 0, 0
            for answer in questions[name].answers:
                goes_on = isinstance(answer.go, str) and answer.go in questions
                further, length = measure(str(answer.go)) if goes_on else (1, 0)
                count += further
                longest = max(longest, len(name) + len(answer.key) + 2 + length)
            measured[name] = count, longest
        return measured[name]

    count, longest = measure(start)
    problems = []
    if count > MAX_PATHS:
        message = f"the answers make {count:,} different walks from {start!r}; at most {MAX_PATHS:,}."
        problems.append(Problem(lines[start], message))
    if longest > MAX_PATH_LENGTH:
        message = f"the longest walk from {start!r} takes {longest:,} characters to write; at most {MAX_PATH_LENGTH:,}."
        problems.append(Problem(lines[start], message))
    return problems
