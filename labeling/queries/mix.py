"""How much of the next round is drawn at random: the setting, moved by what choosing pairs has brought."""

from dataclasses import dataclass
from typing import Any

from labeling.models import Adapter, Project, Round
from modeling.estimates import NAN, Estimate
from modeling.sampling.arms import next_random_share

LEAST_RANDOM = 0.2  # of a round, where choosing helps; less where the setting is less
AHEAD, BEHIND, ALIKE, SET = "ahead", "behind", "alike", "set"


@dataclass(frozen=True)
class Mix:
    """The share of the next round that is drawn at random, and why: `because` of the active arm's lead, or as set."""

    random_share: float
    because: str
    lead: Estimate | None = None


def newest_arms(project: Project) -> Adapter | None:
    """Return the newest adapter whose training compared both arms, if there is one."""
    measured = Adapter.objects.filter(project=project, manifest__arms__lead__value__isnull=False)
    return measured.order_by("-number").first()


def next_mix(project: Project) -> Mix:
    """Return the mix of the project's next round.

    Only the strategy "mixed" moves it, each comparison once, and never from a setting that was changed meanwhile.
    """
    usual = project.random_share
    last = Round.objects.filter(project=project, rules__usual=usual).order_by("-number").first()
    measured = newest_arms(project)
    if project.strategy != Project.MIXED or measured is None or usual >= 1:
        return Mix(usual, SET)
    lead = as_estimate(measured.manifest["arms"]["lead"])
    because = AHEAD if lead.low > 0 else BEHIND if lead.high < 0 else ALIKE
    share = usual if last is None else float(last.rules["random_share"])
    if last is None or measured.created_at > last.opened_at:
        share = next_random_share(share, lead, floor=min(LEAST_RANDOM, usual), usual=usual)
    return Mix(share, because, lead)


def as_estimate(found: dict[str, Any]) -> Estimate:
    """Return what Estimate.to_dict made."""
    value, low, high = (NAN if found[part] is None else float(found[part]) for part in ("value", "low", "high"))
    return Estimate(value, low, high, int(found["n"]))
