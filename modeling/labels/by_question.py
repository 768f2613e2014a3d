"""Agreement at each question of the tree: of those who both reached it, how many answered alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modeling.estimates import Estimate, Floats
from modeling.labels.draws import Draws, estimates, ratio, shares
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
    draws: Draws, query: Indexes, walk: Indexes, walks: Sequence[Walk], compared: Comparisons
) -> list[QuestionAgreement]:
    """Agreement at each question, in the order in which the walks first reach them.

    Every pair of judgments that both reached the question counts one, so pairs with many judgments weigh more.
    Cost: one pass over the comparisons, and one over those of distinct (query, walks) for each question.
    """
    answers = Answers(walks)
    group = np.zeros(len(compared.first), dtype=np.intp)
    found = []
    for at in _measured(draws, query, walk, answers, compared, group, 1):
        [agreement] = shares(at.measured, at.both, at.queries)
        collisions = _collisions(answers.answers, at.first, at.second, at.times)
        found.append(QuestionAgreement(at.question, agreement, agreement.n, collisions))
    return found


def question_changes(
    draws: Draws,
    query: Indexes,
    walk: Indexes,
    version: NDArray[np.int64],
    walks: Sequence[Walk],
    compared: Comparisons,
) -> tuple[list[QuestionVersion], list[QuestionChange]]:
    """Agreement at each question by version, and what each version with answers changed against the one before.

    `compared` are comparisons of judgments of one version. Cost: as question_agreement, for every version a query has.
    """
    answers = Answers(walks)
    versions, code = distinct(version)
    by_version, changes = [], []
    for at in _measured(draws, query, walk, answers, compared, code[compared.first], len(versions)):
        found = shares(at.measured, at.both, at.queries)
        known = [place for place in range(len(versions)) if found[place].n]
        by_version += [QuestionVersion(at.question, int(versions[place]), found[place]) for place in known]
        old, new = known[:-1], known[1:]
        differences = estimates(at.measured[new] - at.measured[old], at.both[new])
        changes += [
            QuestionChange(at.question, int(versions[old]), int(versions[new]), difference)
            for old, new, difference in zip(old, new, differences, strict=True)
        ]
    return by_version, changes


@dataclass(frozen=True)
class _Measured:
    """A question in each group of comparisons, and over all of them.

    `measured` (groups, 1 + draws) is the share answered alike, `both` (groups,) how many comparisons reached it, of
    `queries` (groups,) queries. `first` and `second` are the answers of each two walks that met, -1 where one does not
    come by, and `times` how many comparisons have the two and both come by.
    """

    question: str
    measured: Floats
    both: Floats
    queries: Indexes
    first: Indexes
    second: Indexes
    times: Indexes


def _measured(
    draws: Draws,
    query: Indexes,
    walk: Indexes,
    answers: Answers,
    compared: Comparisons,
    group: Indexes,
    groups: int,
) -> Iterator[_Measured]:
    count = len(answers.given)
    one, other = walk[compared.first], walk[compared.second]
    met, place = distinct(np.minimum(one, other) * count + np.maximum(one, other))
    one, other = met // max(1, count), met % max(1, count)
    times = np.bincount(place, minlength=len(met))
    rows = group * draws.queries + query[compared.first]
    counts = sparse.csr_array((np.ones(len(rows)), (rows, place)), shape=(groups * draws.queries, len(met)))
    for index, question in enumerate(answers.questions):
        first, second = answers.given[one, index], answers.given[other, index]
        both = (first >= 0) & (second >= 0)
        hits = counts @ np.column_stack([both, both & (first == second)]).astype(np.float64)
        by_group = np.moveaxis(hits.reshape(groups, draws.queries, 2), -1, 0)
        sums = draws.table_sums(by_group.reshape(2 * groups, -1))
        reached, alike = sums.values.reshape(2, groups, -1)
        queries = sums.queries.reshape(2, groups)[0]
        yield _Measured(
            question, ratio(alike, reached), reached[:, 0], queries, first, second, np.where(both, times, 0)
        )


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
