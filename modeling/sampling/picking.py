"""The active part of a batch: strategies take turns, best first, and the rules say what they may not take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from modeling.sampling.admission import Admission, Walk
from modeling.sampling.contract import Mask, Pool, Positions, Reason, Scored, Strategy
from modeling.sampling.floors import LabelFloors
from modeling.sampling.ranking import in_even_turns
from modeling.sampling.rules import Rules


@dataclass(frozen=True)
class Pick:
    """A picked pair: its position in the pool, its score, the strategy's key and why."""

    position: int
    score: float
    strategy: str
    reason: Reason


def pick_active(
    pool: Pool,
    strategies: Sequence[tuple[Strategy, float]],
    uniform: Positions,
    wanted: int,
    rules: Rules,
    random: np.random.Generator,
) -> list[Pick]:
    """Pick `wanted` pairs outside `uniform`, fewer where the rules give no more; the pool is in the order of its ids.

    The strategies take turns in their shares. Each takes the best pair that is left and that the rules admit: not
    nearly the title of a pair drawn before, and not one more of a query than the limit. When the places left are just
    those that labels still lack to their floor, such pairs are taken, by the scores of the strategy with the largest
    share. All are merged so that every beginning has each part in its proportion.
    """
    if wanted == 0:
        return []
    admission = Admission(pool, rules, uniform)
    turns = [
        _Turn(strategy, share, penalised(pool, strategy, uniform, rules, random), wanted, admission, random)
        for strategy, share in strategies
    ]
    floors = LabelFloors(pool, rules.label_floor, wanted)
    _take_turns(turns, wanted, floors)
    lead = max(turns, key=lambda turn: turn.share)
    rare = [list(lead.take_rare(label, floors, admission, random)) for label in floors.lacking_labels()]
    _take_turns(turns, wanted - sum(map(len, rare)))
    parts = [*(turn.picked for turn in turns), *rare]
    return [parts[number][place] for number, place in in_even_turns([len(part) for part in parts])]


class _Turn:
    """A strategy with its pairs, best first, and what it has picked."""

    def __init__(
        self,
        strategy: Strategy,
        share: float,
        scored: Scored,
        wanted: int,
        admission: Admission,
        random: np.random.Generator,
    ) -> None:
        self.share = share
        self.picked: list[Pick] = []
        self.empty = False
        self._key = strategy.key
        self._scored = scored
        self._walk = Walk(scored.scores, share * wanted, admission, random)

    def take(self) -> Pick | None:
        """Pick the best pair that is admitted; None, and empty, when there is none."""
        position = self._walk.next()
        if position is None:
            self.empty = True
            return None
        self.picked.append(self._pick(position, self._scored.reason(position)))
        return self.picked[-1]

    def take_rare(
        self, label: int, floors: LabelFloors, admission: Admission, random: np.random.Generator
    ) -> Iterator[Pick]:
        """Pick pairs until the label has its floor, or none is admitted."""
        lacking = floors.lacking_of(label)
        for scores in floors.candidates(label, self._scored.scores):
            walk = Walk(scores, lacking, admission, random)
            while lacking and (position := walk.next()) is not None:
                lacking -= 1
                yield self._pick(position, floors.reason(label, position))

    def _pick(self, position: int, reason: Reason) -> Pick:
        return Pick(position, float(self._scored.scores[position]), self._key, reason)


def _take_turns(turns: Sequence[_Turn], wanted: int, floors: LabelFloors | None = None) -> None:
    """Let the strategy that is farthest behind its share pick next, until there are `wanted` or none is left.

    With floors, only until the places left are just those that labels lack.
    """
    count = sum(len(turn.picked) for turn in turns)
    while count < wanted - (floors.lacking if floors else 0):
        able = [turn for turn in turns if not turn.empty]
        if not able:
            return
        pick = min(able, key=lambda turn: len(turn.picked) / turn.share).take()
        if pick is not None:
            count += 1
            if floors:
                floors.count(pick.position)


def penalised(pool: Pool, strategy: Strategy, uniform: Positions, rules: Rules, random: np.random.Generator) -> Scored:
    """The strategy's scores times 1 - weight x ambiguity; nan for pairs that it may not take."""
    scored = strategy.score(pool, random)
    scores = scored.scores.copy()
    if pool.ambiguity is not None and rules.ambiguity_weight:
        scores *= 1 - np.float32(rules.ambiguity_weight) * pool.ambiguity.astype(np.float32)
    scores[~_allowed(pool, strategy)] = np.nan
    scores[uniform] = np.nan
    return Scored(scores, scored.reason)


def _allowed(pool: Pool, strategy: Strategy) -> Mask:
    if not strategy.relabels:
        return pool.pickable()
    allowed = np.ones(len(pool), dtype=np.bool_)
    for kept_away in (pool.excluded, pool.random_only):
        if kept_away is not None:
            allowed &= ~kept_away
    return allowed
