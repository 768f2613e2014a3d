"""Numbers as the stat component wants them."""

import math
from typing import Any

from modeling.estimates import Estimate


def stat(estimate: Estimate | None) -> dict[str, Any]:
    """Return value, interval and n, with None for what is undefined."""
    if estimate is None or math.isnan(estimate.value):
        return {"value": None, "low": None, "high": None, "n": None}
    return {
        "value": estimate.value,
        "low": None if math.isnan(estimate.low) else estimate.low,
        "high": None if math.isnan(estimate.high) else estimate.high,
        "n": estimate.n,
    }


def percent(share: float) -> str:
    """Return a share as people say it: 0.8 is "80 %", with a space that no line breaks at."""
    return f"{100 * share:.3g}\u00a0%"


def duration(seconds: float) -> str:
    """Return a time that nobody needs to the second: "less than a minute", "about 12 minutes", "about 3.5 hours"."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 100:
        return f"about {minutes} minute{'s' if minutes > 1 else ''}"
    hours = seconds / 3600
    return f"about {hours:.1f} hours" if hours < 10 else f"about {round(hours):,} hours"
