"""Recording adapters, and which one is used."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from labeling.actions.adapters import decide_promotion, judge_challenger, promote_adapter, record_training_items
from labeling.models import Adapter, AuditLogEntry, Job, Project, Split, TrainingItem
from labeling.queries.training_set import LabeledPair
from tests.labeling.acting import make_adapter, measures
from tests.making import make_pair_of, make_project, make_user

pytestmark = pytest.mark.django_db


def labeled(project: Project, split: Split) -> LabeledPair:
    pair = make_pair_of(project, split)
    label = project.scheme.labels.get(key="E")
    return LabeledPair(pair.pk, pair.query_id, split, pair.query.text, "Title", "", "", "", "", label.pk, "imported")


@pytest.mark.parametrize(
    ("manifest", "champion", "promoted", "verdict"),
    [
        ({}, None, False, "Not enough holdout labels yet to judge it: 0 of 20."),
        ({"holdout": None}, None, False, "Not enough holdout labels yet to judge it: 0 of 20."),
        (
            {"holdout": measures(n=19, accuracy=0.9)},
            None,
            False,
            "Not enough holdout labels yet to judge it: 19 of 20.",
        ),
        (
            {"holdout": measures(n=0, accuracy=None, majority=None)},
            None,
            False,
            "Not enough holdout labels yet to judge it: 0 of 20.",
        ),
        (
            {"holdout": measures(accuracy=0.5, majority=0.5)},
            None,
            False,
            "No better than always giving the commonest label: 0.500 against 0.500.",
        ),
        (
            {"holdout": measures(accuracy=0.9), "collapsed": "It gives the label E to 99 of 100 holdout pairs."},
            None,
            False,
            "It gives the label E to 99 of 100 holdout pairs.",
        ),
        (
            {"holdout": measures(n=20, accuracy=0.7, majority=0.5), "collapsed": None},
            None,
            True,
            "Accuracy 0.700 against 0.500 for the commonest label, on 20 holdout pairs.",
        ),
        (
            {"holdout": measures(accuracy=0.7)},
            measures(accuracy=0.7),
            False,
            "Not better than the champion: accuracy 0.700 against 0.700, on 100 holdout pairs.",
        ),
        (
            {"holdout": measures(accuracy=0.8)},
            measures(accuracy=0.7),
            True,
            "Accuracy 0.800 against the champion's 0.700, on 100 holdout pairs.",
        ),
    ],
)
def test_challenger_is_judged_on_the_holdout(
    manifest: dict[str, Any], champion: dict[str, Any] | None, promoted: bool, verdict: str
) -> None:
    assert judge_challenger(manifest, champion) == (promoted, verdict)


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


def test_promotion_of_the_first_good_adapter_is_decided_and_logged() -> None:
    project = make_project()
    weak = make_adapter(project, champion=False, holdout=measures(accuracy=0.4))
    assert not decide_promotion(weak, None)
    good = make_adapter(project, champion=False, holdout=measures(accuracy=0.7))
    assert decide_promotion(good, None)
    weak.refresh_from_db()
    good.refresh_from_db()
    assert (weak.state, good.state) == ("challenger", "champion")
    assert weak.promoted_at is None
    assert good.promoted_at is not None
    assert weak.verdict.startswith("No better than")
    assert good.verdict.startswith("Accuracy 0.700")
    decisions = AuditLogEntry.objects.filter(project=project, verb="adapter.decide").order_by("id")
    assert [(entry.target, entry.data["promoted"]) for entry in decisions] == [("A-1", False), ("A-2", True)]


def test_promotion_needs_a_comparison_with_the_champion() -> None:
    project = make_project()
    champion = make_adapter(project)
    former = make_adapter(project, champion=False)
    better = make_adapter(project, champion=False, holdout=measures(accuracy=0.9))
    for holdout, compared_with in ((None, None), (measures(accuracy=0.7), former)):
        assert not decide_promotion(better, holdout, compared_with)
        better.refresh_from_db()
        assert better.verdict.startswith("It was not compared with A-1, which is in use now.")
    assert decide_promotion(better, measures(accuracy=0.7), champion)
    better.refresh_from_db()
    assert better.state == "champion"


def test_promotion_retires_the_champion_before_and_can_be_taken_back() -> None:
    project, lead = make_project(), make_user("lead")
    first, second = make_adapter(project), make_adapter(project, champion=False)
    elsewhere = make_adapter(make_project())
    promote_adapter(second, lead)
    assert dict(Adapter.objects.filter(project=project).values_list("number", "state")) == {
        1: "retired",
        2: "champion",
    }
    promote_adapter(second, lead)
    first.refresh_from_db()
    promote_adapter(first, lead)
    assert dict(Adapter.objects.filter(project=project).values_list("number", "state")) == {
        1: "champion",
        2: "retired",
    }
    elsewhere.refresh_from_db()
    assert elsewhere.state == "champion"
    promotions = AuditLogEntry.objects.filter(project=project, verb="adapter.promote").order_by("id")
    assert [(entry.actor, entry.target, entry.data["before"]) for entry in promotions] == [
        (None, "A-1", None),
        (lead, "A-2", "A-1"),
        (lead, "A-1", "A-2"),
    ]
