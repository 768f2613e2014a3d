"""How fast a scoring job goes, and what it costs."""

import datetime as dt
from dataclasses import dataclass

from labeling.models import Job
from labeling.queries.scoring import tally_of

LATELY = dt.timedelta(minutes=2)  # what the speed of now rests on, and at least this many shards
FEWEST = 4


@dataclass(frozen=True)
class ScoringPace:
    """How a scoring job goes or went: pairs a second of all workers together, and what it cost.

    `seconds` is from its start until now or its end, `worker_seconds` what its workers were at it together, as far as
    they finished what they were at. Rates and costs are None where they are not known: costs without a price.
    """

    pairs: int
    predictions: int
    seconds: float
    worker_seconds: float
    workers: int
    pairs_per_second: float | None
    seconds_left: float | None
    cost: float | None
    cost_per_thousand: float | None
    currency: str


def scoring_pace(job: Job, now: dt.datetime) -> ScoringPace | None:
    """Return how a scoring goes; None before its first shard is finished. The cost is by the price of its end."""
    tally = tally_of(job)
    if not tally.pairs or job.started_at is None:
        return None
    price, currency = job.project.price_per_hour, job.project.currency
    if not job.active:
        price, currency = job.result.get("price_per_hour", price), job.result.get("currency", currency)
    seconds = ((job.finished_at or now) - job.started_at).total_seconds()
    rate = _rate_lately(job, now) if job.active else tally.pairs / seconds if seconds > 0 else None
    cost = tally.seconds / 3600 * price if price else None
    return ScoringPace(
        pairs=tally.pairs,
        predictions=tally.predictions,
        seconds=seconds,
        worker_seconds=tally.seconds,
        workers=tally.workers,
        pairs_per_second=rate,
        seconds_left=(job.total - tally.pairs) / rate if job.active and rate and job.total >= tally.pairs else None,
        cost=cost,
        cost_per_thousand=1000 * cost / tally.predictions if cost is not None and tally.predictions else None,
        currency=currency,
    )


def _rate_lately(job: Job, now: dt.datetime) -> float | None:
    """Pairs a second of the shards that were finished in the last minutes, at least the last few."""
    finished = job.shards.exclude(finished_at=None).order_by("-finished_at")
    ended = [at for at in finished.values_list("finished_at", flat=True)[:FEWEST] if at]
    lately = finished.filter(finished_at__gte=min(*ended, now - LATELY))
    rows = [
        (at, scored, seconds) for at, scored, seconds in lately.values_list("finished_at", "scored", "seconds") if at
    ]
    began = min(at - dt.timedelta(seconds=seconds) for at, _, seconds in rows)
    elapsed = (now - max(began, job.started_at or began)).total_seconds()
    return sum(scored for _, scored, _ in rows) / elapsed if elapsed > 0 else None
