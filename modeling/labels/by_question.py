"""Agreement at each question of the tree: of those who both reached it, how many answered alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modeling.estimates import Estimate, Floats
from modeling.labels.draws import Draws, Sums, estimates, ratio, shares
from modeling.labels.judged import Comparisons, Indexes, distinct

Walk = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Collision:
    """Two answers that people gave where they parted, and how many comparisons parted so."""

    answers: tuple[str, str]
    n: int


@dataclass(frozen=True)
class QuestionAgreement:
    """Agreement at a question: `both` pairs of judgments reached it, and n is their number."""

    question: str
    agreement: Estimate
    both: int
    collisions: tuple[Collision, ...]


@dataclass(frozen=True)
class QuestionVersion:
    """Agreement at a question among judgments of one version."""

    question: str
    version: int
    agreement: Estimate


@dataclass(frozen=True)
class QuestionChange:
    """Agreement at a question under version `new` less that under `old`; n is that of the new one."""

    question: str
    old: int
    new: int
    difference: Estimate


@dataclass(frozen=True)
class ByQuestion:
    """What is known of the questions."""

    questions: tuple[QuestionAgreement, ...]
    versions: tuple[QuestionVersion, ...]
    changes: tuple[QuestionChange, ...]


class Answers:
    """The answer that each walk has at each question.

    `questions` are in the order in which the walks first reach them; `given` (walks, questions) indexes `answers`,
    -1 where the walk does not come by.
    """

    def __init__(self, walks: Sequence[Walk]) -> None:
        self.questions = tuple(dict.fromkeys(question for walk in walks for question, _answer in walk))
        self.answers = tuple(dict.fromkeys(answer for walk in walks for _question, answer in walk))
        questions = {question: index for index, question in enumerate(self.questions)}
        answers = {answer: index for index, answer in enumerate(self.answers)}
        self.given = np.full((len(walks), len(questions)), -1, dtype=np.intp)
        for index, walk in enumerate(walks):
            for question, answer in walk:
                self.given[index, questions[question]] = answers[answer]


def question_agreement(
    draws: Draws,
    query: Indexes,
    walk: Indexes,
    version: NDArray[np.int64],
    walks: Sequence[Walk],
    compared: Comparisons,
) -> ByQuestion:
    """Agreement at each question, over all and by version, with what a new version changed.

    Every pair of judgments that both reached the question counts one, so pairs with many judgments weigh more.
    Cost: one pass over the comparisons, and one over those of distinct (query, version, walks) for each question.
    """
    answers = Answers(walks)
    versions, code = distinct(version)
    group = np.where(code[compared.first] == code[compared.second], code[compared.first], len(versions))
    groups = len(versions) + 1
    one, other = walk[compared.first], walk[compared.second]
    met, place = distinct(np.minimum(one, other) * len(walks) + np.maximum(one, other))
    one, other = met // max(1, len(walks)), met % max(1, len(walks))
    times = np.bincount(place, minlength=len(met))
    rows = group * draws.queries + query[compared.first]
    counts = sparse.csr_array((np.ones(len(rows)), (rows, place)), shape=(groups * draws.queries, len(met)))

    questions, by_version, changes = [], [], []
    for index, question in enumerate(answers.questions):
        first, second = answers.given[one, index], answers.given[other, index]
        both = (first >= 0) & (second >= 0)
        hits = counts @ np.column_stack([both, both & (first == second)]).astype(np.float64)
        sums = _totalled(draws, hits.reshape(groups, draws.queries, 2))
        measured = ratio(sums.values[1], sums.values[0])
        found = shares(measured, sums.values[0, :, 0], sums.queries[0])
        collisions = _collisions(answers.answers, first, second, np.where(both, times, 0))
        questions.append(QuestionAgreement(question, found[-1], found[-1].n, collisions))
        known = [place for place in range(len(versions)) if found[place].n]
        by_version += [QuestionVersion(question, int(versions[place]), found[place]) for place in known]
        old, new = known[:-1], known[1:]
        differences = estimates(measured[new] - measured[old], sums.values[0, new, 0])
        changes += [
            QuestionChange(question, int(versions[old]), int(versions[new]), difference)
            for old, new, difference in zip(old, new, differences, strict=True)
        ]
    return ByQuestion(tuple(questions), tuple(by_version), tuple(changes))


def _totalled(draws: Draws, hits: Floats) -> Sums:
    """Sums of (groups, queries, 2), the last group being replaced by all together: (2, groups, 1 + draws)."""
    hits[-1] = hits.sum(axis=0)
    groups = len(hits)
    sums = draws.table_sums(np.moveaxis(hits, -1, 0).reshape(2 * groups, -1))
    return Sums(sums.values.reshape(2, groups, -1), sums.queries.reshape(2, groups))


def _collisions(answers: Sequence[str], first: Indexes, second: Indexes, times: Indexes) -> tuple[Collision, ...]:
    apart = (first != second) & (times > 0)
    low, high = np.minimum(first, second)[apart], np.maximum(first, second)[apart]
    codes, place = distinct(low * len(answers) + high)
    summed = np.bincount(place, times[apart], len(codes)).astype(int)
    found = [
        Collision((answers[code // len(answers)], answers[code % len(answers)]), n)
        for code, n in zip(codes.tolist(), summed.tolist(), strict=True)
    ]
    return tuple(sorted(found, key=lambda collision: (-collision.n, collision.answers)))
