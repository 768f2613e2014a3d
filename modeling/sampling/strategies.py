"""The strategies by their keys, as settings name them and pages list them."""

from types import MappingProxyType

from modeling.sampling import (
    disagreement,
    entropy,
    gain_loss,
    least_confidence,
    margin,
    relabel,
    typical,
    uniform,
)
from modeling.sampling.contract import Strategy

# A new strategy is a file beside this one, and a line here.
_ALL: tuple[Strategy, ...] = (
    uniform.STRATEGY,
    least_confidence.STRATEGY,
    margin.STRATEGY,
    entropy.STRATEGY,
    gain_loss.STRATEGY,
    disagreement.STRATEGY,
    typical.STRATEGY,
    relabel.STRATEGY,
)

STRATEGIES = MappingProxyType({strategy.key: strategy for strategy in _ALL})


def strategy_of(key: str) -> Strategy:
    """The strategy with this key; ValueError naming those there are."""
    if key not in STRATEGIES:
        raise ValueError(f"there is no strategy {key!r}; there are {', '.join(STRATEGIES)}")
    return STRATEGIES[key]
