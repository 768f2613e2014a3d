"""A project in numbers, as plain JSON."""

import json

import pytest

from labeling.actions.agreement import measure_agreement
from labeling.actions.jobs import enqueue_job
from labeling.models import Job
from labeling.queries.summary import summary
from tests.labeling.acting import judge_all, make_adapter, make_members, measures, predict
from tests.making import make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def test_summary_of_an_empty_project_is_plain_json() -> None:
    found = summary(make_project())
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found == {
        "pairs": 0,
        "judgments": 0,
        "annotators": 0,
        "raw_agreement": None,
        "alpha": None,
        "adapter": None,
        "scored": 0,
        "unlabeled": 0,
        "round": None,
        "queue": 0,
        "queue_mean_confidence": None,
        "active_mean_confidence": None,
        "pool_mean_confidence": None,
        "jobs": [],
    }


def test_summary_of_a_project_at_work_is_plain_json() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pairs = [make_pair(project) for _ in range(6)]
    make_round(project, pairs[:3])
    judge_all(make_members(project, 2), {pairs[0]: "E", pairs[1]: "S", pairs[2]: "ES"})
    champion = make_adapter(project, holdout=measures())
    predict(champion, {pair: (0.6, 0.4, 0, 0) if pair == pairs[4] else (0.8, 0.2, 0, 0) for pair in pairs[:5]})
    make_round(project, [pairs[4]], stream="active")
    job = enqueue_job(project, Job.Kind.SELECT)
    assert job is not None
    assert summary(project)["alpha"] is None
    measure_agreement(project)
    found = summary(project)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    means = {name: found.pop(name) for name in list(found) if name.endswith("confidence")}
    assert means == {
        "queue_mean_confidence": pytest.approx(0.6),
        "active_mean_confidence": pytest.approx(0.6),
        "pool_mean_confidence": pytest.approx(0.7),
    }
    # Two pairs of three agree; alpha = 1 - 5 * 2 / (36 - 9 - 9).
    assert found.pop("raw_agreement") == pytest.approx(2 / 3)
    assert found.pop("alpha") == pytest.approx(4 / 9)
    assert found == {
        "pairs": 6,
        "judgments": 6,
        "annotators": 2,
        "adapter": {
            "name": "A-1",
            "holdout_n": 100,
            "accuracy": 0.7,
            "majority_accuracy": 0.5,
            "alpha": 0.7,
            "ece": 0.05,
        },
        "scored": 2,
        "unlabeled": 3,
        "round": 2,
        "queue": 1,
        "jobs": [
            {"id": job.pk, "kind": "select", "state": "queued", "done": 0, "total": 0, "message": ""},
            {"id": champion.job_id, "kind": "train", "state": "done", "done": 0, "total": 0, "message": ""},
        ],
    }


def test_summary_stands_a_champion_that_was_never_measured() -> None:
    project = make_project()
    make_adapter(project, holdout=None)
    assert summary(project)["adapter"] == {
        "name": "A-1",
        "holdout_n": 0,
        "accuracy": None,
        "majority_accuracy": None,
        "alpha": None,
        "ece": None,
    }
