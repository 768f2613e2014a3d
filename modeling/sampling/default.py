"""How a round draws where nothing else is set and choosing has shown that it helps, for those who have no project.

A project's settings start from the same values, with more at random until the arms have been compared.
"""

from modeling.sampling.rules import Rules

RANDOM_SHARE = 0.2
MAX_PER_QUERY = 5


def default_rules(size: int, *, random_share: float = RANDOM_SHARE) -> Rules:
    """The default's rules for a batch of so many pairs."""
    return Rules(size=size, random_share=random_share, max_per_query=MAX_PER_QUERY, mix={"margin": 1.0})
