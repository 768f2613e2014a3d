"""What every engine is: a way to compute a judge's logits."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# The settings that name an engine; "auto" is the fastest one that this machine has for the judge.
ENGINES = ("auto", "plain")


class EngineError(ValueError):
    """An engine that this judge or this machine cannot use: names it, the reason and the way out."""


class Engine(ABC):
    """Computes the logits of a judge for texts made by prompts.py.

    Work is in two steps, so that judges which read texts alike share the first one.
    """

    name: str

    @property
    @abstractmethod
    def reading(self) -> Hashable:
        """What decides how texts are read: engines with equal values can compute what one of them has read."""

    @abstractmethod
    def read(self, queries: Sequence[str], products: Sequence[str]) -> Any:
        """The texts as the network takes them: tokens, and what belongs together. Needs no network."""

    @abstractmethod
    def compute(self, texts: Any) -> Floats:
        """Logits (pairs, labels) of what was read, in the order of the pairs."""

    def logits(self, queries: Sequence[str], products: Sequence[str]) -> Floats:
        """Logits (pairs, labels), before calibration."""
        return self.compute(self.read(queries, products))
