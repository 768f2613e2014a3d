"""How a promotion was decided, in plain words, and what going back to an earlier champion would do."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from labeling.language import number
from labeling.models import Adapter, Project
from labeling.queries.adapters import Promotion, promotions_of
from labeling.queries.predictions import champion_of, former_champion, has_predictions
from labeling.queries.rounds import ending_round
from labeling.views.holdout_pairs import holdout_url

FIRST = "first"  # the rule for a project without a champion
MAJORITY = "majority"  # what was compared with where there was no champion


def decision(adapter: Adapter) -> dict[str, Any]:
    """Return how an adapter was decided on: the verdict, its numbers in words, and the pages behind them.

    `refused` says that the rule did not promote it; what was never decided was not refused.
    """
    found = adapter.comparison
    against = _compared_with(adapter, found)
    return {
        "verdict": adapter.verdict,
        "says": _says(adapter, found) if found.get("difference") else [],
        "refused": bool(adapter.verdict) and not found.get("promoted", adapter.promoted_at is not None),
        "beside": reverse("adapters-beside", args=[adapter.project.slug, adapter.number, against.number])
        if against
        else "",
        "differ": holdout_url(adapter, beside=against.number, differ=True) if against else "",
        "against": against,
    }


def _compared_with(adapter: Adapter, found: Mapping[str, Any]) -> Adapter | None:
    name = str(found.get("against") or "")
    if not name.startswith("A-") or not name[2:].isdecimal():
        return None
    other = Adapter.objects.filter(project=adapter.project, number=int(name[2:])).first()
    return other if other != adapter else None


def _says(adapter: Adapter, found: Mapping[str, Any]) -> list[str]:
    difference = found["difference"]
    against = found["against"]
    whom = "always giving the commonest label" if against == MAJORITY else f"{against}, the champion then"
    on = f"the same {number(found['n'])} holdout pairs"
    if found.get("queries"):
        on += f" of {number(found['queries'])} queries"
    sentences = [f"{adapter.name} was compared with {whom}, on {on}."]
    if difference["value"] is not None and "points of accuracy" not in adapter.verdict:
        sentences.append(_difference(adapter, difference))
    if found.get("only_first") is not None:
        sentences.append(
            f"{adapter.name} alone is right on {number(found['only_first'])} of them, "
            f"the other alone on {number(found['only_second'])}{_chance(found)}."
        )
    rule = found.get("rule")
    if rule == Project.PromotionRule.BETTER:
        sentences.append("The rule: promote only what is surely better.")
    elif rule == Project.PromotionRule.NOT_WORSE:
        points = f"{100 * found['margin']:.3g}"
        sentences.append(f"The rule: promote what is surely not worse by more than {points} points.")
    elif rule == FIRST:
        sentences.append("There was no champion that it could have harmed.")
    return sentences


def _difference(adapter: Adapter, difference: Mapping[str, Any]) -> str:
    value, low, high = (difference[part] for part in ("value", "low", "high"))
    more = "more" if value >= 0 else "fewer"
    said = f"It is right on {100 * abs(value):.1f} points {more} of them"
    if low is not None and high is not None:
        said += f", with 95 % certainty between {100 * low:+.1f} and {100 * high:+.1f}"
    return f"{said}."


def _chance(found: Mapping[str, Any]) -> str:
    p = found.get("p")
    if p is None:
        return ""
    return f" (paired test by query, p {'< 0.001' if p < 0.001 else f'= {p:.3f}'})"


def rolling_back(project: Project) -> dict[str, Any] | None:
    """Return the champion before this one and what going back to it would do; None where there is none to go to."""
    champion, before = champion_of(project), former_champion(project)
    if champion is None or before is None:
        return None
    return {"to": before, "champion": champion, "scored": has_predictions(before), "ending": ending_round(project)}


def became_champion(adapter: Adapter) -> list[dict[str, Any]]:
    """Return each time that an adapter became champion: when, and in words by whom and in whose place."""
    return [{"at": one.at, "says": _became(one)} for one in promotions_of(adapter)]


def _became(one: Promotion) -> str:
    how = "Made champion again by going back" if one.back else "Made champion"
    whose = f" in place of {one.before}" if one.before else ", the first one"
    return f"{how}{whose}, by {one.by.get_username() if one.by else 'the rule'}"
