"""What a project's summary says about the turn of the loop: pure functions over its JSON."""

from collections.abc import Mapping
from typing import Any

Summary = Mapping[str, Any]

REPORTED = (
    *("pairs", "judgments", "annotators", "raw_agreement", "alpha", "adapter", "scored", "unlabeled", "round"),
    *("queue", "queue_mean_confidence", "active_mean_confidence", "pool_mean_confidence"),
)


def describe(summary: Summary) -> str:
    """Return where the loop is, in one line."""
    alpha = summary["alpha"]
    parts = [
        f"round {summary['round']}" if summary["round"] else "no round yet",
        f"{summary['queue']} pairs waiting",
        f"{summary['judgments']} judgments",
        f"alpha {alpha:.2f}" if alpha is not None else "alpha not yet",
    ]
    parts += [_describe_job(job) for job in summary["jobs"] if job["state"] in ("queued", "running")]
    return ", ".join(parts)


def _describe_job(job: Mapping[str, Any]) -> str:
    done = f" {job['done']} of {job['total']}" if job["total"] else ""
    message = f" ({job['message']})" if job["message"] else ""
    return f"{job['kind']} {job['state']}{done}{message}"


def failure(summary: Summary) -> str | None:
    """Return in plain words which job has failed; None if none has."""
    for job in summary["jobs"]:
        if job["state"] == "failed":
            return f"the {job['kind']} job {job['id']} failed: {job['message']}"
    return None


def last_training(summary: Summary) -> str:
    """Return what the newest training that has ended said."""
    for job in summary["jobs"]:
        if job["kind"] == "train" and job["state"] == "done":
            return str(job["message"])
    return "no training has ended"


def has_turned(summary: Summary) -> bool:
    """Tell whether an adapter is in use, has scored the pool, and the queue was drawn again after that."""
    jobs = summary["jobs"]
    if summary["adapter"] is None or any(job["state"] in ("queued", "running") for job in jobs):
        return False
    newest = {kind: max((job["id"] for job in jobs if job["kind"] == kind), default=0) for kind in _STEPS}
    return newest["train"] < newest["score"] < newest["select"] and summary["queue"] > 0


_STEPS = ("train", "score", "select")


def shortcomings(summary: Summary) -> list[str]:
    """Return what the turn of the loop failed to show, in plain words; empty if it showed everything."""
    adapter = summary["adapter"]
    found = []
    if adapter["accuracy"] <= adapter["majority_accuracy"]:
        found.append(
            f"{adapter['name']} is right on {adapter['accuracy']:.3f} of the holdout, "
            f"no more than the commonest label alone with {adapter['majority_accuracy']:.3f}"
        )
    if summary["scored"] < summary["unlabeled"]:
        found.append(f"{summary['scored']} of {summary['unlabeled']} unlabeled pairs have been scored")
    active, pool = summary["active_mean_confidence"], summary["pool_mean_confidence"]
    if active is None or pool is None or active >= pool:
        found.append(f"the queue's active part is no less sure than the pool: {active} against {pool}")
    return found


def report(summary: Summary, seconds: float, **more: Any) -> dict[str, Any]:
    """Return what the demo prints as its last line."""
    return {**{name: summary[name] for name in REPORTED}, **more, "seconds": round(seconds, 1)}
