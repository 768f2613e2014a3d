"""How the mix of random and picked pairs moves by what the arms show."""

from modeling.estimates import Estimate

# What the active arm keeps where it harms: so much still shows when it no longer does, and costs next to nothing.
LEAST_ACTIVE = 0.05
_DOWN = 0.5
_UP = 1.25


def next_random_share(share: float, lead: Estimate, *, floor: float, usual: float) -> float:
    """The share of the next round that is drawn at random, from that of the last and the active arm's lead.

    `lead` is alpha of the active arm minus that of the random arm, with its interval, as evaluation.arms measures it.
    Where the active arm is surely behind, its share is halved, down to LEAST_ACTIVE: harm ends within a few rounds.
    Where it is surely ahead, it grows by a quarter, until `floor` is random: slowly, as nothing is lost by waiting.
    Where the arms cannot be told apart, the mix goes half of the way back to `usual`. The floor is never left, as
    the random share is what everything is measured on. ValueError unless 0 < floor <= usual <= 1 and share is a share.
    Source of the idea: Baram, El-Yaniv and Luz, "Online Choice of Active Learning Algorithms", JMLR 5 (2004).
    """
    if not 0 < floor <= usual <= 1:
        raise ValueError(f"expected 0 < floor <= usual <= 1, got floor {floor} and usual {usual}")
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    active = 1 - share
    if lead.high < 0:
        active *= _DOWN
    elif lead.low > 0:
        active *= _UP
    else:
        active += (1 - usual - active) / 2
    least = min(LEAST_ACTIVE, 1 - usual)
    return 1 - min(max(active, least), 1 - floor)
