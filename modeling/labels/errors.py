"""What each person gets wrong: by label, and at which question of the tree.

What is right is what was resolved, by a ruling or by everybody's judgments. In the latter case a person's own judgment
had a say in it, so with few judgments a pair their errors are somewhat understated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modeling.estimates import Estimate, wilson_interval
from modeling.labels.aggregation import DawidSkene
from modeling.labels.by_question import Answers, Walk
from modeling.labels.judged import Ids, Indexes, Judged, compare_judgments, distinct


@dataclass(frozen=True)
class LabelError:
    """How often a person gives another label where this one is true; n is how often they met it, rounded.

    `instead` is the label that they give the most often then, None if they hardly did so once.
    """

    label: int
    error: Estimate
    instead: int | None


@dataclass(frozen=True)
class PersonError:
    """How often a person's label is not the true one, and for each true label."""

    person: int
    error: Estimate
    labels: tuple[LabelError, ...]


@dataclass(frozen=True)
class QuestionError:
    """How often a person's answer at a question is not the one that led to the resolved label."""

    person: int
    question: str
    error: Estimate


@dataclass(frozen=True)
class Resolved:
    """Labels that stand, as parallel arrays (pairs,): the pair's id, its label, and the walk of the ruling.

    `walk` is -1 where there was no ruling, or one without a walk. Pairs may be in any order, each once.
    """

    pair: Ids
    label: Indexes
    walk: Indexes


def person_errors(model: DawidSkene) -> list[PersonError]:
    """Each person's errors by true label, with Wilson's intervals, whoever errs the most first, then by id.

    The true labels are the model's, each as far as it is probable, so counts are not whole; those of n are rounded.
    All nan where a person never met a label.
    """
    found = []
    for person, counts in zip(model.people.tolist(), model.counts, strict=True):
        met = counts.sum(axis=1)
        wrong = counts - np.diag(np.diagonal(counts))
        labels = tuple(
            LabelError(label, _share(wrong[label].sum(), met[label]), _most(wrong[label])) for label in range(len(met))
        )
        found.append(PersonError(person, _share(wrong.sum(), met.sum()), labels))
    return sorted(found, key=lambda row: (-row.error.value, row.person))


def question_errors(judged: Judged, walks: Sequence[Walk], resolved: Resolved) -> list[QuestionError]:
    """How often each person's answer at each question is not one that led to the resolved label.

    By person, then by question in the order in which the walks reach them; only where n is not 0. n counts the
    person's judgments that reached the question, of resolved pairs, and that can be compared there. A judgment with
    the resolved label is right at each question. Another is compared with the ruling's walk, or, without one, with
    the judgments of the pair that have the resolved label: it is wrong at a question where none of them answered
    alike, and does not count where none of them came. So of a judgment that went astray, mostly one answer is wrong:
    the first that led away. Intervals are Wilson's. Cost: that of comparing the judgments, and one pass over those
    that went astray for each question.
    """
    if not len(resolved.pair):
        return []
    people, person = distinct(judged.person)
    place, known = _resolved_place(judged.pair, resolved)
    right = known & (judged.label == resolved.label[place])
    astray = known & ~right
    ruled = np.where(known, resolved.walk[place], -1)
    compared = compare_judgments(judged)
    one = np.concatenate([compared.first, compared.second])
    other = np.concatenate([compared.second, compared.first])
    beside = astray[one] & right[other] & (ruled[one] < 0)
    one, other = one[beside], other[beside]
    told = np.flatnonzero(astray & (ruled >= 0))
    # A judgment beside each walk that led to the resolved label.
    one, walk = np.concatenate([one, told]), np.concatenate([judged.walk[other], ruled[told]])

    answers = Answers(walks)
    errors, counts = (np.zeros((len(people), len(answers.questions))) for _ in range(2))
    for index in range(len(answers.questions)):
        given = answers.given[:, index]
        there = given[judged.walk] >= 0
        met, alike = np.zeros(len(judged), dtype=np.bool_), np.zeros(len(judged), dtype=np.bool_)
        met[one[given[walk] >= 0]] = True
        alike[one[given[walk] == given[judged.walk[one]]]] = True
        counts[:, index] = np.bincount(person[there & (right | met)], minlength=len(people))
        errors[:, index] = np.bincount(person[there & met & ~alike], minlength=len(people))
    return [
        QuestionError(int(people[row]), answers.questions[column], _share(errors[row, column], counts[row, column]))
        for row, column in np.argwhere(counts > 0)
    ]


def _resolved_place(pair: Ids, resolved: Resolved) -> tuple[Indexes, NDArray[np.bool_]]:
    """Where each judgment's pair is among the resolved ones, and whether it is there at all."""
    order = np.argsort(resolved.pair)
    pairs = resolved.pair[order]
    twice = np.flatnonzero(pairs[1:] == pairs[:-1])
    if len(twice):
        raise ValueError(f"pair {pairs[twice[0]]} is resolved twice")
    place = np.minimum(np.searchsorted(pairs, pair), len(pairs) - 1)
    return order[place], pairs[place] == pair


def _share(wrong: float, met: float) -> Estimate:
    n = round(met)
    return wilson_interval(min(1.0, wrong / met) * n if n else 0, n)


def _most(wrong: NDArray[np.float64]) -> int | None:
    return int(wrong.argmax()) if wrong.max() >= 0.5 else None
