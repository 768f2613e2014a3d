"""The rules around every strategy, as settings give them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modeling.sampling.contract import Pool, Strategy
from modeling.sampling.strategies import strategy_of


@dataclass(frozen=True)
class Rules:
    """How a batch is drawn.

    size: pairs of the batch. random_share: of them drawn uniformly, in [0, 1]; above 0 it is one pair at least, and
    only an experiment's arm should have 0. mix: each strategy's share of the active part, by key; made to add up to 1.
    max_per_query: active pairs of one query, random ones counted. label_floor: the smallest share of the active part
    that is predicted to be each label, in [0, 1 / labels]; 0: no floor. near_duplicates: the similarity of titles,
    in (0, 1], from which on only one of them is picked; None: they are not looked at. ambiguity_weight: a score is
    multiplied by 1 - weight x ambiguity, in [0, 1]. ValueError for what is out of range.
    """

    size: int
    random_share: float
    max_per_query: int = 3
    mix: Mapping[str, float] = field(default_factory=lambda: {"margin": 1.0})
    label_floor: float = 0.0
    near_duplicates: float | None = None
    ambiguity_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size must be 0 or more, got {self.size}")
        if not 0 <= self.random_share <= 1:
            raise ValueError(f"random_share must lie between 0 and 1, got {self.random_share}")
        if self.max_per_query < 1:
            raise ValueError(f"max_per_query must be 1 or more, got {self.max_per_query}")
        if not 0 <= self.label_floor <= 1:
            raise ValueError(f"label_floor must lie between 0 and 1, got {self.label_floor}")
        if self.near_duplicates is not None and not 0 < self.near_duplicates <= 1:
            raise ValueError(f"near_duplicates must be above 0 and at most 1, got {self.near_duplicates}")
        if not 0 <= self.ambiguity_weight <= 1:
            raise ValueError(f"ambiguity_weight must lie between 0 and 1, got {self.ambiguity_weight}")
        for key, share in self.mix.items():
            strategy_of(key)
            if not share >= 0:
                raise ValueError(f"the share of {key} must be 0 or more, got {share}")

    def strategies(self, pool: Pool) -> list[tuple[Strategy, float]]:
        """The strategies of the mix that can work on this pool, with their shares, which add up to 1.

        What one needs and the pool has not, such as probabilities before the first champion, leaves its share to
        the others. None where none can work: then everything is drawn at random.
        """
        able = [(strategy_of(key), share) for key, share in self.mix.items() if share > 0]
        able = sorted((one for one in able if not one[0].missing(pool)), key=lambda one: one[0].key)
        total = sum(share for _, share in able)
        return [(strategy, share / total) for strategy, share in able]

    def random_pairs(self, size: int, picks: bool) -> int:
        """How many pairs of a batch of this size are drawn at random."""
        if not picks:
            return size
        return max(round(size * self.random_share), min(size, 1) if self.random_share > 0 else 0)
