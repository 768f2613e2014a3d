"""Rounds, why each pair of one was chosen, and the pairs people cannot agree on."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.actions.consensus import PERSONAL
from labeling.models import Judgment, Membership, Project, QueueEntry, Role, Round, Stream
from labeling.queries.adjudication import cannot_agree
from labeling.queries.rounds import Progress, asked_shares, chosen_pairs, round_progress
from labeling.views.frame import project_page
from labeling.views.helps import helps_context
from labeling.views.numbers import percent
from modeling.sampling.strategies import STRATEGIES

SHOWN = 50
NAMES = {Project.MIXED: "Mixed", "uniform": "At random"}
STREAMS = (Stream.ACTIVE, Stream.RANDOM)


@require_safe
@for_roles(Role.LEAD)
def rounds(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show every round with its progress, and what is disputed."""
    disputed = cannot_agree(member.project)
    pairs = list(disputed.order_by("-updated_at").values_list("pair", flat=True)[:SHOWN])
    said: dict[int, list[Judgment]] = {pair: [] for pair in pairs}
    votes = Judgment.objects.filter(pair__in=pairs, retired_at__isnull=True).exclude(stream__in=PERSONAL)
    for judgment in votes.select_related("label", "annotator", "pair__query", "pair__product__revision"):
        said[judgment.pair_id].append(judgment)
    found = round_progress(member.project)
    context = {
        "rounds": [(one, strategy_name(one.round.strategy)) for one in found],
        "newest": found[0].round if found else None,
        "streams": served_by_stream(member.project, found[0]) if found else [],
        "helps": helps_context(member.project) if found else None,
        "disputed": list(said.values()),
        "disputed_count": disputed.count(),
    }
    return project_page(request, member, "rounds/page.html", "rounds", context)


def served_by_stream(project: Project, progress: Progress) -> list[dict[str, Any]]:
    """Return how many judgments of a round each stream has, their share, and the share that was asked for."""
    total = sum(progress.served.values())
    return [
        {
            "stream": str(stream),
            "served": progress.served.get(stream, 0),
            "share": progress.served.get(stream, 0) / total if total else None,
            "asked": share,
        }
        for stream, share in asked_shares(project, progress.round, picked=progress.active > 0).items()
    ]


@require_safe
@for_roles(Role.LEAD)
def one_round(request: HttpRequest, member: Membership, number: int) -> HttpResponse:
    """Show how a round was drawn, and its pairs in the order of serving, each with why it was chosen."""
    found = get_object_or_404(Round.objects.select_related("adapter"), project=member.project, number=number)
    stream = request.GET.get("stream", "")
    stream = stream if stream in STREAMS else ""
    page = Paginator(chosen_pairs(found, stream), SHOWN).get_page(request.GET.get("page"))
    slug = member.project.slug
    context = {
        "round": found,
        "facts": facts_of(found),
        "rows": [{"entry": entry, "why": why(entry)} for entry in page],
        "page": page,
        "stream": stream,
        "streams": STREAMS,
        "rest": f"stream={stream}&" if stream else "",
        "crumbs": [{"text": "Rounds", "url": reverse("rounds", args=[slug])}, {"text": str(found), "url": ""}],
    }
    return project_page(request, member, "rounds/round.html", "rounds", context)


def strategy_name(key: str) -> str:
    """Return what people call a strategy; its key where it is none that there is now."""
    return NAMES.get(key) or (STRATEGIES[key].name if key in STRATEGIES else key)


def facts_of(found: Round) -> list[tuple[str, str]]:
    """Return how a round was drawn, as names and values; rounds of an older Winnow say less."""
    facts = [("Strategy", strategy_name(found.strategy))]
    rules: Mapping[str, Any] = found.rules
    if rules.get("mix") and len(rules["mix"]) > 1:
        total = sum(rules["mix"].values())
        parts = [f"{strategy_name(key)} {percent(share / total)}" for key, share in rules["mix"].items()]
        facts.append(("Of what is picked", ", ".join(parts)))
    if "random_share" in rules:
        facts.append(("Drawn at random", percent(rules["random_share"])))
        facts.append(("Pairs of one query at most", str(rules["max_per_query"])))
        apart = "kept apart" if rules.get("near_duplicates") else "let pass"
        facts.append(("Nearly equal titles", apart))
    if rules.get("label_floor"):
        facts.append(("Least share of each label", percent(rules["label_floor"])))
    facts.append(("Seed", str(found.seed)))
    return facts


def why(entry: QueueEntry) -> str:
    """Say why a pair was chosen; empty where an older Winnow did not keep it."""
    reason = entry.reason
    if not reason.get("words"):
        return ""
    said = str(reason["words"] % reason["values"])
    return f"{strategy_name(reason['strategy'])}: {said}" if reason.get("strategy") else said[:1].upper() + said[1:]
