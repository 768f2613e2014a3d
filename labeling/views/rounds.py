"""Rounds, and the pairs people cannot agree on."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.models import Consensus, Judgment, Membership, Role
from labeling.queries.rounds import round_progress
from labeling.views.frame import project_page

SHOWN = 50


@require_safe
@for_roles(Role.LEAD)
def rounds(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show every round with its progress, and what is disputed."""
    disputed = Consensus.objects.filter(project=member.project, state=Consensus.State.DISPUTED)
    pairs = list(disputed.order_by("-updated_at").values_list("pair", flat=True)[:SHOWN])
    said: dict[int, list[Judgment]] = {pair: [] for pair in pairs}
    for judgment in Judgment.objects.filter(pair__in=pairs, retired_at__isnull=True).select_related(
        "label", "annotator", "pair__query", "pair__product__revision"
    ):
        said[judgment.pair_id].append(judgment)
    context = {
        "rounds": round_progress(member.project),
        "disputed": list(said.values()),
        "disputed_count": disputed.count(),
    }
    return project_page(request, member, "rounds/page.html", "rounds", context)
