from typing import Any

import pytest

from simulation.progress import describe, failure, has_turned, last_training, report, shortcomings

ADAPTER = {
    "name": "A-1",
    "holdout_n": 200,
    "accuracy": 0.8,
    "majority_accuracy": 0.65,
    "alpha": 0.5,
    "ece": 0.04,
}


def job(
    number: int, kind: str, state: str = "done", message: str = "", done: int = 0, total: int = 0
) -> dict[str, Any]:
    return {"id": number, "kind": kind, "state": state, "message": message, "done": done, "total": total}


def summary(**changes: Any) -> dict[str, Any]:
    """A project whose loop has turned, with changes."""
    turned = {
        "pairs": 4000,
        "judgments": 2100,
        "annotators": 6,
        "raw_agreement": 0.9,
        "alpha": 0.82,
        "adapter": ADAPTER,
        "scored": 3000,
        "unlabeled": 3000,
        "round": 2,
        "queue": 1000,
        "queue_mean_confidence": 0.7,
        "active_mean_confidence": 0.6,
        "pool_mean_confidence": 0.8,
        "jobs": [
            job(4, "select"),
            job(3, "score"),
            job(2, "train", message="A-1 is the new champion."),
            job(1, "select"),
        ],
    }
    return turned | changes


def test_loop_has_turned_when_the_queue_was_drawn_after_scoring() -> None:
    assert has_turned(summary())


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"adapter": None}, id="no adapter in use"),
        pytest.param({"jobs": [job(2, "train"), job(1, "select")]}, id="not scored"),
        pytest.param({"jobs": [job(3, "score"), job(2, "train"), job(1, "select")]}, id="queue is the old one"),
        pytest.param(
            {"jobs": [job(4, "select", "running"), job(3, "score"), job(2, "train")]}, id="queue is being drawn"
        ),
        pytest.param({"queue": 0}, id="queue is empty"),
    ],
)
def test_loop_has_not_turned(changes: dict[str, Any]) -> None:
    assert not has_turned(summary(**changes))


def test_turned_loop_has_no_shortcomings() -> None:
    assert shortcomings(summary()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"adapter": {**ADAPTER, "accuracy": 0.65}},
            "A-1 is right on 0.650 of the holdout, no more than the commonest label alone with 0.650",
        ),
        ({"scored": 2999}, "2999 of 3000 unlabeled pairs have been scored"),
        ({"active_mean_confidence": 0.8}, "the queue's active part is no less sure than the pool: 0.8 against 0.8"),
        ({"active_mean_confidence": None}, "the queue's active part is no less sure than the pool: None against 0.8"),
    ],
)
def test_shortcomings_are_said_plainly(changes: dict[str, Any], words: str) -> None:
    assert shortcomings(summary(**changes)) == [words]


def test_failed_job_is_named_with_its_reason() -> None:
    assert failure(summary()) is None
    broken = summary(jobs=[job(2, "train", "failed", "Not enough labels"), job(1, "select")])
    assert failure(broken) == "the train job 2 failed: Not enough labels"


def test_progress_is_one_line() -> None:
    working = summary(
        adapter=None, jobs=[job(2, "train", "running", "Training, loss 0.612", 40, 120), job(1, "select")]
    )
    assert describe(working) == (
        "round 2, 1000 pairs waiting, 2100 judgments, alpha 0.82, train running 40 of 120 (Training, loss 0.612)"
    )
    fresh = summary(round=None, queue=0, judgments=0, alpha=None, jobs=[job(1, "select", "queued")])
    assert describe(fresh) == "no round yet, 0 pairs waiting, 0 judgments, alpha not yet, select queued"


def test_last_training_says_what_came_of_it() -> None:
    assert last_training(summary()) == "A-1 is the new champion."
    assert last_training(summary(jobs=[])) == "no training has ended"


def test_report_has_the_promised_keys() -> None:
    printed = report(summary(), 123.456, project="demo-1f2e")
    promised = {
        *("pairs", "judgments", "annotators", "alpha", "adapter", "scored", "queue"),
        *("queue_mean_confidence", "pool_mean_confidence", "seconds"),
    }
    assert promised <= set(printed)
    assert set(ADAPTER) <= set(printed["adapter"])
    assert (printed["seconds"], printed["project"]) == (123.5, "demo-1f2e")
    assert "jobs" not in printed
