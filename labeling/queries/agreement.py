"""How far people agree, from what is stored."""

from dataclasses import dataclass, replace

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from labeling.guidelines.walk import Path, parse_path
from labeling.models import AgreementReport, GuidelinePath, Judgment, Project, Stream
from labeling.queries.arrays import fetch_arrays
from labeling.queries.projects import labels_of
from labeling.queries.slices import slices_of
from modeling.labels.judged import Judged, Repeats, Slice
from modeling.labels.report import FORMAT

# A walk is known by the id of its GuidelinePath, which has its label, too. What timestamptz_send makes of a moment is
# microseconds since 2000. A judgment that a new version took over has the moment of the one that
# it supersedes.
JUDGED = """
    SELECT string_agg(int8send(judgment.pair_id), ''), string_agg(int8send(pair.query_id), ''),
        string_agg(int8send(judgment.annotator_id), ''), string_agg(int8send(walked.id), ''),
        string_agg(int8send((judgment.stream = 'active')::integer), ''),
        string_agg(timestamptz_send(judgment.created_at), ''),
        string_agg(int8send((walked_then.pair_id IS NOT NULL)::integer), ''),
        string_agg(int8send(judgment.slot_id), ''),
        int8send((SELECT max(id) FROM labeling_judgment WHERE project_id = %s))
    FROM labeling_judgment judgment
    JOIN labeling_pair pair ON pair.id = judgment.pair_id
    JOIN labeling_guidelinepath walked ON (walked.guideline_id, walked.path) = (judgment.guideline_id, judgment.path)
    LEFT JOIN (
        SELECT DISTINCT pair_id, annotator_id, created_at FROM labeling_judgment
        WHERE project_id = %s AND retired_at IS NOT NULL AND retired_as = 'superseded'
    ) walked_then ON (walked_then.pair_id, walked_then.annotator_id, walked_then.created_at)
        = (judgment.pair_id, judgment.annotator_id, judgment.created_at)
    WHERE judgment.project_id = %s AND judgment.retired_at IS NULL AND judgment.stream IN ('random', 'active')
"""
# What people judged under a version that has given way to another one: of each version the last.
FORMER = """
    SELECT string_agg(int8send(former.pair_id), ''), string_agg(int8send(pair.query_id), ''),
        string_agg(int8send(former.annotator_id), ''), string_agg(int8send(walked.id), ''),
        string_agg(timestamptz_send(former.created_at), ''), string_agg(int8send(former.slot_id), '')
    FROM labeling_judgment former
    JOIN labeling_pair pair ON pair.id = former.pair_id
    JOIN labeling_guidelinepath walked ON (walked.guideline_id, walked.path) = (former.guideline_id, former.path)
    JOIN labeling_judgment live ON (live.pair_id, live.annotator_id) = (former.pair_id, former.annotator_id)
        AND live.retired_at IS NULL AND live.stream IN ('random', 'active')
        AND live.guideline_id <> former.guideline_id
    WHERE former.project_id = %s AND former.retired_at IS NOT NULL AND former.retired_as = 'superseded'
        AND former.stream IN ('random', 'active')
        AND NOT EXISTS (
            SELECT FROM labeling_judgment later
            WHERE (later.pair_id, later.annotator_id) = (former.pair_id, former.annotator_id)
                AND later.guideline_id = former.guideline_id AND later.id > former.id
                AND later.retired_as = 'superseded' AND later.stream IN ('random', 'active')
        )
"""
# How many judgments a pair was to have before anything was known of it.
WANTED = """
    SELECT string_agg(int8send(pair_id), ''), string_agg(int8send(overlap), '')
    FROM (
        SELECT DISTINCT ON (entry.pair_id) entry.pair_id, entry.overlap
        FROM labeling_queueentry entry JOIN labeling_pair pair ON pair.id = entry.pair_id
        WHERE pair.project_id = %s AND entry.stream IN ('random', 'active') AND entry.pair_id = ANY(%s)
        ORDER BY entry.pair_id, entry.id
    ) first
"""
REPEATED = """
    SELECT string_agg(int8send(again.annotator_id), ''), string_agg(int8send(pair.query_id), ''),
        string_agg(int8send(first_walked.id), ''), string_agg(int8send(walked.id), '')
    FROM labeling_judgment again
    JOIN labeling_judgment first ON (first.pair_id, first.annotator_id) = (again.pair_id, again.annotator_id)
        AND first.retired_at IS NULL AND first.stream <> 'repeat' AND first.guideline_id = again.guideline_id
    JOIN labeling_pair pair ON pair.id = again.pair_id
    JOIN labeling_guidelinepath walked ON (walked.guideline_id, walked.path) = (again.guideline_id, again.path)
    JOIN labeling_guidelinepath first_walked
        ON (first_walked.guideline_id, first_walked.path) = (first.guideline_id, first.path)
    WHERE again.project_id = %s AND again.retired_at IS NULL AND again.stream = 'repeat'
"""
SINCE = np.datetime64("2000-01-01", "us")
LEAST_COMPARED = 2  # judgments of a pair, where that many are there
NEWEST = 200  # so many judgments say how somebody judges lately


@dataclass(frozen=True)
class Evidence:
    """What is known of how people judge: the live judgments of the streams random and active, and the repeats.

    `gains` are the labels' in the scheme's order, `walks` what the judgments' and repeats' walks index. `through_id`
    is the project's newest judgment of any kind when they were read, 0 without one. `lately` (n,) marks the newest
    NEWEST judgments of each person who has at least twice as many, so that there is something to compare them with.
    `by_version` is what people judged under each version of the guideline, theirs of a pair once in each: the live ones
    without those that were taken over, and the last of each version that has given way. Where that is all, it is None.
    `planned` (n,) and `planned_by_version` mark what was asked before anybody knew what others say.
    """

    judged: Judged
    by_version: Judged | None
    planned: NDArray[np.bool_]
    planned_by_version: NDArray[np.bool_]
    lately: NDArray[np.bool_]
    walks: list[Path]
    gains: list[float]
    slices: dict[str, Slice]
    repeats: Repeats
    through_id: int

    def compared(self) -> "Evidence":
        """Return what agreement is measured on: without the judgments that were asked for because others differed.

        One more is asked of pairs on which people part, and of no others. Counted, it would turn such a pair, on which
        nobody agreed, into one on which some do, and people would look more alike than they are.
        """
        by_version = self.by_version and self.by_version.of(np.flatnonzero(self.planned_by_version))
        return replace(
            self,
            judged=self.judged.of(np.flatnonzero(self.planned)),
            by_version=by_version,
            lately=self.lately[self.planned],
            slices={name: Slice(cut.codes[self.planned], cut.values) for name, cut in self.slices.items()},
        )


def fetch_evidence(project: Project) -> Evidence:
    """Read everything a report of agreement needs, in a handful of statements.

    A million judgments take some seconds and about 300 MB.
    """
    labels = labels_of(project)
    # First what is over: that never stands again, while what stands may be over at the next statement.
    old, old_query, old_person, old_ids, old_moment, old_slot = fetch_arrays(FORMER, [project.pk])
    pair, query, person, walk_ids, stream, moment, taken_over, slot, newest = fetch_arrays(JUDGED, [project.pk] * 3)
    again, again_query, first_ids, second_ids = fetch_arrays(REPEATED, [project.pk])
    walked = _walks_of(np.concatenate([walk_ids, old_ids, first_ids, second_ids]), [label.pk for label in labels])
    walk, label, version = walked.of(walk_ids)
    first_walk, first, _ = walked.of(first_ids)
    second_walk, second, _ = walked.of(second_ids)
    old_walk, old_label, old_version = walked.of(old_ids)
    judged = Judged(pair, query, person, label, walk, version, _month_of(moment))
    former = Judged(old, old_query, old_person, old_label, old_walk, old_version, _month_of(old_moment))
    planned = _planned(project, pair, slot)
    own = np.flatnonzero(taken_over == 0)
    past = _past(judged.of(own), former) if len(former) else np.zeros(0, np.intp)
    alike = len(own) == len(judged) and not len(past)
    return Evidence(
        judged=judged,
        by_version=None if alike else judged.of(own).joined(former.of(past)),
        planned=planned,
        planned_by_version=np.concatenate([planned[own], np.isin(old_slot[past], slot[planned])]),
        lately=_lately(person, moment),
        walks=walked.walks,
        gains=[one.gain for one in labels],
        slices=slices_of(project, pair, query, stream),
        repeats=Repeats(again, again_query, first, second, first_walk, second_walk),
        through_id=int(newest[0]) if len(newest) else 0,
    )


def _past(walked: Judged, former: Judged) -> NDArray[np.intp]:
    """Return which of the former judgments count beside those that stand.

    What was corrected back to a former version while this was read stands, and counts once.
    """
    again = np.flatnonzero(np.isin(walked.pair, former.pair))
    live = set(zip(*(column[again].tolist() for column in (walked.pair, walked.person, walked.version)), strict=True))
    known = zip(former.pair.tolist(), former.person.tolist(), former.version.tolist(), strict=True)
    return np.array([place for place, key in enumerate(known) if key not in live], np.intp)


def _planned(project: Project, pair: NDArray[np.int64], slot: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which judgments are among the first of their pair, as many as it was to have; two in any case.

    Places are made in the order in which they are asked for: those of the plan with the round, one more after them.
    """
    order = np.lexsort((slot, pair))
    first = np.searchsorted(pair[order], pair[order])
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order)) - first
    planned = rank < LEAST_COMPARED
    more = np.unique(pair[~planned])
    if len(more):
        known, wanted = fetch_arrays(WANTED, [project.pk, more.tolist()])
        rest = np.flatnonzero(~planned)
        place = np.minimum(np.searchsorted(known, pair[rest]), len(known) - 1)
        planned[rest] = (known[place] == pair[rest]) & (rank[rest] < wanted[place])
    return planned


def _month_of(moment: NDArray[np.int64]) -> NDArray[np.int64]:
    return (SINCE + moment.astype("timedelta64[us]")).astype("datetime64[M]").astype(np.int64) + 12 * 1970


def _lately(person: NDArray[np.int64], moment: NDArray[np.int64]) -> NDArray[np.bool_]:
    order = np.lexsort((moment, person))
    _, start, count = np.unique(person[order], return_index=True, return_counts=True)
    from_the_end = np.repeat(start + count, count) - np.arange(len(order))
    lately = np.zeros(len(order), np.bool_)
    lately[order] = (from_the_end <= NEWEST) & (np.repeat(count, count) >= 2 * NEWEST)
    return lately


@dataclass(frozen=True)
class _Walked:
    """Walks by the ids of GuidelinePath (k,), sorted, with what each has: an index into `walks`, a label, a version."""

    ids: NDArray[np.int64]
    walks: list[Path]
    walk: NDArray[np.intp]
    label: NDArray[np.intp]
    version: NDArray[np.int64]

    def of(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64]]:
        """Return walk, label and version of each of the ids."""
        place = np.searchsorted(self.ids, ids)
        return self.walk[place], self.label[place], self.version[place]


def _walks_of(ids: NDArray[np.int64], label_ids: list[int]) -> _Walked:
    """Look up each distinct walk once; one that several versions have in the same words is one."""
    rows = list(
        GuidelinePath.objects.filter(pk__in=np.unique(ids).tolist())
        .order_by("pk")
        .values_list("pk", "path", "label", "guideline__number")
    )
    texts = {path: place for place, path in enumerate(sorted({path for _, path, _, _ in rows}))}
    return _Walked(
        np.array([pk for pk, _, _, _ in rows], np.int64),
        [parse_path(text) for text in texts],
        np.array([texts[path] for _, path, _, _ in rows], np.intp),
        np.array([label_ids.index(label) for _, _, label, _ in rows], np.intp),
        np.array([number for _, _, _, number in rows], np.int64),
    )


def stored_report(project: Project) -> AgreementReport | None:
    """Return the project's report; None where nothing was measured yet, or by an older Winnow that wrote others."""
    return AgreementReport.objects.filter(project=project, data__format=FORMAT).first()


def measured_judgments(project: Project) -> QuerySet[Judgment]:
    """Return the judgments that a report is made of: live ones, but for those of gold pairs."""
    return Judgment.objects.filter(project=project, retired_at__isnull=True).exclude(stream=Stream.GOLD)


@dataclass(frozen=True)
class News:
    """What a report does not know: how many judgments came since, and how many that it knows were taken back."""

    came: int
    gone: int

    def __bool__(self) -> bool:
        return bool(self.came or self.gone)


def news_since(report: AgreementReport) -> News:
    """Return what has happened since a report. Two index scans over what is new; no count over what is not."""
    gone = Judgment.objects.filter(
        project=report.project_id, retired_at__gt=report.computed_at, pk__lte=report.through_id
    )
    return News(measured_judgments(report.project).filter(pk__gt=report.through_id).count(), gone.count())
