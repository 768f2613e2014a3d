"""Agreement of what is stored, against numbers worked out by hand."""

import datetime as dt
import uuid
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.guidelines import publish_guideline
from labeling.actions.judgments import Outcome, correct_judgment, undo_step
from labeling.guidelines.walk import format_path, parse_path
from labeling.models import Judgment, Membership, Role
from labeling.queries import agreement
from labeling.queries.agreement import Evidence, fetch_evidence
from labeling.queries.agreement_pairs import Behind, compared_in, comparisons_behind
from labeling.queries.arrays import fetch_arrays
from labeling.queries.projects import labels_of, published_guideline
from modeling.labels.judged import Judged
from modeling.labels.report import measure
from tests.labeling.acting import answer_for, judge, judge_all, make_members, submit, undo_last
from tests.labeling.actions.test_streams import GOLD_TURN, claimed
from tests.labeling.queries.test_repeats import shop_with_repeats
from tests.labeling.relabeling import STRICT, bring, edited
from tests.making import PATHS, make_gold, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def alter(judgment: Judgment, **fields: object) -> None:
    """Change a stored judgment, which the trigger refuses to everybody else."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        Judgment.objects.filter(pk=judgment.pk).update(**fields)
        cursor.execute("SET LOCAL session_replication_role = origin")


def rows_of(found: Evidence) -> set[tuple[Any, ...]]:
    """Return each judgment of the evidence as pair, query, person, label, path, version and month."""
    return rows_among(found, found.judged)


def rows_among(found: Evidence, judged: Judged) -> set[tuple[Any, ...]]:
    """Return each of the judgments as rows_of does."""
    walks = [format_path(walk) for walk in found.walks]
    columns = (judged.pair, judged.query, judged.person, judged.label, judged.walk, judged.version, judged.month)
    return {
        (pair, query, person, "ESCI"[label], walks[walk], version, month)
        for pair, query, person, label, walk, version, month in zip(*map(np.ndarray.tolist, columns), strict=True)
    }


def correct(member: Membership, old: Judgment, label: str) -> Judgment:
    """Give a judgment another label; return the one that stands for it."""
    answer = answer_for(old.slot, label, key=uuid.uuid4())
    assert correct_judgment(member.project, member.user, old.pk, answer) == Outcome.STORED
    return Judgment.objects.get(key=answer.key)


def test_evidence_has_the_live_judgments_of_people_on_their_own() -> None:
    """Not what was taken back, not gold pairs, not repeats, not another project's."""
    project, one, other = shop_with_repeats("ES", "I")
    make_gold(project)
    submit(one, claimed(one, GOLD_TURN), "C")
    judge(one, "S")
    undo_last(project, one.user)
    elsewhere = make_project()
    make_round(elsewhere, [make_pair(elsewhere)])
    judge(make_member(elsewhere), "C")
    now = timezone.now()
    month = 12 * now.year + now.month - 1
    found = fetch_evidence(project)
    assert {row[:6] for row in rows_of(found)} == {
        (stored.pair_id, stored.pair.query_id, stored.annotator_id, "E", PATHS["E"], 1)
        for stored in Judgment.objects.filter(project=project, stream="random", retired_at=None)
    }
    assert len(found.judged) == 3
    assert max(found.judged.month) <= month
    again = found.repeats
    assert sorted(zip(again.person.tolist(), again.first.tolist(), again.second.tolist(), strict=True)) == [
        (one.user_id, 0, 0),
        (one.user_id, 0, 1),
        (other.user_id, 0, 3),
    ]
    assert [format_path(found.walks[walk]) for walk in again.second_walk[again.second == 3]] == [PATHS["I"]]
    assert found.through_id == Judgment.objects.filter(project=project).latest("pk").pk
    assert found.gains == [label.gain for label in labels_of(project)]


def test_evidence_tells_months_in_utc_and_versions() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project) for _ in range(3)])
    member = make_member(project)
    ends = [judge(member, "E") for _ in range(2)]
    publish_guideline(project, published_guideline(project).source, None)
    ends.append(judge(member, "E"))
    moments = ("1999-12-31T23:59:59.999999+00:00", "2024-02-29T23:30:00-05:00", "2025-12-01T00:00:00+00:00")
    for stored, moment in zip(ends, moments, strict=True):
        alter(stored, created_at=dt.datetime.fromisoformat(moment))
    found = fetch_evidence(project)
    assert {(row[5], *divmod(row[6], 12)) for row in rows_of(found)} == {(1, 1999, 11), (1, 2024, 2), (2, 2025, 11)}
    assert found.walks == [parse_path(PATHS["E"])]


def test_evidence_keeps_the_last_that_was_judged_under_a_version_that_is_gone() -> None:
    """Not what was corrected under the version that it stands under, and not what nobody judged anew."""
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project) for _ in range(4)])
    member = make_member(project)
    anew, corrected, kept, undone = (judge(member, "E") for _ in range(4))
    undo_step(project, member.user, undone)
    anew = correct(member, anew, "S")
    corrected = correct(member, corrected, "C")
    publish_guideline(project, published_guideline(project).source, None)
    correct(member, anew, "I")
    found = fetch_evidence(project)
    assert {row[:6] for row in rows_of(found)} == {
        (anew.pair_id, anew.pair.query_id, member.user_id, "I", PATHS["I"], 2),
        (corrected.pair_id, corrected.pair.query_id, member.user_id, "C", PATHS["C"], 1),
        (kept.pair_id, kept.pair.query_id, member.user_id, "E", PATHS["E"], 1),
    }
    assert found.by_version is not None
    assert {row[:6] for row in rows_among(found, found.by_version) - rows_of(found)} == {
        (anew.pair_id, anew.pair.query_id, member.user_id, "S", PATHS["S"], 1)
    }


def test_evidence_counts_what_was_taken_over_where_it_was_walked() -> None:
    """Nobody walked the new version; what they said under the old one stands under the new one all the same."""
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project), make_pair(project)])
    member, lead = make_member(project), make_member(project, Role.LEAD)
    strict, same = judge(member, "S"), judge(member, "C")
    bring(lead, edited(STRICT))
    found = fetch_evidence(project)
    key = (strict.pair_id, strict.pair.query_id, member.user_id)
    kept = (same.pair_id, same.pair.query_id, member.user_id, "C", PATHS["C"], 1)
    assert {row[:6] for row in rows_of(found)} == {(*key, "I", PATHS["S"], 2), kept}
    assert found.by_version is not None
    assert {row[:6] for row in rows_among(found, found.by_version)} == {(*key, "S", PATHS["S"], 1), kept}


def test_evidence_counts_once_what_stands_again_since_it_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two statements somebody corrects a judgment back through the version that it was walked by before."""
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    member = make_member(project)
    first = judge(member, "E")
    old = published_guideline(project)
    publish_guideline(project, published_guideline(project).source, None)
    second = correct(member, first, "S")

    def fetch(statement: str, values: list[Any]) -> Any:
        found = fetch_arrays(statement, values)
        if statement == agreement.FORMER:
            answer = answer_for(second.slot, "C", key=uuid.uuid4(), guideline=old)
            assert correct_judgment(project, member.user, second.pk, answer) == Outcome.STORED
        return found

    monkeypatch.setattr(agreement, "fetch_arrays", fetch)
    found = fetch_evidence(project)
    assert found.by_version is None
    assert [row[3] for row in rows_of(found)] == ["C"]
    measure(found.judged, found.walks, found.gains, slices={}, repeats=None, by_version=found.by_version, seed=1)


def test_evidence_compared_leaves_out_who_was_asked_because_others_differed() -> None:
    """Of one pair two people agree, of the other they do not, and a third decides: half of them agree, and not 2/3."""
    project = make_project(overlap=2, max_overlap=3)
    pairs = [make_pair(project) for _ in range(2)]
    make_round(project, pairs)
    members = make_members(project, 3)
    judge_all(members[:2], {pairs[0]: "EE", pairs[1]: "ES"})
    make_round(project, [])  # the pair on which they part is carried into the next round
    judge(members[2], "E")
    found = fetch_evidence(project)
    assert found.planned.tolist().count(True) == len(found.judged) - 1 == 4
    compared = found.compared()
    assert sorted(compared.judged.person.tolist()) == sorted([members[0].user_id, members[1].user_id] * 2)
    assert len(compared.slices["stream"].codes) == len(compared.lately) == 4
    report = measure(compared.judged, compared.walks, compared.gains, slices={}, repeats=None, draws=10, seed=1)
    assert (report.overall.raw.value, report.units) == (0.5, 2)
    behind = comparisons_behind(project, Behind())
    assert sum(len(one) for one in compared_in(behind, [pair.pk for pair in pairs]).values()) == 2


def test_evidence_compares_repeats_under_one_version_only() -> None:
    """What a new version makes of a first answer says nothing of whether people agree with themselves."""
    project, one, _ = shop_with_repeats("E", "E")
    assert len(fetch_evidence(project).repeats) == 2
    kept = Judgment.objects.get(annotator=one.user, stream="random")
    publish_guideline(project, published_guideline(project).source, None)
    alter(kept, guideline=published_guideline(project))
    assert len(fetch_evidence(project).repeats) == 1


def test_evidence_splits_by_stream() -> None:
    project = make_project(overlap=1, max_overlap=1)
    member, pairs = make_member(project), [make_pair(project) for _ in range(3)]
    make_round(project, pairs[:1])
    judge(member)
    make_round(project, pairs[1:], stream="active")
    judge(member)
    judge(member)
    found = fetch_evidence(project)
    stream = found.slices["stream"]
    served = dict(zip(found.judged.pair.tolist(), [stream.values[code] for code in stream.codes], strict=True))
    assert served == {pairs[0].pk: "random", pairs[1].pk: "active", pairs[2].pk: "active"}


def test_evidence_marks_the_newest_judgments_of_who_has_twice_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "NEWEST", 2)
    project = make_project(overlap=2, max_overlap=2)
    make_round(project, [make_pair(project) for _ in range(5)])
    often, seldom = make_members(project, 2)
    stored = [judge(often) for _ in range(5)]
    alter(stored[0], created_at=timezone.now() + dt.timedelta(days=1))
    for _ in range(3):
        judge(seldom)
    found = fetch_evidence(project)
    lately = set(zip(found.judged.person[found.lately].tolist(), found.judged.pair[found.lately].tolist(), strict=True))
    assert lately == {(often.user_id, stored[0].pair_id), (often.user_id, stored[4].pair_id)}


def test_evidence_of_nothing_is_empty(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = make_project()
    with django_assert_num_queries(6):
        found = fetch_evidence(project)
    assert (len(found.judged), found.by_version, len(found.repeats), found.walks, found.through_id) == (
        0,
        None,
        0,
        [],
        0,
    )
