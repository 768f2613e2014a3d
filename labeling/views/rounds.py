"""Rounds, and the pairs people cannot agree on."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.actions.consensus import PERSONAL
from labeling.models import Judgment, Membership, Project, Role
from labeling.queries.adjudication import cannot_agree
from labeling.queries.rounds import Progress, asked_shares, round_progress
from labeling.views.frame import project_page

SHOWN = 50


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
        "rounds": found,
        "streams": served_by_stream(member.project, found[0]) if found else [],
        "disputed": list(said.values()),
        "disputed_count": disputed.count(),
    }
    return project_page(request, member, "rounds/page.html", "rounds", context)


def served_by_stream(project: Project, progress: Progress) -> list[dict[str, Any]]:
    """Return how many judgments of a round each stream has, their share, and the share that is asked for now."""
    total = sum(progress.served.values())
    return [
        {
            "stream": str(stream),
            "served": progress.served.get(stream, 0),
            "share": progress.served.get(stream, 0) / total if total else None,
            "asked": share,
        }
        for stream, share in asked_shares(project, picked=progress.active > 0).items()
    ]
