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
