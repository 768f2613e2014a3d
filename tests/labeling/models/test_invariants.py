"""What the database itself refuses, whatever the code does."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from labeling.actions.judgments import Answer, submit_answer
from labeling.actions.queue import claim_slot
from labeling.models import (
    Adapter,
    AuditLogEntry,
    HoldoutPrediction,
    Job,
    Judgment,
    Label,
    Membership,
    Pair,
    Project,
    Query,
    QueueEntry,
    Round,
    Slot,
    Split,
    TrainingItem,
    TrainingStep,
)
from labeling.queries.projects import published_guideline
from tests.making import PATHS, make_member, make_pair, make_pair_of, make_project, make_round, make_user

pytestmark = pytest.mark.django_db


@contextmanager
def refused(constraint: str) -> Iterator[None]:
    """Expect an IntegrityError that names the constraint, and go on in the same transaction."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        yield


def judged(project: Project, member: Membership, label: str = "E") -> Judgment:
    slot = claim_slot(project, member.user)
    assert slot is not None
    key = uuid.uuid4()
    submit_answer(project, member.user, Answer(slot.pair_id, key, published_guideline(project), PATHS[label]))
    return Judgment.objects.get(key=key)


def copy_of(judgment: Judgment, **changes: object) -> Judgment:
    """Return an unsaved copy with another key."""
    copy = Judgment.objects.get(pk=judgment.pk)
    copy.pk = None
    copy.key = uuid.uuid4()
    for name, value in changes.items():
        setattr(copy, name, value)
    return copy


def test_judgment_one_live_per_slot_is_held() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    judgment = judged(project, make_member(project))
    with refused("judgment_one_live_per_slot"):
        copy_of(judgment, annotator=make_user()).save()


def test_slot_numbers_and_annotators_are_held_to_one_each() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    slot = claim_slot(project, member.user)
    assert slot is not None
    other = Slot.objects.exclude(pk=slot.pk).get(entry=slot.entry)
    with refused("slot_number_once_per_entry"):
        Slot.objects.create(entry=slot.entry, round=slot.round, pair=slot.pair, number=slot.number, rank=0)
    with refused("slot_one_per_annotator_and_entry"):
        Slot.objects.filter(pk=other.pk).update(annotator=member.user, leased_until=timezone.now())
    with refused("slot_lease_is_whole"):
        Slot.objects.filter(pk=other.pk).update(judged=True)


def test_judgment_once_per_annotator_is_held() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    judgment = judged(project, make_member(project))
    other = Slot.objects.exclude(pk=judgment.slot_id).get(entry__round__project=project)
    with refused("judgment_once_per_annotator"):
        copy_of(judgment, slot=other).save()
    copy_of(judgment, slot=other, stream="repeat").save()


def test_judgment_label_is_what_the_tree_gives() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    judgment = judged(project, make_member(project), "E")
    other = Slot.objects.exclude(pk=judgment.slot_id).get(entry__round__project=project)
    irrelevant = Label.objects.get(scheme=project.scheme, key="I")
    with refused("judgment_label_is_the_trees"):
        copy_of(judgment, slot=other, annotator=make_user(), label=irrelevant).save()
    with refused("judgment_label_is_the_trees"):
        copy_of(judgment, slot=other, annotator=make_user(), path="need:yes,type:yes").save()


def test_judgment_is_of_its_slots_pair() -> None:
    project = make_project()
    first, second = make_pair(project), make_pair(project)
    make_round(project, [first, second])
    judgment = judged(project, make_member(project))
    other_pair = second if judgment.pair_id == first.pk else first
    other = Slot.objects.exclude(pk=judgment.slot_id).get(entry=judgment.slot.entry)
    with refused("judgment_is_of_its_slot"):
        copy_of(judgment, slot=other, pair=other_pair, annotator=make_user()).save()
    with refused("slot_is_of_its_entry"):
        Slot.objects.filter(pk=other.pk).update(pair=other_pair)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_judgment_is_never_edited_and_retired_once() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    judgment = judged(project, make_member(project))
    with refused("judgment_never_edited"):
        Judgment.objects.filter(pk=judgment.pk).update(note="changed my mind")
    with refused("judgment_retired_has_reason"):
        Judgment.objects.filter(pk=judgment.pk).update(retired_at=timezone.now())
    Judgment.objects.filter(pk=judgment.pk).update(retired_at=timezone.now(), retired_as="undone")
    with refused("judgment_never_edited"):
        Judgment.objects.filter(pk=judgment.pk).update(retired_at=None, retired_as="")


def test_submit_keys_are_unique() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    judgment = judged(project, make_member(project))
    other = Slot.objects.exclude(pk=judgment.slot_id).get(entry__round__project=project)
    with refused("labeling_judgment_key"):
        copy_of(judgment, slot=other, annotator=make_user(), key=judgment.key).save()


def test_training_item_is_never_of_a_holdout_query() -> None:
    project = make_project()
    job = Job.objects.create(project=project, kind=Job.Kind.TRAIN)
    label = Label.objects.get(scheme=project.scheme, key="E")
    item = {"job": job, "label": label, "origin": "people", "split": "train"}
    TrainingItem.objects.create(pair=make_pair_of(project, Split.TRAIN), **item)
    with refused("training_item_never_holdout"):
        TrainingItem.objects.create(pair=make_pair_of(project, Split.HOLDOUT), **item)
    with refused("training_item_never_holdout"):
        TrainingItem.objects.filter(job=job).update(pair=make_pair_of(project, Split.HOLDOUT))
    with refused("training_item_known_split"):
        TrainingItem.objects.create(pair=make_pair_of(project, Split.TRAIN), **(item | {"split": "holdout"}))


def test_query_split_never_changes() -> None:
    query = make_pair(make_project()).query
    other = Split.TRAIN if query.split != Split.TRAIN else Split.HOLDOUT
    with refused("query_split_never_changes"):
        Query.objects.filter(pk=query.pk).update(split=other)


def test_adapter_champion_is_one_per_project() -> None:
    project = make_project()
    for number in (1, 2):
        job = Job.objects.create(project=project, kind="train", state="done", finished_at=timezone.now())
        Adapter.objects.create(project=project, number=number, job=job, artifact="a", manifest={}, labels_seen=1)
    Adapter.objects.filter(project=project, number=1).update(state="champion")
    with refused("adapter_one_champion_per_project"):
        Adapter.objects.filter(project=project, number=2).update(state="champion")
    with refused("adapter_champion_never_pruned"):
        Adapter.objects.filter(project=project, number=1).update(pruned_at=timezone.now())


def test_holdout_prediction_is_one_for_an_adapter_and_a_pair() -> None:
    project = make_project()
    job = Job.objects.create(project=project, kind="train", state="done", finished_at=timezone.now())
    adapter = Adapter.objects.create(project=project, number=1, job=job, artifact="a", manifest={}, labels_seen=1)
    label = Label.objects.get(scheme=project.scheme, key="E")
    said = {"label": label, "judged": label, "probabilities": [1.0, 0.0, 0.0, 0.0], "confidence": 1.0}
    pair = make_pair_of(project, Split.HOLDOUT)
    HoldoutPrediction.objects.create(adapter=adapter, pair=pair, **said)
    with refused("holdout_prediction_once"):
        HoldoutPrediction.objects.create(adapter=adapter, pair=pair, **said)


def test_training_step_is_one_for_a_job_and_a_step() -> None:
    job = Job.objects.create(project=make_project(), kind="train")
    TrainingStep.objects.create(job=job, step=1, loss=1.4)
    with refused("training_step_once_per_job"):
        TrainingStep.objects.create(job=job, step=1, loss=1.3)


def test_audit_log_takes_inserts_only() -> None:
    project = make_project()
    entry = AuditLogEntry.objects.filter(project=project).latest("id")
    with refused("audit_log_takes_inserts_only"):
        AuditLogEntry.objects.filter(pk=entry.pk).update(verb="nothing.happened")
    with refused("audit_log_takes_inserts_only"):
        AuditLogEntry.objects.filter(pk=entry.pk).delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with refused("audit_log_takes_inserts_only"):
            cursor.execute("TRUNCATE labeling_auditlogentry")


def test_guideline_that_is_published_never_changes() -> None:
    version = published_guideline(make_project())
    with refused("guideline_published_never_changes"):
        type(version).objects.filter(pk=version.pk).update(title="Another")
    with refused("guideline_published_never_changes"):
        version.delete()


def test_revision_never_changes() -> None:
    revision = make_pair(make_project()).product.revision
    assert revision is not None
    with refused("revision_never_changes"):
        type(revision).objects.filter(pk=revision.pk).update(title="Another")


def test_round_that_is_open_is_one_per_project() -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    with refused("round_one_open_per_project"):
        Round.objects.create(project=project, number=99, strategy="uniform", seed=1, pool_size=1)


def test_entry_of_the_random_stream_has_its_chance() -> None:
    project = make_project()
    opened = make_round(project, [make_pair(project)])
    for chance in (None, 0.0, 1.5):
        with refused("entry_random_has_chance"):
            QueueEntry.objects.create(
                round=opened, pair=make_pair(project), stream="random", chance=chance, rank=9, overlap=1
            )


def test_pair_and_query_are_stored_once() -> None:
    project = make_project()
    pair = make_pair(project)
    with refused("pair_once"):
        Pair.objects.create(project=project, query=pair.query, product=pair.product)
    with refused("query_once_per_project"):
        Query.objects.create(project=project, text="x", locale="us", digest=pair.query.digest, split=pair.query.split)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"random_share": 0.0}, "project_random_share_never_zero"),
        ({"overlap": 0}, "project_overlap_positive"),
        ({"max_overlap": 1}, "project_max_overlap_not_less"),
        ({"holdout_percent": 95}, "project_splits_leave_training"),
        ({"batch_size": 0}, "project_sizes_positive"),
        ({"promotion_margin": 0.5}, "project_promotion_margin_is_small"),
        ({"least_confidence": 1.1}, "project_least_confidence_is_a_share"),
        ({"adapters_kept": 0}, "project_adapters_kept_positive"),
        ({"label_floor": 0.6}, "project_label_floor_is_small"),
        ({"round_worth": -0.1}, "project_round_worth_is_a_difference"),
    ],
)
def test_project_settings_are_held_in_range(changes: dict[str, object], constraint: str) -> None:
    project = make_project()
    with refused(constraint):
        Project.objects.filter(pk=project.pk).update(**changes)


def test_job_of_a_kind_is_one_at_a_time() -> None:
    project = make_project()
    Job.objects.create(project=project, kind="train")
    with refused("job_one_active_per_kind"):
        Job.objects.create(project=project, kind="train", state="running")
    with refused("job_finished_has_time"):
        Job.objects.create(project=project, kind="score", state="done")
