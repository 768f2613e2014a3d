"""How a benchmark ends: one line of JSON on standard output."""

import json
from typing import Any


def result_line(
    name: str, value: float, unit: str, *, peer: str, peer_value: float, larger_is_better: bool = True, **more: Any
) -> str:
    """The last line of a benchmark's output.

    `ratio` says how many times better than the peer the value is: value / peer_value, or its inverse when
    smaller is better. `more` is whatever else explains it. Raises ValueError if either value is not positive.
    """
    if not (value > 0 and peer_value > 0):
        raise ValueError(f"{name}: value {value} and peer_value {peer_value} must both be positive")
    ratio = value / peer_value if larger_is_better else peer_value / value
    return json.dumps(
        {
            "name": name,
            "value": value,
            "unit": unit,
            "peer": peer,
            "peer_value": peer_value,
            "ratio": round(ratio, 3),
            **more,
        }
    )


def bound_line(name: str, value: float, unit: str, *, bound: float, **more: Any) -> str:
    """The last line of a benchmark whose value must not be above a bound: the bound stands in the peer's place.

    `ratio` is bound / value, and null where the value is 0.
    """
    return json.dumps(
        {
            "name": name,
            "value": value,
            "unit": unit,
            "peer": "the bound",
            "peer_value": bound,
            "ratio": round(bound / value, 3) if value else None,
            **more,
        }
    )
