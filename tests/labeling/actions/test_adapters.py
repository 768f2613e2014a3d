"""Recording adapters, and which one is used."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from labeling.actions.adapters import promote_adapter, record_training_items, roll_back
from labeling.models import Adapter, AuditLogEntry, Job, Project, Split, TrainingItem
from labeling.queries.predictions import champion_of, pool_predictions
from labeling.queries.training_set import LabeledPair
from tests.labeling.acting import make_adapter, measures, predict
from tests.making import make_pair, make_pair_of, make_project, make_user

pytestmark = pytest.mark.django_db


def states(project: Project) -> dict[int, str]:
    return dict(Adapter.objects.filter(project=project).values_list("number", "state"))


def labeled(project: Project, split: Split) -> LabeledPair:
    pair = make_pair_of(project, split)
    label = project.scheme.labels.get(key="E")
    return LabeledPair(pair.pk, pair.query_id, split, pair.query.text, "Title", "", "", "", "", label.pk, "imported")


def test_adapters_are_numbered_and_start_as_challengers() -> None:
    project = make_project()
    first = make_adapter(project, champion=False, holdout=measures())
    second = make_adapter(project, champion=False)
    assert [(one.name, one.state) for one in (first, second)] == [("A-1", "challenger"), ("A-2", "challenger")]
    assert first.manifest["holdout"]["n"] == 100
    assert make_adapter(make_project(), champion=False).name == "A-1"
    entry = AuditLogEntry.objects.filter(project=project, verb="adapter.train").earliest("id")
    assert (entry.target, entry.data) == ("A-1", {"labels": 0})


def test_training_items_are_stored_with_their_origin_and_never_of_the_holdout() -> None:
    project = make_project()
    job = Job.objects.create(project=project, kind=Job.Kind.TRAIN)
    train, calibration = labeled(project, Split.TRAIN), labeled(project, Split.CALIBRATION)
    assert record_training_items(job, [train, calibration]) == 2
    items = TrainingItem.objects.filter(job=job).order_by("id").values_list("pair_id", "split", "origin", "label_id")
    assert list(items) == [
        (train.pair_id, "train", "imported", train.label_id),
        (calibration.pair_id, "calibration", "imported", calibration.label_id),
    ]
    smuggled = replace(labeled(project, Split.HOLDOUT), split="train")
    with pytest.raises(IntegrityError, match="training_item_never_holdout"), transaction.atomic():
        record_training_items(job, [labeled(project, Split.TRAIN), smuggled])
    assert TrainingItem.objects.filter(job=job).count() == 2


def test_promotion_retires_the_champion_before_and_can_be_taken_back() -> None:
    project, lead = make_project(), make_user("lead")
    first, second = make_adapter(project), make_adapter(project, champion=False)
    elsewhere = make_adapter(make_project())
    assert promote_adapter(second, lead)
    assert states(project) == {1: "retired", 2: "champion"}
    assert not promote_adapter(second, lead)
    first.refresh_from_db()
    assert promote_adapter(first, lead)
    assert states(project) == {1: "champion", 2: "retired"}
    elsewhere.refresh_from_db()
    assert elsewhere.state == "champion"
    promotions = AuditLogEntry.objects.filter(project=project, verb="adapter.promote").order_by("id")
    assert [(entry.actor, entry.target, entry.data["before"]) for entry in promotions] == [
        (None, "A-1", None),
        (lead, "A-2", "A-1"),
        (lead, "A-1", "A-2"),
    ]


def test_promotion_of_a_pruned_adapter_is_refused() -> None:
    project = make_project()
    first, second = make_adapter(project), make_adapter(project)
    Adapter.objects.filter(pk=first.pk).update(pruned_at=timezone.now())
    assert not promote_adapter(first, None)
    assert champion_of(project) == second
    assert roll_back(project, None) is None


def test_promotion_of_a_collapsed_adapter_is_refused() -> None:
    project = make_project()
    collapsed = make_adapter(project, champion=False)
    collapsed.manifest["collapsed"] = "It gives one label to everything."
    collapsed.save()
    assert not promote_adapter(collapsed, make_user("lead"))
    assert champion_of(project) is None


def test_roll_back_makes_the_former_champions_predictions_count_at_once() -> None:
    project, lead = make_project(), make_user("lead")
    pairs = [make_pair(project) for _ in range(3)]
    former, champion = make_adapter(project), make_adapter(project)
    predict(former, dict.fromkeys(pairs, (0.7, 0.1, 0.1, 0.1)))
    predict(champion, dict.fromkeys(pairs, (0.1, 0.7, 0.1, 0.1)))
    make_adapter(project, champion=False)
    scoring = Job.objects.create(project=project, kind=Job.Kind.SCORE)
    jobs = project.jobs.count()
    assert roll_back(project, lead) == former
    assert states(project) == {1: "champion", 2: "retired", 3: "challenger"}
    current = champion_of(project)
    assert current is not None
    assert {row.label.key for row in pool_predictions(project, current)} == {"E"}
    assert project.jobs.count() == jobs
    scoring.refresh_from_db()
    assert scoring.state == "cancelled"
    entries = AuditLogEntry.objects.filter(project=project, actor=lead).order_by("id").values_list("verb", "target")
    assert list(entries) == [
        ("adapter.roll_back", "A-1"),
        ("job.cancel", f"score {scoring.pk}"),
        ("adapter.promote", "A-1"),
    ]
    assert AuditLogEntry.objects.get(project=project, verb="adapter.roll_back").data == {"before": "A-2"}


def test_roll_back_twice_is_where_one_was() -> None:
    project = make_project()
    assert roll_back(project, None) is None
    make_adapter(project)
    assert roll_back(project, None) is None
    make_adapter(project)
    roll_back(project, None)
    roll_back(project, None)
    assert states(project) == {1: "retired", 2: "champion"}
