"""What a training run tells while it goes on, how fast it goes, and when its loss says that it should end."""

import math
import resource
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import torch


class TrainingError(RuntimeError):
    """A run that came to nothing although its spec and pairs were in order."""


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` steps of a phase; while it trains, what the last step was like.

    `memory_mb` is the most that the GPU has held, or, without one, the process. `note` is something that a person
    should know, in plain words, such as a batch that was halved.
    """

    phase: str
    done: int
    total: int
    loss: float | None = None
    learning_rate: float | None = None
    pairs_per_second: float | None = None
    memory_mb: float | None = None
    seconds_left: float | None = None
    note: str | None = None


Report = Callable[[Progress], None]


def memory_mb() -> float:
    """The most memory held so far, in megabytes: of the GPU if it is used, else of this process."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 1e6, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)


@dataclass
class Pace:
    """Speed over the last steps, and the time that the tokens to come will take at it.

    Steps differ in pairs but hardly in tokens, so the time left is counted in tokens. `done` are tokens of all steps so
    far, those before a stop included; `total` are the tokens of the whole run.
    """

    total: int
    done: int = 0
    latest: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=20))

    def begin(self) -> None:
        """Start the clock."""
        self.latest.clear()
        self.latest.append((time.monotonic(), 0, 0))

    def step(self, pairs: int, tokens: int) -> None:
        """Count a step that has just ended."""
        self.done += tokens
        self.latest.append((time.monotonic(), pairs, tokens))

    def measured(self) -> tuple[float | None, float | None]:
        """Pairs a second, and seconds left; None before the first step."""
        if len(self.latest) < 2:
            return None, None
        seconds = max(self.latest[-1][0] - self.latest[0][0], 1e-9)
        pairs, tokens = (sum(step[place] for step in list(self.latest)[1:]) for place in (1, 2))
        return round(pairs / seconds, 1), round(max(0, self.total - self.done) * seconds / max(tokens, 1), 1)


@dataclass
class LossWatch:
    """Ends a run whose loss is no number, or has risen far above where it began.

    Far is three times the first steps' median or that of a guess without knowledge, whichever is more, in the median
    of the last steps: a single hard step does not end a run. `losses` are the last ones, `first` the first ones.
    """

    labels: int
    first: list[float] = field(default_factory=list)
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=10))

    FEW = 5
    FAR = 3.0

    def check(self, loss: float, step: int, total: int) -> None:
        """Take a step's loss. TrainingError with what to do about it."""
        way_out = "lower learning_rate and head_learning_rate"
        if not math.isfinite(loss):
            raise TrainingError(f"The loss became {loss} at step {step} of {total}: {way_out}.")
        if len(self.first) < self.FEW:
            self.first.append(loss)
        self.losses.append(loss)
        start, now = median(self.first), median(self.losses)
        limit = self.FAR * max(start, math.log(self.labels))
        if len(self.losses) == self.losses.maxlen and now > limit:
            raise TrainingError(
                f"The loss has risen from {start:.3g} to {now:.3g} by step {step} of {total}, so nothing is learned: "
                f"{way_out}, or raise warmup."
            )

    def to_dict(self) -> dict[str, list[float]]:
        """Plain JSON for a checkpoint."""
        return {"first": self.first, "losses": list(self.losses)}

    def restore(self, state: dict[str, list[float]]) -> None:
        """Go on from what to_dict gave."""
        self.first = list(state["first"])
        self.losses = deque(state["losses"], maxlen=self.losses.maxlen)
