"""Audits: a fair sample, judged blind, each verdict once."""

import datetime as dt

import pytest
from django.utils import timezone

from labeling.actions.audits import claim_item, draw_audit, give_verdict, note_verdict
from labeling.guidelines.walk import PathError
from labeling.models import Audit, AuditItem, AuditLogEntry, Pair, Project, Role
from labeling.queries.projects import published_guideline
from tests.labeling.acting import SKIP_PATH, judge_all, make_adapter, make_members, predict
from tests.making import PATHS, make_member, make_pair, make_project, make_round, make_user

pytestmark = pytest.mark.django_db

SURE = [0.9, 0.05, 0.03, 0.02]


def scored_project(count: int) -> tuple[Project, list[Pair]]:
    """Make a project whose champion has scored every pair as Exact, 0.9 sure."""
    project = make_project()
    pairs = [make_pair(project) for _ in range(count)]
    predict(make_adapter(project), dict.fromkeys(pairs, SURE))
    return project, pairs


def drawn_audit(project: Project, size: int = 3, seed: int = 1) -> Audit:
    audit = draw_audit(project, size, seed, None)
    assert audit is not None
    return audit


def item_for(audit: Audit, auditor: object) -> AuditItem:
    item = claim_item(audit, auditor)  # type: ignore[arg-type]
    assert item is not None
    return item


def test_audit_needs_a_champion_that_has_scored() -> None:
    project = make_project()
    make_pair(project)
    assert draw_audit(project, 5, 1, None) is None
    make_adapter(project)
    assert draw_audit(project, 5, 1, None) is None
    assert not Audit.objects.filter(project=project).exists()


def test_audit_samples_the_champions_labels_of_pairs_that_are_not_settled() -> None:
    project, pairs = scored_project(6)
    lead = make_user("lead")
    make_round(project, pairs[:2])
    judge_all(make_members(project, 2), {pairs[0]: "E", pairs[1]: "ES"})
    elsewhere = make_project()
    predict(make_adapter(elsewhere), {make_pair(elsewhere): SURE})
    audit = draw_audit(project, 100, 7, lead)
    assert audit is not None
    assert (audit.number, audit.population, audit.seed, audit.created_by) == (1, 5, 7, lead)
    items = audit.items.order_by("position")
    assert {item.pair for item in items} == set(pairs[1:])
    assert [item.position for item in items] == [1, 2, 3, 4, 5]
    assert {(item.predicted.key, round(item.confidence, 4)) for item in items} == {("E", 0.9)}
    entry = AuditLogEntry.objects.get(project=project, verb="audit.draw")
    assert (entry.actor, entry.data) == (lead, {"size": 5, "adapter": "A-1", "of": 5})


def test_audit_draws_every_pair_alike_often() -> None:
    project, pairs = scored_project(8)
    counts = dict.fromkeys((pair.pk for pair in pairs), 0)
    firsts = set()
    for seed in range(60):
        items = list(drawn_audit(project, 2, seed).items.order_by("position"))
        firsts.add(items[0].pair_id)
        for item in items:
            counts[item.pair_id] += 1
    # 120 draws over 8 pairs: 15 each are expected, with a standard deviation of 3.4.
    assert all(3 <= count <= 27 for count in counts.values())
    assert len(firsts) >= 5


def test_audit_is_drawn_again_alike_with_the_same_seed() -> None:
    project, _ = scored_project(9)
    first, again, other = (drawn_audit(project, 4, seed) for seed in (3, 3, 4))
    orders = [list(audit.items.order_by("position").values_list("pair", flat=True)) for audit in (first, again, other)]
    assert orders[0] == orders[1] != orders[2]
    assert [audit.number for audit in (first, again, other)] == [1, 2, 3]


def test_audit_keeps_what_the_model_said_when_it_was_drawn() -> None:
    project, pairs = scored_project(1)
    audit = drawn_audit(project)
    predict(audit.adapter, {pairs[0]: [0.1, 0.1, 0.1, 0.7]})
    assert audit.items.get().predicted.key == "E"


def test_audit_items_go_to_one_auditor_each() -> None:
    project, _ = scored_project(2)
    audit = drawn_audit(project)
    first, second, third = (make_member(project, Role.AUDITOR).user for _ in range(3))
    mine = item_for(audit, first)
    assert item_for(audit, first).pk == mine.pk
    theirs = item_for(audit, second)
    assert [mine.position, theirs.position] == [1, 2]
    assert claim_item(audit, third) is None
    AuditItem.objects.filter(pk=mine.pk).update(leased_until=timezone.now() - dt.timedelta(seconds=1))
    assert item_for(audit, third).pk == mine.pk
    assert claim_item(audit, first) is None


def test_verdict_is_stored_with_its_walk_and_logged() -> None:
    project, _ = scored_project(1)
    audit = drawn_audit(project)
    auditor = make_member(project, Role.AUDITOR).user
    item = item_for(audit, auditor)
    version = published_guideline(project)
    given = give_verdict(project, auditor, item.pk, version, PATHS["S"])
    assert given.label is not None
    given.refresh_from_db()
    assert (given.label.key, given.path, given.guideline, given.revision, given.skip_reason) == (
        "S",
        PATHS["S"],
        version,
        item.pair.product.revision,
        "",
    )
    assert given.judged_at is not None
    entry = AuditLogEntry.objects.get(project=project, verb="audit.verdict")
    assert (entry.actor, entry.target, entry.data) == (auditor, "Audit 1 item 1", {"label": "S", "skip": None})
    assert claim_item(audit, auditor) is None


def test_verdict_that_was_given_stays() -> None:
    project, _ = scored_project(1)
    audit = drawn_audit(project)
    auditor = make_member(project, Role.AUDITOR).user
    item = item_for(audit, auditor)
    version = published_guideline(project)
    for label in ("S", "I"):
        give_verdict(project, auditor, item.pk, version, PATHS[label])
    item.refresh_from_db()
    assert item.label is not None
    assert item.label.key == "S"
    assert AuditLogEntry.objects.filter(project=project, verb="audit.verdict").count() == 1


@pytest.mark.parametrize(("path", "reason", "stored"), [(SKIP_PATH, "", "unclear_query"), ("", "text_missing", None)])
def test_verdict_can_be_that_it_cannot_be_judged(path: str, reason: str, stored: str | None) -> None:
    project, _ = scored_project(1)
    audit = drawn_audit(project)
    auditor = make_member(project, Role.AUDITOR).user
    item = give_verdict(project, auditor, item_for(audit, auditor).pk, published_guideline(project), path, reason)
    item.refresh_from_db()
    assert (item.label, item.skip_reason, item.path) == (None, stored or reason, path)


def test_verdict_of_another_auditors_item_is_refused() -> None:
    project, _ = scored_project(2)
    audit = drawn_audit(project)
    first, second = (make_member(project, Role.AUDITOR).user for _ in range(2))
    mine = item_for(audit, first)
    version = published_guideline(project)
    with pytest.raises(AuditItem.DoesNotExist):
        give_verdict(project, second, mine.pk, version, PATHS["E"])
    unclaimed = audit.items.get(auditor__isnull=True)
    with pytest.raises(AuditItem.DoesNotExist):
        give_verdict(project, first, unclaimed.pk, version, PATHS["E"])
    with pytest.raises(AuditItem.DoesNotExist):
        give_verdict(make_project(), first, mine.pk, version, PATHS["E"])
    assert not AuditItem.objects.filter(audit=audit, judged_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("path", "reason", "error", "message"),
    [
        ("need:yes", "", ValueError, "is not at its end: 'Is this the type of product asked for"),
        ("need:perhaps", "", PathError, "'perhaps' is no answer to 'need'"),
        ("", "bored", ValueError, "'bored' is not a reason to skip"),
    ],
)
def test_verdict_refuses_what_is_no_whole_walk(path: str, reason: str, error: type[Exception], message: str) -> None:
    project, _ = scored_project(1)
    audit = drawn_audit(project)
    auditor = make_member(project, Role.AUDITOR).user
    item = item_for(audit, auditor)
    with pytest.raises(error, match=message):
        give_verdict(project, auditor, item.pk, published_guideline(project), path, reason)
    assert item_for(audit, auditor).judged_at is None


def test_note_is_kept_after_the_verdict_only() -> None:
    project, _ = scored_project(1)
    audit = drawn_audit(project)
    auditor, other = (make_member(project, Role.AUDITOR).user for _ in range(2))
    item = item_for(audit, auditor)
    with pytest.raises(AuditItem.DoesNotExist):
        note_verdict(project, auditor, item.pk, "too early")
    give_verdict(project, auditor, item.pk, published_guideline(project), PATHS["I"])
    with pytest.raises(AuditItem.DoesNotExist):
        note_verdict(project, other, item.pk, "not mine")
    assert note_verdict(project, auditor, item.pk, "It is a case, not a phone.").note == "It is a case, not a phone."
    entry = AuditLogEntry.objects.get(project=project, verb="audit.note")
    assert (entry.actor, entry.data) == (auditor, {"note": "It is a case, not a phone."})
