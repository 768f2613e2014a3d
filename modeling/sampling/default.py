"""How a round draws by margin under the usual rules: what `make bench NAME=active_learning` measures.

A project draws by its settings instead: half at random to begin with, and what is typical before there is a judge.
"""

from modeling.sampling.rules import Rules

RANDOM_SHARE = 0.2
MAX_PER_QUERY = 5


def default_rules(size: int, *, random_share: float = RANDOM_SHARE) -> Rules:
    """The default's rules for a batch of so many pairs."""
    return Rules(size=size, random_share=random_share, max_per_query=MAX_PER_QUERY, mix={"margin": 1.0})
