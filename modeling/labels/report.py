"""Everything about agreement at once, with intervals from one set of bootstrap draws over whole queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.estimates import Estimate
from modeling.labels.agreement import gain_distances
from modeling.labels.by_label import LabelAgreement, OverallAgreement, label_agreement
from modeling.labels.by_person import (
    Drift,
    PersonAgreement,
    PersonPair,
    RepeatAgreement,
    pair_agreement,
    person_agreement,
    person_drift,
    repeat_agreement,
)
from modeling.labels.by_question import (
    QuestionAgreement,
    QuestionChange,
    QuestionVersion,
    Walk,
    question_agreement,
    question_changes,
)
from modeling.labels.by_slice import PartAgreement, agreement_by_part
from modeling.labels.draws import Draws
from modeling.labels.judged import Comparisons, Indexes, Judged, Repeats, Slice, compare_judgments, distinct
from modeling.labels.plain import plain

__all__ = ["Judged", "Repeats", "Report", "Slice", "measure"]


# Raised with every change of what a report as plain JSON has, so that one that was kept is known to be of older make.
FORMAT = 1


@dataclass(frozen=True)
class SliceAgreement:
    """Agreement among the judgments with one value of a slice."""

    value: str
    units: int
    judgments: int
    raw: Estimate
    alpha: Estimate


@dataclass(frozen=True)
class VersionAgreement:
    """Agreement among what was judged under one guideline version, whether it still stands or not."""

    version: int
    units: int
    judgments: int
    raw: Estimate
    alpha: Estimate


@dataclass(frozen=True)
class MonthAgreement:
    """Agreement among the judgments of one month: 12 * year + month - 1."""

    month: int
    units: int
    judgments: int
    raw: Estimate
    alpha: Estimate


@dataclass(frozen=True)
class Report:
    """What is known of how far people agree.

    `units` pairs have two or more judgments; all of the `judgments` and `people` count, those of pairs with one
    judgment as well. Values are nan where there is nothing to measure.

    Orders: `labels` by index; `questions` worst agreement first, those that nobody can be compared at last;
    `question_versions` by question in that order, then version; `question_changes` greatest loss first; `persons`
    worst agreement first; `person_pairs` by `a`, then `b`; each of `slices` by units, most first; `versions` and
    `months` ascending; `drift` greatest loss first; the persons of `repeats` the least steady first.
    """

    units: int
    judgments: int
    people: int
    overall: OverallAgreement
    labels: tuple[LabelAgreement, ...]
    questions: tuple[QuestionAgreement, ...]
    question_versions: tuple[QuestionVersion, ...]
    question_changes: tuple[QuestionChange, ...]
    persons: tuple[PersonAgreement, ...]
    person_pairs: tuple[PersonPair, ...]
    slices: Mapping[str, tuple[SliceAgreement, ...]]
    versions: tuple[VersionAgreement, ...]
    months: tuple[MonthAgreement, ...]
    drift: tuple[Drift, ...]
    repeats: RepeatAgreement | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: the names of the fields as keys, lists for tuples, None for nan; and its FORMAT."""
        return {"format": FORMAT, **plain(self)}


def measure(
    judged: Judged,
    walks: Sequence[Walk],
    gains: ArrayLike,
    *,
    slices: Mapping[str, Slice],
    repeats: Repeats | None,
    lately: NDArray[np.bool_] | None = None,
    by_version: Judged | None = None,
    draws: int = 1000,
    seed: int,
) -> Report:
    """Measure agreement in every way, with 95 % intervals.

    `walks` are the distinct walks through the trees, each a sequence of (question, answer); `gains` is (labels,).
    The ordinal alpha takes labels by gain, the highest first, and by index where gains are equal. `lately` (n,)
    marks the judgments that count as recent in `drift`; without it there is none. `by_version` is what was
    judged under each version, by a person once a pair and version, where that is not just what is live: versions are
    compared by it, so that one that was relabeled away is still known. Two calls with the same data and seed give the
    same report.

    Cost: judgments are sorted by pair once. Then time and memory grow with the number of comparisons (two judgments
    of one pair: three for a pair with three) for each slice, and with draws times queries times columns, where a
    label, a person, a value of a slice and a question's version each take some columns. Two people take sparse ones,
    which cost draws times comparisons. ValueError where arrays differ in length, an index lies outside, a person
    judged a pair twice, or a pair has two queries.
    """
    distances = gain_distances(gains)
    labels = len(distances)
    _check(judged, walks, labels, slices, repeats, lately)
    under = judged if by_version is None else by_version.apart()
    _check(under, walks, labels, {}, None, None)
    compared = compare_judgments(judged)
    people, person = distinct(judged.person)
    ids = np.concatenate([judged.query, under.query, *([] if repeats is None else [repeats.query])])
    queries, every_query = distinct(ids)
    query, under_query, repeated_query = np.split(every_query, [len(judged), len(judged) + len(under)])
    drawn = Draws(len(queries), draws, seed)
    order = np.argsort(-np.asarray(gains, dtype=np.float64), kind="stable")

    overall, by_label = label_agreement(drawn, query, judged.label, compared, distances, order)
    questions = sorted(
        question_agreement(drawn, query, judged.walk, walks, compared), key=lambda row: _worst_first(row.agreement)
    )
    place = {row.question: index for index, row in enumerate(questions)}
    persons = person_agreement(drawn, query, judged.label, people, person, compared, labels)

    def parts(codes: Indexes, count: int) -> list[PartAgreement]:
        return agreement_by_part(drawn, query, judged.label, compared, codes, count, labels)

    same = compared.among(judged.version[compared.first] == judged.version[compared.second])
    under_compared = same if by_version is None else compare_judgments(under)
    drift = [] if lately is None else person_drift(drawn, query, judged.label, people, person, same, lately)
    question_versions, changes = question_changes(drawn, under_query, under.walk, under.version, walks, under_compared)
    return Report(
        units=overall.raw.n,
        judgments=len(judged),
        people=len(people),
        overall=overall,
        labels=by_label,
        questions=tuple(questions),
        question_versions=tuple(sorted(question_versions, key=lambda row: (place[row.question], row.version))),
        question_changes=tuple(sorted(changes, key=lambda row: _worst_first(row.difference))),
        persons=tuple(sorted(persons, key=lambda row: _worst_first(row.agreement))),
        person_pairs=tuple(pair_agreement(drawn, query, judged.label, people, person, compared, labels)),
        slices={name: _slice(parts(cut.codes, len(cut.values)), cut.values) for name, cut in slices.items()},
        versions=_versions(drawn, under_query, under, under_compared, labels),
        months=_months(drawn, query, judged, compared, labels),
        drift=tuple(sorted(drift, key=lambda row: _worst_first(row.difference))),
        repeats=None if repeats is None else repeat_agreement(drawn, repeated_query, repeats),
    )


def _worst_first(estimate: Estimate) -> tuple[bool, float]:
    """A key that puts low values first and nan last."""
    unknown = bool(np.isnan(estimate.value))
    return unknown, 0.0 if unknown else estimate.value


def _slice(parts: Sequence[PartAgreement], values: Sequence[str]) -> tuple[SliceAgreement, ...]:
    found = [SliceAgreement(value, **vars(part)) for value, part in zip(values, parts, strict=True)]
    return tuple(sorted(found, key=lambda row: -row.units))


def _versions(
    drawn: Draws, query: Indexes, under: Judged, compared: Comparisons, labels: int
) -> tuple[VersionAgreement, ...]:
    versions, version = distinct(under.version)
    parts = agreement_by_part(drawn, query, under.label, compared, version, len(versions), labels)
    return tuple(VersionAgreement(number, **vars(part)) for number, part in zip(versions.tolist(), parts, strict=True))


def _months(
    drawn: Draws, query: Indexes, judged: Judged, compared: Comparisons, labels: int
) -> tuple[MonthAgreement, ...]:
    months, month = distinct(judged.month)
    parts = agreement_by_part(drawn, query, judged.label, compared, month, len(months), labels)
    return tuple(MonthAgreement(number, **vars(part)) for number, part in zip(months.tolist(), parts, strict=True))


def _check(
    judged: Judged,
    walks: Sequence[Walk],
    labels: int,
    slices: Mapping[str, Slice],
    repeats: Repeats | None,
    lately: NDArray[np.bool_] | None,
) -> None:
    _inside("label", judged.label, 0, labels)
    _inside("walk", judged.walk, 0, len(walks))
    if repeats is not None:
        _inside("repeated label", np.concatenate([repeats.first, repeats.second]), 0, labels)
    for name, cut in slices.items():
        _inside(f"code of slice {name}", cut.codes, -1, len(cut.values))
        if len(cut.codes) != len(judged):
            raise ValueError(f"slice {name} has {len(cut.codes)} codes for {len(judged)} judgments")
    if lately is not None and lately.shape != (len(judged),):
        raise ValueError(f"lately must mark each of {len(judged)} judgments, got shape {lately.shape}")


def _inside(what: str, indexes: Indexes, low: int, end: int) -> None:
    outside = (indexes < low) | (indexes >= end)
    if outside.any():
        raise ValueError(f"{what} must lie between {low} and {end - 1}, got {indexes[outside][0]}")
