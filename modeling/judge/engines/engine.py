"""What every engine is: a way to compute a judge's logits."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.judge.engines.ahead import made_ahead
from modeling.judge.threads import has_a_core_to_spare

Floats = NDArray[np.float32]

# The settings that name an engine; "auto" is the fastest one that this machine has for the judge.
ENGINES = ("auto", "plain", "torch")
# Pairs that are read and computed at once: enough to find many of one length, and memory stays bounded.
PAIRS_AT_ONCE = 8192


class EngineError(ValueError):
    """An engine that this judge or this machine cannot use: names it, the reason and the way out."""


class Engine(ABC):
    """Computes the logits of a judge for texts made by prompts.py.

    Work is in two steps, so that judges which read texts alike share the first one, and that it can be done ahead.
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
        return logits_together([self], queries, products)[0]


def logits_together(engines: Sequence[Engine], queries: Sequence[str], products: Sequence[str]) -> list[Floats]:
    """Each engine's logits (pairs, labels); engines that read alike read once, a piece ahead of what is computed."""

    def read(start: int) -> dict[Hashable, Any]:
        rows = slice(start, start + PAIRS_AT_ONCE)
        texts: dict[Hashable, Any] = {}
        for engine in engines:
            if engine.reading not in texts:
                texts[engine.reading] = engine.read(queries[rows], products[rows])
        return texts

    pieces: list[list[Floats]] = [[] for _ in engines]
    starts = range(0, max(1, len(queries)), PAIRS_AT_ONCE)
    for texts in made_ahead(read, starts, ahead=has_a_core_to_spare()):
        for piece, engine in zip(pieces, engines, strict=True):
            piece.append(engine.compute(texts[engine.reading]))
    return [np.concatenate(piece) for piece in pieces]
