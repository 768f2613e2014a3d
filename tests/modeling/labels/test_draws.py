import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.estimates import Estimate
from modeling.labels.by_slice import PartAgreement, agreement_by_part
from modeling.labels.draws import Draws, estimates, intervals, shares
from modeling.labels.judged import Judged, Repeats, Slice, compare_judgments
from modeling.labels.report import Report, measure
from tests.modeling.labels.test_report import GAINS, WALKS, some_judged


def test_draws_take_as_many_queries_as_there_are() -> None:
    drawn = Draws(30, 200, seed=1)
    assert (drawn.weights.sum(axis=0) == 30).all()
    assert drawn.weights.mean() == 1
    assert 0.9 < drawn.weights.var() < 1.1
    assert (drawn.weights == Draws(30, 200, seed=1).weights).all()
    assert (drawn.weights != Draws(30, 200, seed=2).weights).any()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 40), st.integers(0, 60), st.integers(0, 9))
def test_sums_are_those_of_a_loop(queries: int, columns: int, entries: int, seed: int) -> None:
    """Few entries in many columns are summed as a sparse matrix, many as a dense one."""
    random = np.random.default_rng(seed)
    query, column = random.integers(0, queries, entries), random.integers(0, columns, entries)
    values = random.integers(1, 9, entries) / 2
    drawn = Draws(queries, 7, seed=seed)
    expected = np.zeros((columns, 8))
    for place in range(entries):
        expected[column[place], 0] += values[place]
        expected[column[place], 1:] += values[place] * drawn.weights[query[place]]
    found = drawn.sums(query, column, values, columns)
    assert found.values == pytest.approx(expected)
    assert found.queries.tolist() == [len(set(query[column == one].tolist())) for one in range(columns)]
    assert drawn.sums(query, column, None, columns).values[:, 0].tolist() == [
        (column == one).sum() for one in range(columns)
    ]


def test_sums_of_many_columns_are_made_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    query, column = random.integers(0, 20, 900), random.integers(0, 50, 900) ** 2 // 50
    drawn = Draws(20, 7, seed=1)
    whole = drawn.sums(query, column, None, 50)
    monkeypatch.setattr("modeling.labels.draws._DENSE_NUMBERS", 130)
    parts = drawn.sums(query, column, None, 50)
    assert parts.values == pytest.approx(whole.values)
    assert parts.queries.tolist() == whole.queries.tolist()


def test_intervals_are_quantiles_of_the_draws_that_have_a_value() -> None:
    values = np.random.default_rng(1).normal(size=(3, 102))
    values[1, 5:60] = math.nan
    values[2, 1:] = math.nan
    low, high = intervals(values)
    for row in (0, 1):
        assert (low[row], high[row]) == pytest.approx(np.nanquantile(values[row, 1:], [0.025, 0.975]))
    assert np.isnan([low[2], high[2]]).all()


def test_draws_that_do_not_differ_have_no_interval_and_shares_have_wilsons() -> None:
    values = np.array([[1.0, 1.0, 1.0, 1.0], [math.nan, 1.0, 0.5, 0.7]])
    n = np.array([12.0, 0.0])
    (unknown,) = estimates(values[:1], n[:1])
    assert (unknown.value, unknown.n) == (1.0, 12)
    assert math.isnan(unknown.low)
    assert math.isnan(unknown.high)
    alike, nothing = shares(values, n, np.array([4, 4]))
    assert [alike.value, alike.low, alike.high] == pytest.approx([1.0, 0.5101, 1.0], abs=5e-5)
    assert math.isnan(nothing.value)
    assert math.isnan(nothing.low)


def test_report_has_the_intervals_of_a_plain_bootstrap() -> None:
    """Each draw is made for real, query by query, and measured by itself; then quantiles are taken."""
    judged = some_judged(people=4)
    repeats = Repeats(*(np.arange(40) % size for size in (2, 30, 3, 2, 1, 1)))
    repeats = Repeats(**vars(repeats) | {"query": repeats.query + 40})
    report = measured(judged, repeats, draws=60)
    weights = Draws(30, 60, seed=5).weights
    drawn = [
        numbers(measured(resampled(judged, weights[:, draw]), resampled(repeats, weights[:, draw]), draws=0))
        for draw in range(60)
    ]
    checked = 0
    for key, estimate in numbers(report).items():
        values = np.array([once[key].value if key in once else math.nan for once in drawn])
        values = values[~np.isnan(values)]
        if np.ptp(values) > 1e-6 and not (key[0] == "pair" and estimate.n < 20):
            assert (estimate.low, estimate.high) == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=1e-6), key
            checked += 1
    assert checked > 70


def measured(judged: Judged, repeats: Repeats, draws: int) -> Report:
    """The report of judgments that were drawn or not; their ids say who and what they are."""
    slices = {"locale": Slice(judged.query % 3, ("de", "es", "fr"))}
    lately = judged.month == 24_302
    return measure(judged, WALKS, GAINS, slices=slices, repeats=repeats, lately=lately, draws=draws, seed=5)


def resampled(rows: Any, weights: Any) -> Any:
    """Rows with those of each query as often as it was drawn, each time as a query and pairs of its own."""
    place = np.repeat(np.arange(len(rows)), weights[rows.query - 40].astype(int))
    again = np.concatenate([np.arange(times) for times in weights[rows.query - 40].astype(int)])
    columns = {name: column[place] for name, column in vars(rows).items()}
    columns["query"] = columns["query"] + 3_000 * again  # the same modulo 3
    if "pair" in columns:
        columns["pair"] = columns["pair"] + 10_000 * again
    return type(rows)(**columns)


def numbers(report: Report) -> dict[tuple[Any, ...], Estimate]:
    """Every number of a report by what it is of."""
    found: dict[tuple[Any, ...], Estimate] = {("overall", name): row for name, row in vars(report.overall).items()}
    rows: list[tuple[tuple[Any, ...], Any]] = [(("label", row.label), row) for row in report.labels]
    rows += [(("question", row.question), row) for row in report.questions]
    rows += [(("version", row.question, row.version), row) for row in report.question_versions]
    rows += [(("change", row.question), row) for row in report.question_changes]
    rows += [(("person", row.person), row) for row in report.persons]
    rows += [(("pair", row.a, row.b), row) for row in report.person_pairs]
    rows += [(("drift", row.person), row) for row in report.drift]
    rows += [(("locale", row.value), row) for row in report.slices["locale"]]
    rows += [(("version", row.version), row) for row in report.versions]
    rows += [(("month", row.month), row) for row in report.months]
    if report.repeats:
        rows += [(("repeats",), report.repeats)]
        rows += [(("repeats", row.person), row) for row in report.repeats.persons]
    for key, row in rows:
        found |= {(*key, name): value for name, value in vars(row).items() if isinstance(value, Estimate)}
    return found


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Queries differ in how hard they are, so judgments of one query hang together."""
    truth = simulated(np.random.default_rng(0), queries=40_000, draws=0)
    covered = []
    for seed in range(300):
        found = simulated(np.random.default_rng(100 + seed), queries=60, draws=200)
        covered.append([found.raw.low <= truth.raw.value <= found.raw.high])
        covered[-1].append(found.alpha.low <= truth.alpha.value <= found.alpha.high)
    raw, alpha = np.mean(covered, axis=0)
    assert 0.90 < raw < 0.98
    assert 0.90 < alpha < 0.98


def simulated(random: np.random.Generator, queries: int, draws: int) -> PartAgreement:
    pairs = 5 * queries
    query = np.repeat(np.arange(pairs) // 5, 2)
    truth = np.repeat(random.integers(0, 4, pairs), 2)
    right = random.random(2 * pairs) < random.beta(6, 2, queries)[query]
    label = np.where(right, truth, random.integers(0, 4, 2 * pairs))
    nothing = np.zeros_like(label)
    pair, person = np.arange(2 * pairs) // 2, np.arange(2 * pairs) % 2
    compared = compare_judgments(Judged(pair, query, person, label, nothing, nothing, nothing))
    return agreement_by_part(Draws(queries, draws, seed=1), query, label, compared, nothing, 1, 4)[0]
