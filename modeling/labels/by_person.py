"""Agreement of each person with the others, of every two people, and of people with themselves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modeling.estimates import Estimate, Floats, alpha_of_coincidences
from modeling.labels.agreement import chance_corrected
from modeling.labels.draws import Draws, Sums, blocks, estimates, ratio, shares
from modeling.labels.judged import Comparisons, Ids, Indexes, Repeats, distinct

# Two people with fewer units in common have no interval: so few queries say nothing of the spread.
COMMON_UNITS = 20

# With more labels, two people have no kappa for each of them: there would be more numbers than judgments.
MANY_LABELS = 20

# People's tables are summed so many numbers (pairs of people by cells by draws) at a time: 32 MB.
_NUMBERS = 4_000_000


@dataclass(frozen=True)
class PersonAgreement:
    """How a person agrees with the others; n is how many of their `judgments` somebody else judged, too.

    `agreement` is the share of the others in a pair who gave the same label, averaged over the person's judgments;
    `alpha` is Krippendorff's of the person beside one of the others, any of them alike.
    """

    person: int
    judgments: int
    agreement: Estimate
    alpha: Estimate


@dataclass(frozen=True)
class PersonPair:
    """Two people, `a` having the lower id, with the `n` units that both judged; Cohen's kappa.

    `labels` are the kappas of each label against the rest, nan where undefined; none for schemes of many labels.
    """

    a: int
    b: int
    n: int
    raw: Estimate
    kappa: Estimate
    labels: tuple[float, ...]


@dataclass(frozen=True)
class Drift:
    """A person's agreement with the others before and lately; n of the difference is that of lately."""

    person: int
    before: Estimate
    lately: Estimate
    difference: Estimate


def person_agreement(
    draws: Draws, query: Indexes, label: Indexes, people: Ids, person: Indexes, compared: Comparisons, labels: int
) -> list[PersonAgreement]:
    """Each person's agreement with the others, in the order of `people`; `person` (n,) indexes them."""
    count = len(people)
    judged, agreeing = _with_others(draws, query, label, person, count, compared)
    one, other, weight = _both_ways(compared)
    given = draws.sums(
        np.concatenate([query[compared.counted], query[one]]),
        np.concatenate(
            [person[compared.counted] * labels + label[compared.counted], person[one] * labels + label[other]]
        ),
        np.concatenate([np.ones(len(compared.counted)), weight]),
        count * labels,
    ).values
    totals = np.moveaxis(given.reshape(count, labels, given.shape[1]), 1, -1)
    n = judged.values[:, 0]
    found = zip(
        people.tolist(),
        np.bincount(person, minlength=count).tolist(),
        shares(ratio(agreeing, judged.values), n, judged.queries),
        estimates(alpha_of_coincidences(2 * agreeing, totals), n),
        strict=True,
    )
    return [PersonAgreement(*row) for row in found]


def person_drift(
    draws: Draws,
    query: Indexes,
    label: Indexes,
    people: Ids,
    person: Indexes,
    compared: Comparisons,
    lately: NDArray[np.bool_],
) -> list[Drift]:
    """How each person's agreement with the others changed lately, of those who have compared judgments on both sides.

    `person` (n,) indexes `people`; `lately` (n,) marks the judgments that count as the person's recent ones. `compared`
    are of one version each: who is asked first by a new one differs from those who were not asked yet.
    """
    count = len(people)
    sums, agreeing = _with_others(draws, query, label, person * 2 + lately, 2 * count, compared)
    shape = (count, 2, sums.values.shape[1])
    values = sums.values.reshape(shape)
    both = np.flatnonzero((values[:, :, 0] > 0).all(axis=1))
    n, queries = values[both, :, 0], sums.queries.reshape(count, 2)[both]
    measured = ratio(agreeing.reshape(shape)[both], values[both])
    sides = [shares(measured[:, side], n[:, side], queries[:, side]) for side in (0, 1)]
    differences = estimates(measured[:, 1] - measured[:, 0], n[:, 1])
    return [Drift(*row) for row in zip(people[both].tolist(), *sides, differences, strict=True)]


def _with_others(
    draws: Draws, query: Indexes, label: Indexes, part: Indexes, parts: int, compared: Comparisons
) -> tuple[Sums, Floats]:
    """By part (n,): compared judgments, and for each of them the share of the others in its pair who said the same."""
    counted = compared.counted
    one, other, weight = _both_ways(compared)
    alike = label[one] == label[other]
    judged = draws.sums(query[counted], part[counted], None, parts)
    return judged, draws.sums(query[one[alike]], part[one[alike]], weight[alike], parts).values


def _both_ways(compared: Comparisons) -> tuple[Indexes, Indexes, Floats]:
    """Each judgment with each other one of its pair, and what that weighs: one, shared by all others."""
    one = np.concatenate([compared.first, compared.second])
    return one, np.concatenate([compared.second, compared.first]), 1 / (compared.size[one] - 1)


def pair_agreement(
    draws: Draws, query: Indexes, label: Indexes, people: Ids, person: Indexes, compared: Comparisons, labels: int
) -> list[PersonPair]:
    """Raw agreement and Cohen's kappa of every two people with units in common, by their ids.

    Cost: sums over the comparisons, sparse, as two people share few queries.
    """
    swap = person[compared.first] > person[compared.second]
    one = np.where(swap, compared.second, compared.first)
    other = np.where(swap, compared.first, compared.second)
    pairs, place = distinct(person[one] * len(people) + person[other])
    units = np.bincount(place, minlength=len(pairs))
    found: list[PersonPair] = []
    for few, drawn in ((False, draws), (True, Draws(draws.queries, 0, 0))):
        chosen = np.flatnonzero((units < COMMON_UNITS) == few)
        position = np.full(len(pairs), -1)
        position[chosen] = np.arange(len(chosen))
        cells = min(labels * labels, max(1, units[chosen].max(initial=0)))
        for here in blocks(len(chosen), _NUMBERS // (cells * (1 + drawn.draws))):
            rows = np.flatnonzero((position[place] >= here.start) & (position[place] < here.stop))
            given = position[place[rows]] - here.start, label[one[rows]], label[other[rows]]
            codes = pairs[chosen[here]]
            found += _pairs(
                drawn, query[one[rows]], given, people[codes // len(people)], people[codes % len(people)], labels
            )
    return sorted(found, key=lambda row: (row.a, row.b))


def _pairs(
    draws: Draws, query: Indexes, given: tuple[Indexes, Indexes, Indexes], a: Ids, b: Ids, labels: int
) -> list[PersonPair]:
    """Two people each, from what they gave: arrays (units,) of the pair of people and of the label of each."""
    shape = (len(a), labels, labels)
    cells, place = distinct(np.ravel_multi_index(given, shape))
    tables = draws.sums(query, place, None, len(cells))
    pair, one, other = np.unravel_index(cells, shape)
    n = _gathered(tables.values, pair, len(a))
    agreeing = ratio(_gathered(tables.values * (one == other)[:, None], pair, len(a)), n)
    # Chance agrees only on labels that both gave.
    first, second = pair * labels + one, pair * labels + other
    both = np.intersect1d(first, second)
    rows, columns = (
        _gathered(tables.values[np.isin(side, both)], np.searchsorted(both, side[np.isin(side, both)]), len(both))
        for side in (first, second)
    )
    kappa = chance_corrected(agreeing, ratio(_gathered(rows * columns, both // labels, len(a)), n * n))
    queries = np.zeros(len(a), dtype=np.intp)
    if draws.draws:
        np.maximum.at(queries, pair, tables.queries)
    raw = shares(agreeing, n[:, 0], queries)
    units = n[:, 0].round().astype(int).tolist()
    every = _kappas(tables.values[:, 0], cells, shape) if labels <= MANY_LABELS else [()] * len(a)
    found = zip(a.tolist(), b.tolist(), units, raw, estimates(kappa, n[:, 0]), every, strict=True)
    return [PersonPair(*row) for row in found]


def _kappas(times: Floats, cells: Indexes, shape: tuple[int, int, int]) -> list[tuple[float, ...]]:
    """Each label's kappa against the rest, from the filled cells of tables (pairs of people, labels, labels)."""
    table = np.zeros(shape)
    table.flat[cells] = times
    table /= table.sum(axis=(1, 2), keepdims=True)
    first, second = table.sum(axis=2), table.sum(axis=1)
    agreeing = 1 - first - second + 2 * np.diagonal(table, axis1=1, axis2=2)
    kappas = chance_corrected(agreeing, first * second + (1 - first) * (1 - second))
    return [tuple(row) for row in kappas.tolist()]


def _gathered(rows: Floats, place: Indexes, places: int) -> Floats:
    """Rows (n, ...) added up by place (n,): (places, ...)."""
    matrix = sparse.csr_array((np.ones(len(place)), (place, np.arange(len(place)))), shape=(places, len(place)))
    return np.asarray(matrix @ rows, dtype=np.float64)


@dataclass(frozen=True)
class PersonRepeats:
    """How often a person gave the same label to a pair as before; n is how many of theirs were repeated."""

    person: int
    raw: Estimate


@dataclass(frozen=True)
class RepeatAgreement:
    """How often people gave the same label again, and each of them, the least steady first."""

    raw: Estimate
    persons: tuple[PersonRepeats, ...]


def repeat_agreement(draws: Draws, query: Indexes, repeats: Repeats) -> RepeatAgreement | None:
    """Agreement of people with themselves; `query` (repeats,) indexes the queries. None without repeats."""
    if not len(repeats):
        return None
    people, person = distinct(repeats.person)
    same = repeats.first == repeats.second
    all_, alike = (
        _with_total(draws.sums(query[rows], person[rows], None, len(people))) for rows in (slice(None), same)
    )
    found = shares(ratio(alike.values, all_.values), all_.values[:, 0], all_.queries)
    persons = [PersonRepeats(*row) for row in zip(people.tolist(), found[:-1], strict=True)]
    return RepeatAgreement(found[-1], tuple(sorted(persons, key=lambda row: (row.raw.value, row.person))))


def _with_total(sums: Sums) -> Sums:
    """One more row for all together, which rests on at least as many queries as any."""
    total = sums.values.sum(axis=0, keepdims=True)
    return Sums(np.concatenate([sums.values, total]), np.append(sums.queries, sums.queries.max(initial=0)))
