"""Check how the questions of a guideline hang together: no circle, and none out of reach."""

from collections.abc import Mapping

from labeling.guidelines.source import Problem
from labeling.guidelines.tree import Question


def check_connections(start: str, questions: Mapping[str, Question], lines: Mapping[str, int]) -> list[Problem]:
    """Return a problem for each circle and for each question that no walk from `start` reaches.

    `lines` gives each question's line. Answers that lead to no known question are passed over; a start
    that is no question leaves nothing to check.
    """
    if start not in questions:
        return []
    problems = [_circle(circle, lines) for circle in _circles(questions)]
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
