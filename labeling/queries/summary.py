"""A project in numbers."""

from typing import Any

from labeling.models import Adapter, Judgment, Pair, Project
from labeling.queries.adapters import measured
from labeling.queries.agreement import stored_report
from labeling.queries.pairs import unlabeled_pairs
from labeling.queries.predictions import champion_of, mean_confidence, pool_predictions
from labeling.queries.queue import open_round_of, open_slots


def summary(project: Project) -> dict[str, Any]:
    """Return what the project's own numbers are, as plain JSON; null where there is nothing to say yet."""
    champion = champion_of(project)
    live = Judgment.objects.filter(project=project, retired_at__isnull=True)
    overall = stored_agreement(project)
    current = open_round_of(project)
    means = mean_confidence(project, champion) if champion else None
    return {
        "pairs": Pair.objects.filter(project=project).count(),
        "judgments": live.count(),
        "annotators": live.values("annotator").distinct().count(),
        "raw_agreement": overall["raw"]["value"] if overall else None,
        "alpha": overall["alpha"]["value"] if overall else None,
        "adapter": adapter_summary(champion) if champion else None,
        "scored": pool_predictions(project, champion).count() if champion else 0,
        "unlabeled": unlabeled_pairs(project).count(),
        "round": current.number if current else None,
        "queue": open_slots(project).values("pair").distinct().count(),
        "queue_mean_confidence": means.queue if means else None,
        "active_mean_confidence": means.active if means else None,
        "pool_mean_confidence": means.pool if means else None,
        "jobs": [
            {
                "id": job.pk,
                "kind": job.kind,
                "state": job.state,
                "done": job.done,
                "total": job.total,
                "message": job.message,
            }
            for job in project.jobs.order_by("-id")[:20]
        ],
    }


def stored_agreement(project: Project) -> dict[str, Any] | None:
    """Return every measure of agreement over all as it was last measured; None where it was not."""
    report = stored_report(project)
    return report.data["overall"] if report else None


def adapter_summary(adapter: Adapter) -> dict[str, Any]:
    """Return an adapter's measures on the holdout; null where it has none."""
    holdout = adapter.manifest.get("holdout") or {}
    found = {name: measured(adapter.manifest, name) for name in ("accuracy", "alpha", "ece")}
    return {
        "name": adapter.name,
        "holdout_n": holdout.get("n", 0),
        "majority_accuracy": holdout.get("majority_accuracy"),
        **{name: estimate.value if estimate else None for name, estimate in found.items()},
    }
