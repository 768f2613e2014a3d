"""The annotator's home: what waits for them, and how they are doing."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.actions.queue import may_judge, must_train
from labeling.models import Membership, Role
from labeling.queries.gold import BELOW_MARK, ENOUGH_GOLD, gold_result
from labeling.queries.inquiries import new_answers
from labeling.queries.judgments import day_start
from labeling.queries.people import ENOUGH_GAPS, FEWEST, Day, days_of, newest_judgments
from labeling.queries.queue import free_slots
from labeling.queries.relabels import waiting_relabels
from labeling.queries.repeats import self_agreement
from labeling.views.frame import project_page
from labeling.views.numbers import stat
from modeling.estimates import Estimate

DAYS = 14
ENOUGH_REPEATS = 10


@require_safe
@for_roles(Role.ANNOTATOR, Role.LEAD)
def start(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show what waits, what was done and how well, and the way to the desk."""
    days = days_of(member.project, member.user, DAYS)
    newest = newest_judgments(Membership.objects.filter(pk=member.pk))[member.user_id]
    # Gold pairs and repeats count up to midnight only: a number that moves at once would tell which they were.
    midnight = day_start()
    context = {
        "can_judge": may_judge(member),
        "must_train": must_train(member),
        "paused": member.paused_at is not None,
        "below_mark": member.paused_because == BELOW_MARK,
        "told": member.paused_because,
        "waiting": _waiting(member),
        "today": days[-1].judgments,
        "pace": newest.pace,
        "pace_missing": _missing(ENOUGH_GAPS + 1 - len(newest.at)),
        "median": newest.median_seconds,
        "judged": len(newest.at),
        "agreement": share(newest.agreement, FEWEST),
        "gold": share(gold_result(member, midnight), ENOUGH_GOLD),
        "itself": share(self_agreement(member, midnight), ENOUGH_REPEATS),
        "gold_asked": member.project.gold_share > 0,
        "repeats_asked": member.project.repeat_share > 0,
        "chart": day_chart(days),
        "new_answers": new_answers(member.user).get(member.project_id, 0),
        "again": waiting_relabels(member.project, member.user).count(),
    }
    return project_page(request, member, "start/page.html", "start", context)


def _waiting(member: Membership) -> int:
    """Count the pairs that a member could be given; each comes to them once, however many judgments it needs."""
    if not may_judge(member):
        return 0
    return free_slots(member, timezone.now()).order_by().values("entry").distinct().count()


def share(estimate: Estimate, enough: int) -> dict[str, Any]:
    """Return an estimate for the stat component; with too few pairs, how many are missing."""
    if estimate.n < enough:
        return stat(None) | {"missing": _missing(enough - estimate.n)}
    return stat(estimate)


def _missing(n: int) -> str:
    if n < 1:
        return _("Not enough yet")
    return ngettext("Not enough yet: %(n)d more pair", "Not enough yet: %(n)d more pairs", n) % {"n": n}


def day_chart(days: list[Day]) -> dict[str, Any]:
    """Return bars of the judgments of each day, and the table of their numbers."""
    most = max((day.judgments for day in days), default=0)
    total = sum(day.judgments for day in days)
    return {
        "bars": [(number, day.judgments / most) for number, day in enumerate(days) if day.judgments],
        "slots": len(days),
        "most": most,
        "first": days[0].date,
        "last": days[-1].date,
        "total": total,
        "days": list(reversed(days)),
    }
